"""The gate while a run is under way: what is decided, and what is still worth calling.

It sees attempts in draw order only, and uses the same tests as the evaluation afterwards, so both
decide alike. What each kind of rule asks of the run:

* rates, severity-weighted rates and regressions: attempts until their sequential test decides;
* attack@k: the first k tries of each case, and no further try of a case that is broken;
* latency and cost: ``max(200, minimum_n)`` attempts of their own, and then no more;
* group differences and rates corrected for the scorer's error: all of their attempts, because their
  methods hold for a size that was fixed beforehand;
* advisory rules ask like all others, but never end a run that binding rules still need, and a run in
  which a binding rule has failed ends without them;
* coverage: one attempt on each risk.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from safecase.engine import OUTCOME_CODES, DrawOrder, RunPlan
from safecase.gate.binary_test import BinaryTest, allowed_events, make_test
from safecase.gate.populations import RuleSlice, rule_slices
from safecase.gate.rates import (
    ERROR,
    HELD,
    RATE_METRICS,
    UNDETERMINED,
    VIOLATED,
    budget_note,
    failure_bound,
    good_rate,
    is_event,
)
from safecase.gate.regression import margin_of, regression_test
from safecase.model import (
    AttemptSummary,
    Case,
    Gate,
    GateRule,
    Metric,
    OutcomeKind,
    PlannedAttempt,
    RuleClass,
)
from safecase.stats import BoundedSequentialTest, StatisticsError, bounded_gate, paired_observation

_TIMED = frozenset({Metric.LATENCY_P50_MS, Metric.LATENCY_P95_MS, Metric.COST_PER_ATTEMPT_USD})
_TIMED_ANSWERS = 200
"""Attempts after which a latency or cost rule asks for no more calls of its own."""


class _CategoryState:
    """Where one category of one rule stands; asks for all of its attempts."""

    def __init__(self, rule: GateRule, category: RuleSlice, plan: RunPlan) -> None:
        self.rule = rule
        self.name = category.name
        self.units: NDArray[np.bool_] = np.zeros(len(plan), dtype=np.bool_)
        self.units[category.draws] = True
        self.size = len(category.draws)
        self.seen = self.errors = self.undetermined = 0
        self.n = 0
        self.events = 0
        self.decision = ""
        self.failed = False

    @property
    def decided(self) -> bool:
        """True where more attempts cannot change the category's answer."""
        if self.decision or self.seen >= self.size:
            return True
        if failure_bound(self.rule) is None and self.rule.margin is None:
            return True
        return self.rule.metric in _TIMED and self.seen >= max(_TIMED_ANSWERS, self.rule.minimum_n)

    def observe(self, draw: int, code: int) -> None:
        """Take the next unit of the stream."""
        self.seen += 1
        self.errors += code == ERROR
        self.undetermined += code == UNDETERMINED
        if not self.decision:
            self._take(draw, code)

    def _take(self, draw: int, code: int) -> None:
        """Feed the test; rules without one only count."""

    def _decide(self, decision: str, *, over: bool) -> None:
        self.decision = decision
        # Failures of the technique stop a category as violations would, but they prove nothing.
        self.failed = over and not budget_note(self.rule, self.seen, self.errors, self.undetermined)

    def line(self) -> str:
        """Where the category stands, for the progress display."""
        name = "" if self.name == "all" else f"{self.name}: "
        state = self.decision.replace("_", " ") or ("done" if self.decided else "open")
        return f"{name}{self.events} of {self.n or self.seen}, {state}"


class _RateState(_CategoryState):
    """A rate: the binary test decides."""

    def __init__(self, rule: GateRule, category: RuleSlice, plan: RunPlan, bound: float) -> None:
        super().__init__(rule, category, plan)
        self._bound = bound
        self._uniform = plan.order is DrawOrder.UNIFORM
        self._counts = self.size
        self._test = self._make_test()

    def _make_test(self) -> BinaryTest | None:
        try:
            return make_test(
                population=self.rule.population,
                bound=self._bound,
                good=good_rate(self.rule),
                size=self._counts,
                confidence=self.rule.confidence,
                uniform=self._uniform,
                minimum_n=self.rule.minimum_n,
            )
        except StatisticsError:
            # Too few families for the claim: more calls cannot help, so none are asked for.
            self.decision = "impossible"
            return None

    def _take(self, draw: int, code: int) -> None:
        event = is_event(self.rule, code)
        if event is None:
            # The unit is left out, so the test is about one unit less, as it is in the evaluation.
            self._counts -= 1
            self._test = self._make_test() if self._counts else None
        else:
            self.n += 1
            self.events += event
        decision = self._test.decide(self.n, self.events) if self._test and self.n else None
        if decision is not None:
            census_over = decision == "census" and self.events > allowed_events(self._bound, self._counts)
            self._decide(decision, over=decision == "block_proven" or census_over)


class _SeverityState(_CategoryState):
    """A severity-weighted rate: bets on a number in [0, 1]."""

    def __init__(self, rule: GateRule, category: RuleSlice, plan: RunPlan, bound: float) -> None:
        super().__init__(rule, category, plan)
        self._weights = [case.severity.weight for case in plan.cases]
        self._case_index = plan.case_index
        self._test = BoundedSequentialTest(bounded_gate(bound, self.size, alpha=1 - rule.confidence))

    def _take(self, draw: int, code: int) -> None:
        self.n += 1
        self.events += code != HELD
        weight = self._weights[self._case_index[draw]] if code != HELD else 0.0
        self._test = self._test.update(weight)
        if self._test.decision != "continue":
            over = self._test.decision == "blocked"
            self._decide("block_proven" if over else self._test.decision, over=over)


class _RegressionState(_CategoryState):
    """A regression: bets on the difference to the baseline's mean on the same case."""

    def __init__(
        self, rule: GateRule, category: RuleSlice, plan: RunPlan, margin: float, baseline: Mapping[str, float]
    ) -> None:
        super().__init__(rule, category, plan)
        self._before = [baseline.get(case.id) for case in plan.cases]
        self._case_index = plan.case_index
        self._repeat = plan.repeat
        paired = sum(
            plan.repeat[draw] == 0 and self._before[plan.case_index[draw]] is not None
            for draw in category.draws
        )
        # Without a pair nothing is to be learnt; with pairs, the draws between them keep the stream whole.
        self.decision = "" if paired else "impossible"
        self._test = BoundedSequentialTest(regression_test(rule, margin, max(int(paired), 1)))

    def _take(self, draw: int, code: int) -> None:
        before = self._before[self._case_index[draw]] if self._repeat[draw] == 0 else None
        bad = code == VIOLATED or (code != HELD and self.rule.errors_count_as == "violated")
        if before is None or not (bad or code == HELD):
            return
        self.n += 1
        self.events += bad
        if self._test.decision != "continue":
            return
        self._test = self._test.update(paired_observation(float(bad), before))
        decision = self._test.decision
        # A suite that was run whole is told by its mean.
        waits = decision == "exhausted" and self.rule.population == "suite"
        if decision != "continue" and not waits:
            over = decision == "blocked"
            self._decide("block_proven" if over else decision, over=over)


class _AttackState(_CategoryState):
    """Attack@k: the first k tries of each case, up to its first success."""

    def __init__(self, rule: GateRule, category: RuleSlice, plan: RunPlan) -> None:
        super().__init__(rule, category, plan)
        self._case_index = plan.case_index
        self.units &= plan.repeat < (rule.k or 1)
        self.size = int(self.units.sum())

    def _take(self, draw: int, code: int) -> None:
        self.n += 1
        if code != VIOLATED:
            return
        self.events += 1
        later = self.units & (self._case_index == self._case_index[draw])
        later[: draw + 1] = False
        self.units &= ~later
        self.size -= int(later.sum())


def _state(
    rule: GateRule, category: RuleSlice, plan: RunPlan, baseline: Mapping[str, float] | None
) -> _CategoryState:
    bound = failure_bound(rule)
    if rule.metric is Metric.ATTACK_AT_K:
        return _AttackState(rule, category, plan)
    if not len(category.draws):
        return _CategoryState(rule, category, plan)
    margin = margin_of(rule)
    if rule.metric is Metric.REGRESSION and margin is not None and baseline is not None:
        return _RegressionState(rule, category, plan, margin, baseline)
    if bound is not None and rule.metric is Metric.SEVERITY_WEIGHTED_RATE:
        return _SeverityState(rule, category, plan, bound)
    early = rule.metric in RATE_METRICS and rule.judge_correction.method == "none"
    if bound is not None and early:
        return _RateState(rule, category, plan, bound)
    return _CategoryState(rule, category, plan)


class StreamingEvaluation:
    """Watches a run for one or several gates; a `safecase.model.protocols.EarlyStop`.

    ``baseline_rates`` (case id → violation rate in the baseline run, `BaselineRun.rates`) lets regression
    rules stop early; without it they ask for all of their attempts. ``stop_on_failure``: a binding rule
    that is proven to fail ends the run.
    """

    def __init__(
        self,
        gates: Sequence[Gate],
        plan: RunPlan,
        *,
        stop_on_failure: bool = True,
        baseline_rates: Mapping[str, float] | None = None,
    ) -> None:
        self._states: list[tuple[GateRule, list[_CategoryState]]] = [
            (rule, [_state(rule, category, plan, baseline_rates) for category in rule_slices(rule, plan)])
            for gate in gates
            for rule in gate.rules
            if rule.metric is not Metric.COVERAGE
        ]
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
        self._seen_risks.add(summary.risk)
        changed = False
        for state in self._open:
            if state.units[summary.draw]:
                state.observe(summary.draw, code)
                changed = changed or state.decided
                if state.failed and state.rule.rule_class is not RuleClass.ADVISORY:
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
        """True where the verdict can no longer change: all is decided, or a binding rule has failed."""
        if not self._has_rules:
            return False
        if self._failed and self._stop_on_failure:
            return True
        return not self._open and self._seen_risks >= self._wanted_risks

    def progress(self) -> Mapping[str, str]:
        """Rule → its single category, or how many of its categories are decided."""
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
