"""Estimates with their intervals, each against its own limit, as SVG text: no script, prints as it shows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from safecase.model import Estimate, quantity
from safecase.report.charts._svg import line, svg, text, titled
from safecase.report.charts._ticks import nice_ticks

_ROW_HEIGHT = 30
_AXIS_HEIGHT = 34
_TOP = 22
"""Pixels of a row with its line of text, of the scale below, and of a margin above that the grid reaches
into."""
# The left margin is at most 300 pixels wide, which is so many letters of the page's font.
_LONGEST_LABEL = 36


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One estimate to draw: its label, its colour class (a rule status) and its own limit."""

    label: str
    estimate: Estimate | None
    status: str
    bound: float | None = None
    at_most: bool = True


def interval_chart(rows: Sequence[IntervalRow], *, title: str, width: int = 760) -> str:
    """Estimates as dots with their intervals as bars, each against its own limit.

    Rows without an estimate say so in place of a bar. Returns an ``<svg>`` element; all labels are
    escaped.
    """
    left = min(300.0, max(120.0, 8 + 7 * max((len(row.label) for row in rows), default=10)))
    right = width - 150.0
    drawn = [row.estimate for row in rows if row.estimate is not None]
    unit = drawn[0].unit if drawn else "rate"
    limits = [row.bound for row in rows if row.bound is not None]
    highest = max([item.upper for item in drawn] + limits + [0.0])
    lowest = min([item.lower for item in drawn] + limits + [0.0])
    ticks = nice_ticks(lowest, highest if highest > lowest else lowest + 0.05)

    def x(value: float) -> float:
        return left + (value - ticks[0]) / (ticks[-1] - ticks[0]) * (right - left)

    bottom = _TOP + _ROW_HEIGHT * len(rows)
    shapes: list[str] = []
    for tick in ticks:
        shapes.append(line(x(tick), _TOP - 6, x(tick), bottom, "grid"))
        shapes.append(text(x(tick), bottom + 18, quantity(tick, unit), "tick", "middle"))
    for index, row in enumerate(rows):
        middle = _TOP + _ROW_HEIGHT * (index + 0.5)
        shapes.append(text(left - 10, middle + 4, row.label, "label", "end", longest=_LONGEST_LABEL))
        if row.bound is not None:
            side = "at most" if row.at_most else "at least"
            limit = line(x(row.bound), middle - 12, x(row.bound), middle + 12)
            shapes.append(titled(f"limit: {side} {quantity(row.bound, unit)}", limit, kind="bound"))
        if row.estimate is None:
            shapes.append(text(left + 6, middle + 4, "no estimate: nothing was measured", "missing"))
            continue
        shapes.append(_interval(row.estimate, row.status, middle, x))
        value = f"{quantity(row.estimate.value, row.estimate.unit)} ({_range(row.estimate)})"
        shapes.append(text(width - 2, middle + 4, value, "value", "end"))
    return svg(width, bottom + _AXIS_HEIGHT, title, shapes)


def _interval(item: Estimate, status: str, middle: float, x: Callable[[float], float]) -> str:
    about = (
        f"{quantity(item.value, item.unit)}, {100 * item.confidence:g} % interval "
        f"{quantity(item.lower, item.unit)} to {quantity(item.upper, item.unit)}, "
        f"{item.n} attempts, {item.method}"
    )
    start, end = x(item.lower), x(item.upper)
    bar = line(start, middle, max(end, start + 1), middle)
    dot = f'<circle cx="{x(item.value):.1f}" cy="{middle:.1f}" r="4.5"/>'
    return titled(about, bar, dot, kind=f"estimate {status}")


def _range(item: Estimate) -> str:
    if item.unit == "rate":
        low, high = (quantity(limit, "rate").removesuffix(" %") for limit in (item.lower, item.upper))
        return f"{low}–{high}"
    return f"{quantity(item.lower, item.unit)}–{quantity(item.upper, item.unit)}"
