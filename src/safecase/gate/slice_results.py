"""From an interval to the result of one slice of a rule."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from safecase.gate._wording import NOT_CONFIGURED, place_of
from safecase.gate.outcomes import ERROR, MISSING, UNDETERMINED
from safecase.gate.rule_slices import RuleSlice
from safecase.model import CategoryResult, Estimate, GateRule, RuleStatus
from safecase.stats import Interval

if TYPE_CHECKING:
    from safecase.gate.metrics._metric import Metric, RunReading


def made_codes(rule_slice: RuleSlice, reading: RunReading) -> NDArray[np.int8]:
    """Outcome codes of the slice's units that were made, gaps or not."""
    codes = reading.by_draw[rule_slice.draws]
    made: NDArray[np.int8] = codes[codes != MISSING]
    return made


def slice_result(
    metric: Metric,
    rule: GateRule,
    rule_slice: RuleSlice,
    estimate: Estimate | None,
    status: RuleStatus,
    told: str,
    *,
    codes: NDArray[np.int8],
    decision: str = "fixed",
    decided_at: int | None = None,
) -> CategoryResult:
    """The result of a slice whose sentence is the rule's demand and ``told``; a rule without a bound has
    none.

    ``codes``: the outcome codes that the numbers rest on, shape (n,).
    """
    if rule.bound is None:
        status, told = RuleStatus.NOT_CONFIGURED, NOT_CONFIGURED
    return CategoryResult(
        category=rule_slice.name,
        status=status,
        estimate=estimate,
        decided_at=decided_at,
        decision=decision,
        attempts=len(codes),
        errors=int((codes == ERROR).sum()),
        undetermined=int((codes == UNDETERMINED).sum()),
        sentence=f"{metric.demand(rule)}{place_of(rule_slice.name)}: {told}.",
        details={
            "planned": len(rule_slice.draws),
            "families": rule_slice.families,
            "population": rule.population,
        },
    )


def status_against(rule: GateRule, interval: Interval) -> RuleStatus:
    """The status of "at most bound" from an interval: a bar that crosses the limit proves nothing."""
    if rule.bound is None:
        return RuleStatus.NOT_CONFIGURED
    if interval.upper <= rule.bound:
        return RuleStatus.MET
    if interval.lower > rule.bound:
        return RuleStatus.NOT_MET
    return RuleStatus.INSUFFICIENT
