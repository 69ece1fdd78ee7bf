"""What the benchmarks on recorded data share: where the data are, and rates with their limits."""

from __future__ import annotations

import os
import sys
from pathlib import Path

from safecase.stats import clopper_pearson

Rate = tuple[float, float, float]
"""Value, lower and upper limit."""


def data_path() -> Path:
    """Where the recorded data are, or would be: SAFECASE_SHARED_DATA, or beside the repository."""
    beside = Path(__file__).resolve().parents[2] / "shared" / "data"
    return Path(os.environ.get("SAFECASE_SHARED_DATA") or beside)


def recorded(needed: str) -> Path | None:
    """The folder of recorded data; None with a word on what to do where the file ``needed`` is not in it."""
    folder = data_path()
    if (folder / needed).is_file():
        return folder
    print(f"the recorded data are not in {folder}: set SAFECASE_SHARED_DATA", file=sys.stderr)
    return None


def rate(events: int, n: int) -> Rate:
    """A rate with its 95 % Clopper-Pearson limits; nothing seen is told as 0 to 1."""
    if not n:
        return 0.0, 0.0, 1.0
    interval = clopper_pearson(events, n)
    return interval.value, interval.lower, interval.upper


def shown_area(values: Rate | None) -> str:
    """An area under a curve for a table."""
    return "" if values is None else "{:.3f} ({:.3f}-{:.3f})".format(*values)


def shown(values: Rate | None) -> str:
    """A rate for a table."""
    return "" if values is None else f"{100 * values[0]:.1f} % ({100 * values[1]:.1f}-{100 * values[2]:.1f})"
