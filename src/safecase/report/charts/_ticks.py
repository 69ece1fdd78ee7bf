"""Where an axis carries its numbers."""

from __future__ import annotations

import math

# Factors of a power of ten that people count in without thinking.
_NICE_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


def nice_ticks(lower: float, upper: float, wanted: int = 5) -> tuple[float, ...]:
    """Round tick positions that cover ``[lower, upper]``; always at least two."""
    span = upper - lower
    if not math.isfinite(span) or span <= 1e-9 * max(abs(lower), 1.0):
        return (lower, lower + 1.0)
    raw = span / max(wanted - 1, 1)
    magnitude = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * magnitude for factor in _NICE_STEPS if factor * magnitude >= raw * (1 - 1e-9))
    first = math.floor(lower / step + 1e-9) * step
    count = math.ceil((upper - first) / step - 1e-9) + 1
    return tuple(round(first + index * step, 12) for index in range(max(count, 2)))
