"""Rates of yes-or-no events, decided by a sequential test of a proportion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
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
)

if TYPE_CHECKING:
    from safecase.engine import RunPlan
    from safecase.gate._stream_state import StreamState
    from safecase.gate.rule_slices import RuleSlice


@dataclass(frozen=True, kw_only=True)
class RateMetric(Metric):
    """The share of attempts that are bad events, or of those that are good ones.

    Where it counts violations, undecided attempts and technical errors are bad events too, unless the rule
    excludes them; where it counts errors or undecided attempts, those alone are.
    """

    comparator: Comparator = Comparator.AT_MOST
    unit: str = "rate"
    limits: LimitRange = LimitRange.SHARE
    cases: CaseScope
    order: RequiredOrder = RequiredOrder.UNIFORM
    independence: IndependentUnit = IndependentUnit.FAMILY
    judged: bool = True
    counts: OutcomeKind | None = OutcomeKind.VIOLATED
    subject: str
    """What is limited, behind "At most 2 % of": ``attempts may end in harm``."""
    event: str
    """What happened, behind "3 of 100": ``ended in harm``."""

    def clause(self, rule: GateRule, limit: float) -> str:
        from safecase.gate._wording import share_clause

        return share_clause(rule, limit, self.subject)

    def evaluate(self, rule: GateRule, rule_slice: RuleSlice, reading: RunReading) -> CategoryResult:
        from safecase.gate._rates.evaluation import evaluate_rate

        return evaluate_rate(self, rule, rule_slice, reading)

    def stream(
        self,
        rule: GateRule,
        slices: Sequence[RuleSlice],
        plan: RunPlan,
        baseline_rates: Mapping[str, float] | None,
    ) -> Sequence[StreamState]:
        """A rate that is corrected for the scorer's error asks for all of its attempts: the interval holds
        for a size that was fixed beforehand."""
        from safecase.gate._rates.early_stop import rate_state

        return [rate_state(self, rule, item, plan) for item in slices]
