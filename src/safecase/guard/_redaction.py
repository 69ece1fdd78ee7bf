"""Putting replacements into a text."""

from __future__ import annotations

from collections.abc import Sequence

from safecase.model import Replacement


def merge_spans(replacements: Sequence[Replacement]) -> list[Replacement]:
    """Disjoint replacements in order: where two overlap, the union is replaced by the longer one's text."""
    result: list[Replacement] = []
    for item in sorted(replacements, key=lambda r: (r.start, -r.end)):
        if not result or item.start >= result[-1].end:
            result.append(item)
            continue
        last = result[-1]
        wider = last if last.end - last.start >= item.end - item.start else item
        result[-1] = Replacement(last.start, max(last.end, item.end), wider.text)
    return result


def apply_replacements(text: str, replacements: Sequence[Replacement]) -> str:
    """The text with every replacement made; offsets are places in ``text``."""
    parts: list[str] = []
    at = 0
    for item in merge_spans(replacements):
        parts += (text[at : item.start], item.text)
        at = item.end
    parts.append(text[at:])
    return "".join(parts)
