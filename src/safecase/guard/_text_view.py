"""One reading of a text that keeps its offsets into the text as it was received.

A view is made from its parent by a list of replacements, so that every place in it can be walked back.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

from safecase.guard._hints import hints
from safecase.guard._linear.hashing import Features, extract


@dataclass(frozen=True, slots=True)
class _Piece:
    """``view[start:...]`` was read from ``parent[parent_start:parent_end]``; ``same``: place by place."""

    start: int
    parent_start: int
    parent_end: int
    same: bool


@dataclass(frozen=True)
class TextView:
    """One reading of a text."""

    name: str
    """``original``, ``normalised``, or the encodings that were undone, joined by ``+``: ``base64+hex``."""
    text: str
    parent: TextView | None = None
    pieces: tuple[_Piece, ...] = ()
    """How this view was made from its parent; empty: place by place."""
    mirrored: bool = False
    """The view is its parent backwards."""
    _starts: list[int] = field(default_factory=list)

    @cached_property
    def hints(self) -> frozenset[str]:
        """Which searches for disguises are worth their time on this reading."""
        return hints(self.text)

    @cached_property
    def features(self) -> Features:
        """What classifiers read of it; made once for all of them."""
        return extract(self.text)

    def original_span(self, start: int, end: int) -> tuple[int, int]:
        """The span of the original text that ``text[start:end]`` was read from; needs start < end."""
        view: TextView = self
        while view.parent is not None:
            if view.mirrored:
                size = len(view.text)
                start, end = size - end, size - start
            elif view.pieces:
                start, end = view._place(start)[0], view._place(end - 1)[1]
                end = max(end, start + 1)
            view = view.parent
        return start, end

    def _place(self, index: int) -> tuple[int, int]:
        if not self._starts:
            self._starts.extend(piece.start for piece in self.pieces)
        piece = self.pieces[bisect_right(self._starts, index) - 1]
        if piece.same:
            place = piece.parent_start + index - piece.start
            return place, place + 1
        return piece.parent_start, piece.parent_end


Edit = tuple[int, int, str]
"""Replace ``text[start:end]`` by a text; edits are disjoint and in order."""


def rewrite(view: TextView, name: str, edits: Iterable[Edit]) -> TextView:
    """The view with each edit made."""
    text, parts, pieces = view.text, [], []
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
    return TextView(name, "".join(parts), view, tuple(pieces))


def named(view: TextView, name: str) -> str:
    """The name of what is undone in ``view`` by ``name``."""
    return name if view.name in ("original", "normalised") else f"{view.name}+{name}"
