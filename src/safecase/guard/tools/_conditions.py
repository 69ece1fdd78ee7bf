"""Predicates over the arguments of a call, or over its result."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from safecase.guard.tools._declaration import Condition

_LONGEST = 10_000
"""Characters of an argument that a pattern is held against: what is longer fails the condition."""


def failed_condition(conditions: Sequence[Condition], value: Any) -> str:
    """What the first condition that does not hold says; empty where all hold."""
    for condition in conditions:
        if not _holds(condition, value):
            return condition.message or (
                f"'{condition.argument}' must be {condition.operator} {condition.value}"
                if condition.value is not None
                else f"'{condition.argument}' must be {condition.operator}"
            )
    return ""


def _holds(condition: Condition, value: Any) -> bool:
    """Whether a predicate is true of the value at its path."""
    found = value
    present = True
    for part in condition.argument.split("."):
        if isinstance(found, dict) and part in found:
            found = found[part]
        else:
            present = False
            break
    if condition.operator in ("present", "absent"):
        return present is (condition.operator == "present")
    # A condition on what is not there fails, "!=" too: an argument left out must not pass a check.
    if not present:
        return False
    wanted = condition.value
    if condition.operator == "==":
        return bool(found == wanted)
    if condition.operator == "!=":
        return bool(found != wanted)
    if condition.operator in ("in", "not in"):
        inside = isinstance(wanted, tuple) and found in wanted
        return inside is (condition.operator == "in")
    if condition.operator == "matches":
        return _matches(str(wanted), found)
    # True is an integer to Python and no amount to a tool.
    if isinstance(found, bool) or not isinstance(found, (int, float)) or not isinstance(wanted, (int, float)):
        return False
    return found <= wanted if condition.operator == "<=" else found >= wanted


def _matches(pattern: str, found: Any) -> bool:
    """A whole match by RE2, which takes time linear in the value; False for what is no short text."""
    if not isinstance(found, str) or len(found) > _LONGEST:
        return False
    import re2

    try:
        return re2.fullmatch(pattern, found) is not None
    except re2.error:
        return False
