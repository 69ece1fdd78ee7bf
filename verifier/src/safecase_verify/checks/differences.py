"""A recorded result beside a recomputed one."""

from __future__ import annotations

from safecase_verify.methods._method import Recomputed
from safecase_verify.reading.records import CategoryResult

_VALUE_TOLERANCE = 1e-9
"""A value is a quotient or a mean, so two orders of summing differ by rounding alone."""
_LIMIT_TOLERANCE = 1e-6
"""Limits come out of root finding, whose tolerance the two hands do not share."""


def differences(recorded: CategoryResult, found: Recomputed) -> list[str]:
    """Where a recorded result is not what the raw attempts say; empty where it is."""
    wrong = []
    pairs: list[tuple[str, object, object]] = [
        ("status", recorded.status, found.status),
        ("decision", recorded.decision, found.decision),
        ("decided at", recorded.decided_at, found.decided_at),
        ("attempts", recorded.attempts, found.attempts),
        ("errors", recorded.errors, found.errors),
        ("undetermined", recorded.undetermined, found.undetermined),
    ]
    if found.worst_cases is not None:
        pairs.append(("worst cases", recorded.worst_cases, found.worst_cases))
    wrong += [f"{name} {before}, recomputed {now}" for name, before, now in pairs if before != now]
    estimate, interval = recorded.estimate, found.interval
    if (estimate is None) != (interval is None):
        wrong.append("an estimate is there where none should be" if estimate else "the estimate is missing")
    elif estimate is not None and interval is not None:
        numbers = (
            ("value", estimate.value, interval.value, _VALUE_TOLERANCE),
            ("lower limit", estimate.lower, interval.lower, _LIMIT_TOLERANCE),
            ("upper limit", estimate.upper, interval.upper, _LIMIT_TOLERANCE),
            ("n", estimate.n, interval.n, 0),
        )
        wrong += [
            f"{name} {before:.6g}, recomputed {now:.6g}"
            for name, before, now, slack in numbers
            if abs(before - now) > slack * max(1.0, abs(now))
        ]
    return wrong
