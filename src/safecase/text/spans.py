"""Stretches of a text that several readers found: made disjoint, and replaced."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence

Span = tuple[int, int, str]
"""``text[start:end]`` and a word for it: what it is, or what stands in its place."""


def merge_spans(spans: Iterable[Span]) -> list[Span]:
    """Disjoint spans in order: where two overlap, their union has the word of the longer one."""
    merged: list[Span] = []
    for start, end, word in sorted(spans, key=lambda span: (span[0], -span[1])):
        if not merged or start >= merged[-1][1]:
            merged.append((start, end, word))
            continue
        first, last, known = merged[-1]
        merged[-1] = (first, max(last, end), known if last - first >= end - start else word)
    return merged


def first_of_overlapping(spans: Iterable[Span]) -> Iterator[Span]:
    """The spans in order, without those that begin inside of one that was kept."""
    at = 0
    for span in sorted(spans, key=lambda span: span[0]):
        if span[0] >= at:
            yield span
            at = span[1]


def meets_any(spans: Sequence[Span], start: int, end: int) -> bool:
    """Whether ``[start, end)`` shares a place with one of ``spans``, which are disjoint and in order."""
    place = bisect_left(spans, (start + 1,))
    return (place < len(spans) and spans[place][0] < end) or (place > 0 and spans[place - 1][1] > start)


def replace_spans(text: str, spans: Iterable[Span]) -> str:
    """The text with the word of each span in its place, overlapping spans merged."""
    parts: list[str] = []
    at = 0
    for start, end, word in merge_spans(spans):
        parts += (text[at:start], word)
        at = end
    parts.append(text[at:])
    return "".join(parts)
