"""Quantities of answers: their latency, their cost."""

from __future__ import annotations

import math
from abc import ABC
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from safecase.gate.metrics._metric import Metric, RunReading
from safecase.model import (
    CaseScope,
    CategoryResult,
    Comparator,
    GateRule,
    IndependentUnit,
    LimitRange,
    OutcomeKind,
    RequiredOrder,
    RuleStatus,
)

if TYPE_CHECKING:
    from safecase.engine import RunPlan
    from safecase.gate._stream_state import StreamState
    from safecase.gate.rule_slices import RuleSlice

_ENOUGH = 200
"""Attempts after which such a rule asks for no more calls of its own: what more of them would buy in
precision they cost in money."""


@dataclass(frozen=True, kw_only=True)
class QuantityMetric(Metric, ABC):
    """A quantity that every answer has; measured, not judged."""

    comparator: Comparator = Comparator.AT_MOST
    limits: LimitRange = LimitRange.QUANTITY
    cases: CaseScope = CaseScope.SELECTED
    order: RequiredOrder = RequiredOrder.ANY
    independence: IndependentUnit = IndependentUnit.ATTEMPT
    judged: bool = False
    counts: OutcomeKind | None = None

    def enough(self, rule: GateRule) -> int:
        """Attempts after which the rule asks for no more."""
        return max(_ENOUGH, rule.minimum_n)

    def stream(
        self,
        rule: GateRule,
        slices: Sequence[RuleSlice],
        plan: RunPlan,
        baseline_rates: Mapping[str, float] | None,
    ) -> Sequence[StreamState]:
        """Asks for `enough` attempts, and then for no more."""
        from safecase.gate._stream_state import StreamState

        return [
            StreamState(rule, _spread(item, self.enough(rule)), plan, enough=self.enough(rule))
            for item in slices
        ]


def _spread(rule_slice: RuleSlice, enough: int) -> RuleSlice:
    """The slice with the draws that such a rule asks for. The first ones are a fair sample in a uniform
    order; where blocks of risks follow one another, it is draws from all over the order."""
    import numpy as np

    size = len(rule_slice.draws)
    if rule_slice.uniform or size <= enough:
        return rule_slice
    return replace(rule_slice, draws=rule_slice.draws[np.linspace(0, size - 1, enough).astype(np.int64)])


@dataclass(frozen=True, kw_only=True)
class LatencyMetric(QuantityMetric):
    """A quantile of the latency of answers that came from the target, cached ones left out.

    An attempt that ended in an error never came, so it counts as slower than any answer: a system that drops
    what it is slow at would be quick otherwise."""

    unit: str = "ms"
    quantile: float
    """Strictly between 0 and 1."""
    share: str
    """The quantile as people say it: ``half``, ``95 %``."""

    def enough(self, rule: GateRule) -> int:
        """As for other quantities, and never fewer than the quantile's upper limit takes to be finite."""
        finite = math.ceil(math.log((1 - rule.confidence) / 2) / math.log(self.quantile))
        return max(super().enough(rule), finite)

    def clause(self, rule: GateRule, limit: float) -> str:
        return f"{self.share.capitalize()} of the answers must come within {limit:,.0f} ms"

    def evaluate(self, rule: GateRule, rule_slice: RuleSlice, reading: RunReading) -> CategoryResult:
        import numpy as np

        from safecase.gate._settlement import Tally, settle
        from safecase.gate._wording import STATUS_ENDINGS
        from safecase.gate.estimates import from_interval
        from safecase.gate.outcomes import ERROR
        from safecase.gate.slice_results import made_codes, slice_result, status_against
        from safecase.model import counted
        from safecase.stats import quantile_interval

        columns, codes = reading.columns, made_codes(rule_slice, reading)
        chosen = rule_slice.cases[columns.case_index] & ~columns.cached
        failed = columns.outcome[chosen] == ERROR
        values = np.where(failed, np.inf, columns.latency_ms[chosen])
        if failed.all():
            return slice_result(
                self, rule, rule_slice, None, RuleStatus.INSUFFICIENT, "no answer was timed", codes=codes
            )
        interval = quantile_interval(values, self.quantile, rule.confidence)
        status, note = settle(rule, status_against(rule, interval), Tally.of(columns.outcome[chosen]))
        within = f"within {interval.value:,.1f} ms" if np.isfinite(interval.value) else "late or never"
        told = f"{self.share} of {counted(len(values), 'answer')} came {within}"
        if failed.any():
            told += f", {counted(int(failed.sum()), 'technical error')} among them counted as never"
        told += f", {f'but {note}: ' if note else ''}{STATUS_ENDINGS[status]}"
        estimate = from_interval(interval, unit=self.unit)
        return slice_result(self, rule, rule_slice, estimate, status, told, codes=codes)
