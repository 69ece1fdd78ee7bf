"""When to let an agent act: the decision table on impact, reversibility, taint and confidence (AGT-07).

A framework for people who write policies, and a second opinion on one: `advice` says what the table would do.
"""

from __future__ import annotations

from typing import Literal

from safecase.base import Record
from safecase.guard.tools._declaration import RiskTier
from safecase.model import GuardAction

Taint = Literal["user", "made_up", "designated", "tainted"]
_IMPACT: dict[RiskTier, int] = {"low": 0, "medium": 1, "high": 2, "critical": 3, "forbidden": 4}
_TAINT: dict[Taint, int] = {"user": 0, "made_up": 0, "designated": 1, "tainted": 2}
"""Steps that are added up: an argument that somebody's text chose weighs as much as two steps of impact, a
field that a policy designated as one."""


class Row(Record):
    """One cell of the table."""

    impact: RiskTier
    reversible: bool
    taint: Taint
    confident: bool
    action: GuardAction


def advice(impact: RiskTier, *, reversible: bool, taint: Taint, confident: bool = True) -> GuardAction:
    """What the table says: points for impact, for what cannot be undone, for taint and for doubt.

    0-1 points: go ahead. 2-4: ask a person. 5 or more, or a forbidden tool: no.
    """
    if impact == "forbidden":
        return GuardAction.BLOCK
    points = _IMPACT[impact] + (0 if reversible or impact == "low" else 1) + _TAINT[taint] + (not confident)
    if points <= 1:
        return GuardAction.ALLOW
    return GuardAction.REQUIRE_APPROVAL if points <= 4 else GuardAction.BLOCK


def table() -> tuple[Row, ...]:
    """Every cell."""
    return tuple(
        Row(
            impact=impact,
            reversible=reversible,
            taint=taint,
            confident=confident,
            action=advice(impact, reversible=reversible, taint=taint, confident=confident),
        )
        for impact in _IMPACT
        for reversible in (True, False)
        for taint in _TAINT
        for confident in (True, False)
    )
