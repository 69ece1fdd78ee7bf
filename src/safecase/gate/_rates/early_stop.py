"""A rate while a run is under way: the test of the evaluation, fed one attempt at a time."""

from __future__ import annotations

from safecase.engine import RunPlan
from safecase.gate._proportion_test import ProportionTest, allowed_events, make_test
from safecase.gate._rates.evaluation import is_event, is_sure
from safecase.gate._rates.limits import failure_bound, good_rate
from safecase.gate._stream_state import StreamState
from safecase.gate.metrics._rate import RateMetric
from safecase.gate.rule_slices import RuleSlice
from safecase.model import GateRule
from safecase.stats import StatisticsError


def rate_state(metric: RateMetric, rule: GateRule, rule_slice: RuleSlice, plan: RunPlan) -> StreamState:
    """The state of a slice: tested where the rule has a limit and corrects nothing, else asking for all."""
    bound = failure_bound(rule)
    if bound is None or not len(rule_slice.draws) or rule.judge_correction.method != "none":
        return StreamState(rule, rule_slice, plan)
    return _RateState(metric, rule, rule_slice, plan, bound)


class _RateState(StreamState):
    """A rate whose test decides."""

    def __init__(
        self, metric: RateMetric, rule: GateRule, rule_slice: RuleSlice, plan: RunPlan, bound: float
    ) -> None:
        super().__init__(rule, rule_slice, plan)
        self._metric = metric
        self._allowed = allowed_events(bound, self.size)
        self._sure = 0
        self._test: ProportionTest | None = None
        try:
            self._test = make_test(
                population=rule.population,
                bound=bound,
                good=good_rate(rule),
                size=self.size,
                confidence=rule.confidence,
                uniform=rule_slice.uniform,
                independent=rule_slice.independent,
                minimum_n=rule.minimum_n,
                whole=rule_slice.shown > 0,
            )
        except StatisticsError:
            # Too few families for the claim: more calls cannot help, so none are asked for.
            self.decision = "impossible"

    def _take(self, draw: int, code: int) -> None:
        """Count an attempt. Behind the decision the counts go on: violations may yet prove by themselves what
        errors only gave reason to suspect."""
        self.n += 1
        self.events += is_event(self._metric, code)
        self._sure += is_sure(self._metric, code)
        if self._test is None:
            return
        self.proven = self.proven or self._test.exceeds(self.n, self._sure)
        decision = None if self.decision else self._test.decide(self.n, self.events)
        if decision is not None:
            census_over = decision == "census" and self.events > self._allowed
            self._decide(decision, over=decision == "block_proven" or census_over)
