"""One reading of a text that keeps its offsets into the text as it was received.

A reading is made from its parent by a list of replacements, so that every place in it can be walked back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from safecase.text._hints import hints

_PUNCTUATION = str.maketrans(dict.fromkeys(".,;:!?\"'()[]{}<>*`", " "))

Edit = tuple[int, int, str]
"""Replace ``text[start:end]`` by a text; a list of edits is disjoint and in order."""


@dataclass(frozen=True, slots=True)
class _Piece:
    """``reading[start:...]`` was read from ``parent[parent_start:parent_end]``; ``same``: place by place."""

    start: int
    parent_start: int
    parent_end: int
    same: bool


@dataclass(frozen=True)
class Reading:
    """One reading of a text, and what can be told of it at little cost."""

    name: str
    """``original``, ``normalised``, or the codecs that were undone, joined by ``+``: ``base64+hex``."""
    text: str
    parent: Reading | None = None
    pieces: tuple[_Piece, ...] = ()
    """How this reading was made from its parent; empty: place by place."""
    mirrored: bool = False
    """The reading is its parent backwards."""
    _starts: list[int] = field(default_factory=list)

    @property
    def hidden_by(self) -> str:
        """The codecs that had to be undone for this reading, "" where a person reads it as it stands."""
        return "" if self.name in ("original", "normalised") else self.name

    @cached_property
    def hints(self) -> frozenset[str]:
        """Which searches for disguises are worth their time on this reading."""
        return hints(self.text)

    @cached_property
    def sizes(self) -> list[int]:
        """Lengths of the tokens between white space."""
        return list(map(len, self.text.split()))

    @cached_property
    def longest(self) -> int:
        """The longest token's length; 0 where no token has 15 characters, which is as far as anybody asks."""
        return max(self.sizes, default=0) if "long_token" in self.hints else 0

    @cached_property
    def words(self) -> list[str]:
        """The words in lower case, without the punctuation around them."""
        return self.text.lower().translate(_PUNCTUATION).split()

    @cached_property
    def distinct_words(self) -> set[str]:
        """`words`, each once."""
        return set(self.words)

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that ``text[start:end]`` was read from; needs start < end."""
        reading: Reading = self
        while reading.parent is not None:
            if reading.mirrored:
                size = len(reading.text)
                start, end = size - end, size - start
            elif reading.pieces:
                start, end = reading._place(start)[0], reading._place(end - 1)[1]
                end = max(end, start + 1)
            reading = reading.parent
        return start, end

    def _place(self, index: int) -> tuple[int, int]:
        """Where a character of this reading stands in its parent: itself, or the whole piece that it was made
        from."""
        if not self._starts:
            self._starts.extend(piece.start for piece in self.pieces)
        piece = self.pieces[bisect_right(self._starts, index) - 1]
        if piece.same:
            place = piece.parent_start + index - piece.start
            return place, place + 1
        return piece.parent_start, piece.parent_end


def rewrite(reading: Reading, name: str, edits: Iterable[Edit]) -> Reading:
    """The reading with each edit made, under a name of its own."""
    text, parts, pieces = reading.text, [], []
    at = made = 0
    for start, end, new in edits:
        if start > at:
            pieces.append(_Piece(made, at, start, same=True))
            parts.append(text[at:start])
            made += start - at
        if new:
            pieces.append(_Piece(made, start, end, same=len(new) == end - start))
            parts.append(new)
            made += len(new)
        at = end
    if at < len(text):
        pieces.append(_Piece(made, at, len(text), same=True))
        parts.append(text[at:])
    return Reading(name, "".join(parts), reading, tuple(pieces))


def mirror(reading: Reading, name: str) -> Reading:
    """The reading backwards, under a name of its own."""
    return Reading(name, reading.text[::-1], reading, mirrored=True)


def name_after(reading: Reading, name: str) -> str:
    """The name of what is read where ``name`` is undone in ``reading``."""
    return f"{reading.hidden_by}+{name}" if reading.hidden_by else name
