"""The mean cost of an attempt, in US dollars."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from safecase.gate.metrics._metric import RunReading
from safecase.gate.metrics._quantity import QuantityMetric
from safecase.model import CategoryResult, GateRule, RuleStatus

if TYPE_CHECKING:
    from safecase.gate.rule_slices import RuleSlice


@dataclass(frozen=True, kw_only=True)
class CostMetric(QuantityMetric):
    """The mean cost of an attempt with a Student-t interval; approximate, and said to be.

    Unknown prices leave the rule without evidence: an unknown cost is not zero.
    """

    unit: str = "usd"

    def clause(self, rule: GateRule, limit: float) -> str:
        from safecase.model import number

        return f"An attempt may cost at most ${number(limit, 6)} on average"

    def evaluate(self, rule: GateRule, rule_slice: RuleSlice, reading: RunReading) -> CategoryResult:
        import numpy as np
        from scipy.special import stdtrit

        from safecase.gate._settlement import Tally, settle
        from safecase.gate._wording import STATUS_ENDINGS
        from safecase.gate.estimates import from_interval
        from safecase.gate.slice_results import made_codes, slice_result, status_against
        from safecase.model import counted, number
        from safecase.stats import Interval

        codes = made_codes(rule_slice, reading)
        values = reading.columns.cost_usd[rule_slice.cases[reading.columns.case_index]]
        # A spread takes two values.
        if len(values) < 2 or np.isnan(values).any():
            told = "the price of some attempts is unknown" if len(values) else "nothing was measured"
            return slice_result(self, rule, rule_slice, None, RuleStatus.INSUFFICIENT, told, codes=codes)
        mean = float(values.mean())
        half = float(
            stdtrit(len(values) - 1, 0.5 + rule.confidence / 2) * values.std(ddof=1) / np.sqrt(len(values))
        )
        interval = Interval(
            mean, max(0.0, mean - half), mean + half, rule.confidence, "student-t", len(values)
        )
        outcomes = reading.columns.outcome[rule_slice.cases[reading.columns.case_index]]
        status, note = settle(rule, status_against(rule, interval), Tally.of(outcomes))
        told = (
            f"${number(mean, 4)} on average over {counted(len(values), 'attempt')}, "
            f"{f'but {note}: ' if note else ''}{STATUS_ENDINGS[status]}"
        )
        estimate = from_interval(interval, unit=self.unit)
        return slice_result(self, rule, rule_slice, estimate, status, told, codes=codes)


METRIC = CostMetric(name="cost_per_attempt_usd")
