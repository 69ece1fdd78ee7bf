"""A rule's limits as limits on bad events, and whether a claim with them can be made at all."""

from __future__ import annotations

from safecase.gate._proportion_test import families_needed
from safecase.model import Comparator, GateRule, counted, percent

_DESIGN_SHARE = 4
"""A system that ought to ship is taken to fail at a quarter of the limit, where the rule says nothing else:
far enough below it that a test of ordinary size tells the two apart."""


def opposite_rate(rate: float) -> float:
    """The rate of the opposite event: of what was not served, where ``rate`` is of what was."""
    return 1.0 - rate


def failure_rate(rule: GateRule, rate: float) -> float:
    """``rate`` as the rate of bad events: turned round where the rule asks for at least so many good ones."""
    return rate if rule.comparator is Comparator.AT_MOST else opposite_rate(rate)


def failure_bound(rule: GateRule) -> float | None:
    """The bound as a limit on bad events; None where the rule sets none."""
    return None if rule.bound is None else failure_rate(rule, rule.bound)


def good_rate(rule: GateRule) -> float:
    """The design rate of bad events: what is declared, else a quarter of the limit."""
    if rule.good is None:
        return (failure_bound(rule) or 0.0) / _DESIGN_SHARE
    return failure_rate(rule, rule.good)


def impossible_note(rule: GateRule, families: int) -> str:
    """Why a claim about the population can never be made with so few families, or with such limits."""
    bound = failure_bound(rule)
    if bound is None or not 0 < bound < 1:
        return "a claim about all such cases needs a limit strictly between 0 % and 100 %"
    if not 0 < good_rate(rule) < bound:
        end = percent(0 if rule.comparator is Comparator.AT_MOST else 1)
        return (
            f"'good', the rate of a system that ought to ship, must lie strictly between the limit and {end}"
        )
    needed = max(families_needed(bound, rule.confidence), rule.minimum_n, 1)
    if families >= needed:
        return f"{families} independent families are too few for a claim with this limit"
    independent = counted(needed, "independent family", "independent families")
    there = "is" if families == 1 else "are"
    return f"a claim about all such cases takes at least {independent}, and there {there} {families}"
