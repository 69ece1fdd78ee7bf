"""Harm against needless refusal: what the safety of a system costs its users."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from safecase.model import Estimate, quantity
from safecase.report.charts._svg import line, svg, text, titled
from safecase.report.charts._ticks import nice_ticks


@dataclass(frozen=True, slots=True)
class TradeOffPoint:
    """One version of a system: how much harm it lets through and how much it refuses needlessly."""

    label: str
    harm: Estimate
    over_refusal: Estimate
    current: bool = True


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
        shapes.append(line(x(tick), top, x(tick), top + size, "grid"))
        shapes.append(text(x(tick), size + 26, quantity(tick, "rate"), "tick", "middle"))
    for tick in ticks_y:
        shapes.append(line(margin, y(tick), margin + size, y(tick), "grid"))
        shapes.append(text(margin - 6, y(tick) + 4, quantity(tick, "rate"), "tick", "end"))
    for point in points:
        cx, cy = x(point.over_refusal.value), y(point.harm.value)
        to_the_left = cx > margin + size * 0.7
        shapes.append(
            titled(
                point.label,
                line(x(point.over_refusal.lower), cy, x(point.over_refusal.upper), cy),
                line(cx, y(point.harm.lower), cx, y(point.harm.upper)),
                f'<circle cx="{cx:.1f}" cy="{cy:.1f}" r="5"/>',
                text(
                    cx + (-8 if to_the_left else 8),
                    cy - 8,
                    point.label,
                    "label",
                    "end" if to_the_left else "start",
                ),
                kind="point current" if point.current else "point earlier",
            )
        )
    shapes.append(text(margin + size / 2, size + 46, "refused although harmless", "axis", "middle"))
    middle = top + size / 2
    shapes.append(
        f'<text class="axis" transform="translate(14 {middle:.0f}) rotate(-90)" text-anchor="middle">'
        "harmful outcome</text>"
    )
    return svg(size + margin + 20, size + margin + 10, title, shapes, "chart square")
