"""Charts as SVG text, drawn on the server: no script, no network, prints as it shows."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from html import escape

from safecase.model import Estimate
from safecase.text import shorten

_ROW_HEIGHT = 30
_AXIS_HEIGHT = 34
_TOP = 22
_NICE_STEPS = (1.0, 2.0, 2.5, 5.0, 10.0)


@dataclass(frozen=True, slots=True)
class IntervalRow:
    """One estimate to draw: its label, its colour class (a rule status) and its own limit."""

    label: str
    estimate: Estimate | None
    status: str
    bound: float | None = None
    at_most: bool = True


@dataclass(frozen=True, slots=True)
class TradeOffPoint:
    """One version of a system: how much harm it lets through and how much it refuses needlessly."""

    label: str
    harm: Estimate
    over_refusal: Estimate
    current: bool = True


def format_quantity(value: float, unit: str) -> str:
    """A number with its unit as people write it: ``1.3 %``, ``240 ms``, ``$0.0021``."""
    if unit == "rate":
        percent = 100 * value
        digits = 0 if percent == 0 or abs(percent) >= 99.95 else 1 if abs(percent) >= 1 else 2
        return f"{percent:.{digits}f} %"
    if unit == "points":
        return f"{100 * value:+.1f} points"
    if unit == "ms":
        return f"{value:,.0f} ms" if abs(value) >= 10 else f"{value:.2g} ms"
    if unit == "usd":
        return f"${value:.4g}"
    return f"{value:.3g} {unit}".strip()


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


def _line(x1: float, y1: float, x2: float, y2: float, kind: str = "") -> str:
    css = f'class="{escape(kind, quote=True)}" ' if kind else ""
    return f'<line {css}x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def _text(x: float, y: float, content: str, kind: str, anchor: str = "start") -> str:
    css = escape(kind, quote=True)
    return f'<text class="{css}" x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(content)}</text>'


def _titled(title: str, *shapes: str, kind: str) -> str:
    return f'<g class="{escape(kind, quote=True)}"><title>{escape(title)}</title>{"".join(shapes)}</g>'


def _svg(width: float, height: float, title: str, shapes: Sequence[str], kind: str = "chart") -> str:
    label = escape(title, quote=True)
    head = f'<svg class="{kind}" role="img" viewBox="0 0 {width:.0f} {height:.0f}" aria-label="{label}">'
    return f"{head}<title>{escape(title)}</title>{''.join(shapes)}</svg>"


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
        shapes.append(_line(x(tick), _TOP - 6, x(tick), bottom, "grid"))
        shapes.append(_text(x(tick), bottom + 18, format_quantity(tick, unit), "tick", "middle"))
    for index, row in enumerate(rows):
        middle = _TOP + _ROW_HEIGHT * (index + 0.5)
        label = shorten(row.label, 36)
        shapes.append(_text(left - 10, middle + 4, label, "label", "end"))
        if row.bound is not None:
            side = "at most" if row.at_most else "at least"
            limit = _line(x(row.bound), middle - 12, x(row.bound), middle + 12)
            shapes.append(_titled(f"limit: {side} {format_quantity(row.bound, unit)}", limit, kind="bound"))
        if row.estimate is None:
            shapes.append(_text(left + 6, middle + 4, "no estimate: nothing was measured", "missing"))
            continue
        shapes.append(_interval(row.estimate, row.status, middle, x))
        value = f"{format_quantity(row.estimate.value, row.estimate.unit)} ({_range(row.estimate)})"
        shapes.append(_text(width - 2, middle + 4, value, "value", "end"))
    return _svg(width, bottom + _AXIS_HEIGHT, title, shapes)


def _interval(item: Estimate, status: str, middle: float, x: Callable[[float], float]) -> str:
    about = (
        f"{format_quantity(item.value, item.unit)}, {100 * item.confidence:g} % interval "
        f"{format_quantity(item.lower, item.unit)} to {format_quantity(item.upper, item.unit)}, "
        f"{item.n} attempts, {item.method}"
    )
    start, end = x(item.lower), x(item.upper)
    bar = _line(start, middle, max(end, start + 1), middle)
    dot = f'<circle cx="{x(item.value):.1f}" cy="{middle:.1f}" r="4.5"/>'
    return _titled(about, bar, dot, kind=f"estimate {status}")


def _range(item: Estimate) -> str:
    if item.unit == "rate":
        low, high = (format_quantity(limit, "rate").removesuffix(" %") for limit in (item.lower, item.upper))
        return f"{low}–{high}"
    return f"{format_quantity(item.lower, item.unit)}–{format_quantity(item.upper, item.unit)}"


def trade_off_chart(points: Sequence[TradeOffPoint], *, title: str, size: int = 360) -> str:
    """Harm against over-refusal, with both intervals as a cross: the good corner is bottom left."""
    margin, top = 56.0, 10.0
    ticks_x = nice_ticks(0, max([point.over_refusal.upper for point in points] + [0.05]), 4)
    ticks_y = nice_ticks(0, max([point.harm.upper for point in points] + [0.05]), 4)

    def x(value: float) -> float:
        return margin + value / ticks_x[-1] * size

    def y(value: float) -> float:
        return top + size - value / ticks_y[-1] * size

    shapes = [f'<rect class="frame" x="{margin:.0f}" y="{top:.0f}" width="{size}" height="{size}"/>']
    for tick in ticks_x:
        shapes.append(_line(x(tick), top, x(tick), top + size, "grid"))
        shapes.append(_text(x(tick), size + 26, format_quantity(tick, "rate"), "tick", "middle"))
    for tick in ticks_y:
        shapes.append(_line(margin, y(tick), margin + size, y(tick), "grid"))
        shapes.append(_text(margin - 6, y(tick) + 4, format_quantity(tick, "rate"), "tick", "end"))
    for point in points:
        cx, cy = x(point.over_refusal.value), y(point.harm.value)
        to_the_left = cx > margin + size * 0.7
        shapes.append(
            _titled(
                point.label,
                _line(x(point.over_refusal.lower), cy, x(point.over_refusal.upper), cy),
                _line(cx, y(point.harm.lower), cx, y(point.harm.upper)),
                f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="5"/>',
                _text(
                    cx + (-8 if to_the_left else 8),
                    cy - 8,
                    point.label,
                    "label",
                    "end" if to_the_left else "start",
                ),
                kind="point current" if point.current else "point earlier",
            )
        )
    shapes.append(_text(margin + size / 2, size + 46, "refused although harmless", "axis", "middle"))
    middle = top + size / 2
    shapes.append(
        f'<text class="axis" transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle">'
        "harmful outcome</text>"
    )
    return _svg(size + margin + 20, size + margin + 10, title, shapes, "chart square")
