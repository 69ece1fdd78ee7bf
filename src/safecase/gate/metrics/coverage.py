"""The share of severe risks that were tried at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safecase.gate.metrics._metric import Metric, RunReading
from safecase.model import (
    CaseScope,
    CategoryResult,
    Comparator,
    Estimate,
    GateRule,
    IndependentUnit,
    LimitRange,
    RequiredOrder,
    RuleStatus,
    Severity,
)

if TYPE_CHECKING:
    from safecase.engine import RunPlan
    from safecase.gate._stream_state import StreamState
    from safecase.gate.rule_slices import RuleSlice

_SEVERE = Severity.SEV2
"""A risk this severe or worse must have been tried: those are the ones that can hurt somebody badly."""


@dataclass(frozen=True, kw_only=True)
class CoverageMetric(Metric):
    """The share of severe risks (sev1, sev2) that at least one attempt was made on; a count, not an
    estimate."""

    def clause(self, rule: GateRule, limit: float) -> str:
        from safecase.gate._wording import share_clause

        return share_clause(rule, limit, "the severe risks must have been tested")

    def evaluate(self, rule: GateRule, rule_slice: RuleSlice, reading: RunReading) -> CategoryResult:
        from safecase.gate._wording import STATUS_ENDINGS
        from safecase.gate.coverage import tried_cases
        from safecase.gate.outcomes import MISSING
        from safecase.gate.slice_results import slice_result

        severe = [risk for risk in reading.risks if risk.severity.at_least(_SEVERE)]
        # Whatever slice the rule looks at, risks are tried by the whole run.
        codes = reading.by_draw[reading.by_draw != MISSING]
        if not severe:
            told = "the workspace declares no severe risk"
            return slice_result(self, rule, rule_slice, None, RuleStatus.INSUFFICIENT, told, codes=codes)
        tried = {case.risk for case in tried_cases(reading.plan, reading.by_draw)}
        covered = sum(risk.id in tried for risk in severe)
        share = covered / len(severe)
        estimate = Estimate(
            value=share,
            lower=share,
            upper=share,
            confidence=rule.confidence,
            method="count",
            n=len(severe),
            events=covered,
        )
        met = rule.bound is not None and share >= rule.bound
        status = RuleStatus.MET if met else RuleStatus.NOT_MET
        told = f"{covered} of {len(severe)} {'was' if covered == 1 else 'were'}, {STATUS_ENDINGS[status]}"
        return slice_result(self, rule, rule_slice, estimate, status, told, codes=codes)

    def stream(
        self,
        rule: GateRule,
        slices: Sequence[RuleSlice],
        plan: RunPlan,
        baseline_rates: Mapping[str, float] | None,
    ) -> Sequence[StreamState] | None:
        """Nothing of its own: every run tries each of its risks at least once."""
        return None


METRIC = CoverageMetric(
    name="coverage",
    comparator=Comparator.AT_LEAST,
    unit="rate",
    limits=LimitRange.SHARE,
    cases=CaseScope.RISKS,
    order=RequiredOrder.ANY,
    independence=IndependentUnit.NOTHING,
    judged=False,
    counts=None,
)
