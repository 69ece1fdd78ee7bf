"""Putting replacements into a text."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from safecase.model import Replacement
from safecase.text import merge_spans as merge_all
from safecase.text import replace_spans


def merge_spans(replacements: Sequence[Replacement]) -> list[Replacement]:
    """Disjoint replacements in order: where two overlap, the union is replaced by the longer one's text."""
    return [Replacement(*span) for span in merge_all(_spans(replacements))]


def apply_replacements(text: str, replacements: Sequence[Replacement]) -> str:
    """The text with every replacement made; offsets are places in ``text``."""
    return replace_spans(text, _spans(replacements))


def _spans(replacements: Iterable[Replacement]) -> list[tuple[int, int, str]]:
    return [(item.start, item.end, item.text) for item in replacements]
