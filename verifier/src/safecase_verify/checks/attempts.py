"""What an attempt says of itself, held against its case and against the run's and the pack's times."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from safecase_verify.errors import CheckFailed

CLOCKS = timedelta(minutes=5)
"""By so much the clocks of a run's machines may differ. Chosen without measurement."""


def check_time(started_at: datetime, not_before: datetime, not_after: datetime) -> None:
    """An attempt began after its plan was written and before the pack was made. Raises CheckFailed."""
    if started_at.tzinfo is None:
        raise CheckFailed("this attempt does not say in which time zone it began")
    if started_at < not_before - CLOCKS:
        raise CheckFailed(f"this attempt began on {started_at:%Y-%m-%d}, before the run was planned")
    if started_at > not_after + CLOCKS:
        raise CheckFailed(f"this attempt began on {started_at:%Y-%m-%d}, after the pack was made")


def check_error(outcomes: Sequence[str], has_error: bool) -> None:
    """An error stands beside scores just where one of them is an error. Raises CheckFailed."""
    if not outcomes and not has_error:
        raise CheckFailed("this attempt has neither a score nor an error")
    if outcomes and has_error and "error" not in outcomes:
        raise CheckFailed("this attempt has an error beside scores that are none")


def check_script(script: Sequence[tuple[str, object]], said: Sequence[tuple[str, object]]) -> None:
    """The case's messages (role, content) were said, in their order. Raises CheckFailed."""
    waiting = iter(said)
    if not all(wanted in waiting for wanted in script):
        raise CheckFailed("the transcript does not hold what its case says to the system")
