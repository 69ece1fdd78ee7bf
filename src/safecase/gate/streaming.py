"""The gate while a run is under way: what is decided, and what is still worth calling.

It sees attempts in draw order only, and uses the same tests as the evaluation afterwards, so both
decide alike. Rules that cannot stop early (groups, attack@k, corrected rates...) keep their attempts
wanted to the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from safecase.engine.plan import DrawOrder, RunPlan
from safecase.engine.summary import OUTCOME_CODES
from safecase.gate.binary_test import BinaryTest, make_test
from safecase.gate.populations import Category, categories
from safecase.gate.rates import RATE_METRICS, failure_bound, good_rate, is_event
from safecase.model.attempt import AttemptSummary, PlannedAttempt
from safecase.model.gate import Gate, GateRule
from safecase.model.suite import Case
from safecase.model.vocabulary import Metric, OutcomeKind, RuleClass
from safecase.stats.errors import StatisticsError

_LATENCY = (Metric.LATENCY_P50_MS, Metric.LATENCY_P95_MS)
_TIMED_ANSWERS = 200
"""Answers after which a latency or cost rule asks for no more calls of its own."""


class _CategoryState:
    """Where one category of one rule stands."""

    def __init__(self, rule: GateRule, category: Category, plan: RunPlan) -> None:
        self.rule = rule
        self.name = category.name
        self.units: NDArray[np.bool_] = np.zeros(len(plan), dtype=np.bool_)
        self.units[category.draws] = True
        self.size = len(category.draws)
        self.n = 0
        self.events = 0
        self.seen = 0
        self.decision = ""
        self.failed = False
        self._test = self._make_test(plan)

    def _make_test(self, plan: RunPlan) -> BinaryTest | None:
        rule, bound = self.rule, failure_bound(self.rule)
        early = rule.metric in RATE_METRICS and rule.judge_correction.method == "none"
        if not early or bound is None or not self.size:
            return None
        try:
            return make_test(
                population=rule.population,
                bound=bound,
                good=good_rate(rule),
                size=self.size,
                confidence=rule.confidence,
                uniform=plan.order is DrawOrder.UNIFORM,
                minimum_n=rule.minimum_n,
            )
        except StatisticsError:
            # Too few families for the claim: more calls cannot help, so none are asked for.
            self.decision = "impossible"
            return None

    @property
    def decided(self) -> bool:
        """True where more attempts cannot change the category's answer."""
        if self.decision or self.seen >= self.size:
            return True
        if failure_bound(self.rule) is None and self.rule.margin is None:
            return True
        timed = self.rule.metric in _LATENCY or self.rule.metric is Metric.COST_PER_ATTEMPT_USD
        return timed and self.seen >= max(_TIMED_ANSWERS, self.rule.minimum_n)

    def observe(self, code: int) -> None:
        """Take the next unit of the stream."""
        self.seen += 1
        if self.decision or self._test is None:
            return
        event = is_event(self.rule, code)
        if event is None:
            return
        self.n += 1
        self.events += event
        decision = self._test.decide(self.n, self.events)
        if decision is not None:
            self.decision = decision
            allowed = getattr(self._test, "allowed", None)
            over = decision == "census" and allowed is not None and self.events > allowed
            self.failed = decision == "block_proven" or over

    def line(self) -> str:
        """Where the category stands, for the progress display."""
        name = "" if self.name == "all" else f"{self.name}: "
        state = self.decision.replace("_", " ") or "open"
        return f"{name}{self.events} of {self.n or self.seen}, {state}"


class StreamingEvaluation:
    """Watches a run for one or several gates; a `safecase.model.protocols.StreamingGate`."""

    def __init__(self, gates: Sequence[Gate], plan: RunPlan, *, stop_on_failure: bool = True) -> None:
        self._states: list[tuple[GateRule, list[_CategoryState]]] = [
            (rule, [_CategoryState(rule, category, plan) for category in categories(rule, plan)])
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
                state.observe(code)
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
