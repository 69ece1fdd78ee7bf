"""What every statistical function asks of its arguments."""

from __future__ import annotations

from safecase.base import EmptyDenominatorError, StatisticsError


def require_probability(name: str, value: float, *, open_interval: bool = True) -> float:
    """Return `value` as a float, or raise `StatisticsError` if it is no probability.

    `open_interval` excludes 0 and 1 themselves.
    """
    number = float(value)
    inside = 0.0 < number < 1.0 if open_interval else 0.0 <= number <= 1.0
    if not inside:
        allowed = "strictly between 0 and 1" if open_interval else "between 0 and 1"
        raise StatisticsError(f"{name} must be {allowed}, got {value!r}")
    return number


def require_counts(successes: float, n: float) -> None:
    """Raise unless 0 <= successes <= n and n > 0 (`EmptyDenominatorError` when n is 0)."""
    if n == 0:
        raise EmptyDenominatorError("no observations (n = 0): a rate over an empty denominator is undefined")
    if not n > 0:
        raise StatisticsError(f"n must be positive, got {n!r}")
    if not 0 <= successes <= n:
        raise StatisticsError(f"successes must lie between 0 and n={n!r}, got {successes!r}")
