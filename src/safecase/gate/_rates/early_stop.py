"""A rate while a run is under way: the test of the evaluation, fed one attempt at a time."""

from __future__ import annotations

from safecase.engine import RunPlan
from safecase.gate._proportion_test import ProportionTest, allowed_events, make_test
from safecase.gate._rates.evaluation import is_event
from safecase.gate._rates.limits import failure_bound, good_rate
from safecase.gate._stream_state import StreamState
from safecase.gate.metrics._rate import RateMetric
from safecase.gate.rule_slices import RuleSlice
from safecase.model import DrawOrder, GateRule
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
        self._bound = bound
        self._uniform = plan.order is DrawOrder.UNIFORM
        self._whole = rule_slice.shown > 0
        self._counts = self.size
        self._test = self._make_test()

    def _make_test(self) -> ProportionTest | None:
        try:
            return make_test(
                population=self.rule.population,
                bound=self._bound,
                good=good_rate(self.rule),
                size=self._counts,
                confidence=self.rule.confidence,
                uniform=self._uniform,
                minimum_n=self.rule.minimum_n,
                whole=self._whole,
            )
        except StatisticsError:
            # Too few families for the claim: more calls cannot help, so none are asked for.
            self.decision = "impossible"
            return None

    def _take(self, draw: int, code: int) -> None:
        """Count an attempt, or take its unit out of the test where the rule leaves it out."""
        event = is_event(self._metric, self.rule, code)
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
