"""What a gate says of families that somebody had seen when a run began."""

from __future__ import annotations

from collections.abc import Sequence

from safecase.gate._wording import place_of
from safecase.gate.metrics._metric import Metric
from safecase.gate.rule_slices import RuleSlice, about_population
from safecase.model import CategoryResult, GateRule, RuleStatus, counted

DEVELOPMENT = (
    "This run is development: families that a claim about new cases needed are open (seen before it began, or "
    "kept open to work on), and what was mended on a case that somebody saw says nothing about the next one. "
    "To decide, try families that nobody has seen: `safecase certify` where some are sealed, else add new ones."
)
"""Said once in a verdict that open families kept open."""


def without_families(
    metric: Metric, rule: GateRule, item: RuleSlice, found: CategoryResult
) -> CategoryResult:
    """``found`` with its reason, where all families of a claim about the population are open."""
    if len(item.draws) or not item.shown or found.status is not RuleStatus.INSUFFICIENT:
        return found
    every = "its one family is" if item.shown == 1 else f"all {item.shown:,} of its families are"
    told = (
        f"{metric.demand(rule)}{place_of(item.name)}: {every} open, and count no more: not enough evidence."
    )
    return found.model_copy(update={"sentence": told})


def shown_caveat(rule: GateRule, slices: Sequence[RuleSlice], status: RuleStatus) -> str:
    """How many families a claim about the population left out because they are open; empty where it lacks
    none, and where its one sentence says so."""
    shown = sum(item.shown for item in slices)
    if not waits_for_families(rule, slices, status):
        return ""
    total = shown + sum(item.families for item in slices)
    if len(slices) == 1 and shown == total:
        return ""
    verb = "is" if shown == 1 else "are"
    return f" Of its {counted(total, 'family', 'families')} {shown:,} {verb} open, and count no more."


def waits_for_families(rule: GateRule, slices: Sequence[RuleSlice], status: RuleStatus) -> bool:
    """Whether a rule about the population is open, and some of its families are."""
    return status is RuleStatus.INSUFFICIENT and about_population(rule) and any(item.shown for item in slices)
