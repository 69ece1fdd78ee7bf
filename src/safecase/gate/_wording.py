"""Numbers, counts and endings as the sentences of the gate say them."""

from __future__ import annotations

from safecase.model import Comparator, GateRule, RuleStatus, percent

STATUS_ENDINGS = {
    RuleStatus.MET: "met",
    RuleStatus.NOT_MET: "not met",
    RuleStatus.INSUFFICIENT: "not enough evidence",
    RuleStatus.NOT_CONFIGURED: "not configured",
}
"""How a sentence about one slice ends."""
NOT_CONFIGURED = "not configured, which is never a pass"


def exact_percent(rate: float) -> str:
    """A declared limit in percent, with every digit that somebody would declare."""
    return percent(rate, 6)


def share_clause(rule: GateRule, limit: float, subject: str) -> str:
    """``At most 2 % of attempts may end in harm``, where ``subject`` is ``attempts may end in harm``."""
    side = "At most" if rule.comparator is Comparator.AT_MOST else "At least"
    return f"{side} {exact_percent(limit)} of {subject}"


def place_of(slice_name: str) -> str:
    """The slice in brackets, where a rule has more than the one of all its cases."""
    return f" ({slice_name})" if slice_name and slice_name != "all" else ""
