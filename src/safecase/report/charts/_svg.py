"""The pieces that every drawing is put together from. All words are escaped here and nowhere else."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from safecase.text import shorten


def words(content: str, longest: int | None = None) -> str:
    """Text as it may stand between tags and in quotes, cut with an ellipsis after ``longest`` characters."""
    return escape(content if longest is None else shorten(content, longest), quote=True)


def line(x1: float, y1: float, x2: float, y2: float, kind: str = "") -> str:
    """A straight line in pixels; ``kind`` is its class in the style sheet."""
    css = f'class="{words(kind)}" ' if kind else ""
    return f'<line {css}x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"/>'


def text(
    x: float, y: float, content: str, kind: str, anchor: str = "start", *, longest: int | None = None
) -> str:
    """A label at a point, cut after ``longest`` characters."""
    place = f'x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}"'
    return f'<text class="{words(kind)}" {place}>{words(content, longest)}</text>'


def titled(title: str, *shapes: str, kind: str) -> str:
    """Shapes that belong together, with words that show when a pointer rests on them."""
    return f'<g class="{words(kind)}"><title>{words(title)}</title>{"".join(shapes)}</g>'


def svg(width: float, height: float, title: str, shapes: Sequence[str], kind: str = "chart") -> str:
    """The whole drawing, which names itself to people who do not see it."""
    label = words(title)
    head = f'<svg class="{kind}" role="img" viewBox="0 0 {width:.0f} {height:.0f}" aria-label="{label}">'
    return f"{head}<title>{words(title)}</title>{''.join(shapes)}</svg>"
