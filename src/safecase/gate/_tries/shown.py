"""What a gate says of families that somebody had seen when a run began."""

from __future__ import annotations

from collections.abc import Sequence

from safecase.gate.rule_slices import RuleSlice, about_population
from safecase.model import GateRule, RuleStatus, counted

DEVELOPMENT = (
    "This run is development: the families that it needed had been seen in earlier runs, and what was mended "
    "on a case that somebody saw says nothing about the next one. To decide, try families that nobody has "
    "seen: `safecase certify` where some are sealed, else add new ones."
)
"""Said once in a verdict that open families kept open."""


def shown_caveat(rule: GateRule, slices: Sequence[RuleSlice], status: RuleStatus) -> str:
    """How many families a claim about the population left out because they had been seen.

    Empty where it lacks nothing: the rule claims nothing about a population, or it is decided.
    """
    shown = sum(item.shown for item in slices)
    if not shown or status is not RuleStatus.INSUFFICIENT or not about_population(rule):
        return ""
    total = shown + sum(item.families for item in slices)
    if shown == total:
        every = "Its one family" if total == 1 else f"All {total:,} of its families"
        return f" {every} had been seen before this run, and count no more."
    verb = "was" if shown == 1 else "were"
    return f" Of its {counted(total, 'family', 'families')} {shown:,} {verb} seen before, and count no more."
