"""The gate while a run is under way: what is decided, and what is still worth calling.

It sees attempts in draw order only, and uses the same tests as the evaluation afterwards, so both
decide alike. What each kind of rule asks of the run:

* rates, severity-weighted rates and regressions: attempts until their sequential test decides, and on where
  too many errors hold the answer back;
* attack@k: the first k tries of each case, and no further try of a case that is broken;
* latency and cost: ``max(200, minimum_n)`` attempts of their own, and then no more (more where the limit of a
  quantile far out takes more);
* group differences and rates corrected for the scorer's error: all of their attempts, because their
  methods hold for a size that was fixed beforehand;
* advisory rules ask like all others, but never end a run that binding rules still need, and a run in
  which a binding rule has failed, or cannot be met any more, ends without them;
* coverage: one attempt on each risk that does not end in an error;
* families that somebody had seen when the run began decide nothing about a population: all of their attempts
  are made, because who works on them wants to see them. A claim about cases that were seen is decided by the
  whole count alone.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from safecase.engine import OUTCOME_CODES, RunPlan
from safecase.gate._stream_state import StreamState
from safecase.gate._tries.error import rule_of_try
from safecase.gate.metrics import metric_of
from safecase.gate.rule_slices import RuleSlice, rule_slices
from safecase.model import AttemptSummary, Case, Gate, GateRule, OutcomeKind, PlannedAttempt, RuleClass


class StreamingEvaluation:
    """Watches a run for one or several gates; a `safecase.model.protocols.EarlyStop`.

    ``baseline_rates`` (case digest → violation rate in the baseline run, `BaselineRun.rates`) lets regression
    rules stop early; without it they ask for all of their attempts. ``stop_on_failure``: a binding rule
    that is proven to fail, or that no further attempt will let pass, ends the run.
    """

    def __init__(
        self,
        gates: Sequence[Gate],
        plan: RunPlan,
        *,
        stop_on_failure: bool = True,
        baseline_rates: Mapping[str, float] | None = None,
        try_number: int = 1,
        open_families: Collection[str] = frozenset(),
    ) -> None:
        """``try_number`` and ``open_families``: as the run's manifest has them."""
        self._states: list[tuple[GateRule, Sequence[StreamState]]] = []
        for rule in (rule_of_try(rule, try_number) for gate in gates for rule in gate.rules):
            slices = rule_slices(rule, plan, open_families)
            states = metric_of(rule).stream(rule, slices, plan, baseline_rates)
            if states is not None:
                self._states.append((rule, [*states, *_development(rule, slices, plan)]))
        self._stop_on_failure = stop_on_failure
        self._seen_risks: set[str] = set()
        self._wanted_risks = {case.risk for case in plan.cases}
        self._codes: dict[OutcomeKind, int] = {kind: code for code, kind in enumerate(OUTCOME_CODES)}
        self._open = [state for _, states in self._states for state in states if not state.decided]
        self._failed = False
        self._has_rules = bool(self._states)

    def observe(self, summary: AttemptSummary) -> None:
        """Take the next attempt in draw order."""
        code = self._codes[summary.outcome]
        # An error is no look at a risk.
        if summary.outcome is not OutcomeKind.ERROR:
            self._seen_risks.add(summary.risk)
        changed = False
        for state in self._open:
            if state.units[summary.draw]:
                state.observe(summary.draw, code)
                changed = changed or state.decided
                # A futile rule is not proven to fail, but no attempt of this run will let it pass either.
                lost = state.failed or state.decision == "futility"
                if lost and state.rule.rule_class is not RuleClass.ADVISORY:
                    self._failed = True
        if changed:
            self._open = [state for state in self._open if not state.decided]

    def wants(self, planned: PlannedAttempt, case: Case) -> bool:
        """Whether some open rule reads this draw, or its risk has not been tried at all yet."""
        if not self._has_rules:
            return True
        if case.risk not in self._seen_risks:
            return True
        return any(state.units[planned.draw] for state in self._open)

    @property
    def finished(self) -> bool:
        """True where the verdict can no longer become a go, or all is decided."""
        if not self._has_rules:
            return False
        if self._failed and self._stop_on_failure:
            return True
        return not self._open and self._seen_risks >= self._wanted_risks

    def progress(self) -> Mapping[str, str]:
        """Rule → its single slice, or how many of its slices are decided."""
        lines = {}
        for rule, states in self._states:
            if len(states) == 1:
                lines[rule.id] = states[0].line()
            elif states:
                done = sum(state.decided for state in states)
                failed = [state.name for state in states if state.failed]
                lines[rule.id] = f"{done} of {len(states)} categories decided" + (
                    f", over the limit: {', '.join(failed)}" if failed else ""
                )
        return lines


def _development(rule: GateRule, slices: Sequence[RuleSlice], plan: RunPlan) -> list[StreamState]:
    """The attempts on families that decide nothing any more, and that somebody wants to look at."""
    shown = [replace(item, draws=item.shown_draws, name=f"{item.name} (open)") for item in slices]
    return [StreamState(rule, item, plan) for item in shown if len(item.draws)]
