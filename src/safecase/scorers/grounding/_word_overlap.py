"""How much of one text stands in another, measured on words so that small changes do not hide it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from safecase.text import plain_letters

_WORD = re.compile(r"[^\W_]+(?:['’][^\W_]+)?")


def word_places(text: str) -> list[tuple[str, int, int]]:
    """(lower-case word, start, end) for each word of ``text``, look-alike letters undone per word."""
    ascii_text = text.isascii()
    return [
        (
            (match.group() if ascii_text else plain_letters(match.group())).lower().replace("’", "'"),
            match.start(),
            match.end(),
        )
        for match in _WORD.finditer(text)
    ]


@dataclass(frozen=True, slots=True)
class Overlap:
    """How much of a source stands in a text."""

    containment: float
    """Share of the source's distinct word n-grams that stand in the text."""
    longest_run: int
    """Words of the longest run that source and text share."""
    run_start: int
    run_end: int
    """Character offsets of that run in the text."""


class OverlapIndex:
    """A source text prepared for being looked for in many others.

    ``size`` is the n of the n-grams; a source shorter than that is matched whole. Preparing and measuring
    take time linear in the texts' lengths, as long as the source does not repeat the same n-gram.
    """

    def __init__(self, source: str, size: int = 5) -> None:
        self.words = [word for word, _, _ in word_places(source)]
        self.size = max(1, min(size, len(self.words)))
        self._places: dict[tuple[str, ...], list[int]] = {}
        for index in range(len(self.words) - self.size + 1):
            places = self._places.setdefault(tuple(self.words[index : index + self.size]), [])
            # A prompt that repeats one phrase a thousand times must not cost a thousand steps per match.
            if len(places) < 8:
                places.append(index)

    def without(self, other: str) -> OverlapIndex:
        """The index without the n-grams that ``other`` holds too (text that the user brought along)."""
        words = [word for word, _, _ in word_places(other)]
        known = {tuple(words[index : index + self.size]) for index in range(len(words) - self.size + 1)}
        if not known & self._places.keys():
            return self
        reduced = OverlapIndex.__new__(OverlapIndex)
        reduced.words, reduced.size = self.words, self.size
        reduced._places = {gram: places for gram, places in self._places.items() if gram not in known}
        return reduced

    def measure(self, text: str) -> Overlap:
        """How much of the source stands in ``text``."""
        places = word_places(text)
        words = [word for word, _, _ in places]
        size = self.size
        if not self._places or len(words) < size:
            return Overlap(0.0, 0, 0, 0)
        found: set[tuple[str, ...]] = set()
        longest, longest_end = 0, 0
        runs: dict[int, int] = {}
        for index in range(len(words) - size + 1):
            gram = tuple(words[index : index + size])
            sources = self._places.get(gram)
            if not sources:
                runs = {}
                continue
            found.add(gram)
            runs = {place: runs.get(place - 1, size - 1) + 1 for place in sources}
            length = max(runs.values())
            if length > longest:
                longest, longest_end = length, index + size
        if not longest:
            return Overlap(0.0, 0, 0, 0)
        return Overlap(
            len(found) / len(self._places),
            longest,
            places[longest_end - longest][1],
            places[longest_end - 1][2],
        )
