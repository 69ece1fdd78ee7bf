"""The text as it came and as it can be read: normalised and decoded views that keep their offsets.

A view is made from its parent by a list of replacements, so that every place in it can be walked back to the
text as it was received. Decoding goes level by level: each level undoes all encodings that stand in the
text at once, in place, so that the words around an encoded piece stay around it.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import cached_property

from safecase.guard.hints import hints

MAXIMUM_DEPTH = 6
"""Encodings inside encodings that are followed."""
WORK_FACTOR = 12
"""Characters that all views together may hold per character of the text."""
WORK_FLOOR = 200_000


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


@dataclass(frozen=True, slots=True)
class Views:
    """All readings of one text."""

    original: TextView
    normalised: TextView
    """NFKC, look-alike letters, invisible characters and spaced-out words undone; where nothing had to be
    undone, the very object ``original``."""
    decoded: tuple[TextView, ...] = ()
    """What encodings hide, innermost readings included."""
    truncated: bool = False
    """True where a bound on depth or size was met, so that something may still be hidden."""

    @property
    def all(self) -> tuple[TextView, ...]:
        """Every distinct reading, the original first."""
        first = (self.original,) if self.normalised is self.original else (self.original, self.normalised)
        return (*first, *self.decoded)

    @property
    def readings(self) -> tuple[TextView, ...]:
        """The normalised view and the decoded ones: what a reader of words needs, nothing twice."""
        return (self.normalised, *self.decoded)


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


def make_views(text: str) -> Views:
    """The readings of ``text``; takes time linear in its length, whatever it holds."""
    # Imported here, because their modules make their views by means of this one.
    from safecase.guard.ciphers import read_ciphers
    from safecase.guard.decoding import decode_level
    from safecase.guard.normalise import hidden_texts, normalise

    original = TextView("original", text)
    normalised = normalise(original)
    decoded: list[TextView] = []
    seen = {text, normalised.text}
    budget = max(WORK_FLOOR, WORK_FACTOR * len(text))
    truncated = False
    queue = [(normalised, 0)]
    for hidden in hidden_texts(original):
        if hidden.text not in seen:
            seen.add(hidden.text)
            decoded.append(hidden)
            queue.append((hidden, 1))
    readers: tuple[Callable[[TextView], Iterable[TextView]], ...] = (decode_level, read_ciphers)
    while queue:
        view, depth = queue.pop(0)
        for reader in readers:
            for made in reader(view):
                if made.text in seen:
                    continue
                budget -= len(made.text)
                if budget < 0 or depth >= MAXIMUM_DEPTH:
                    truncated = True
                    continue
                seen.add(made.text)
                decoded.append(made)
                queue.append((made, depth + 1))
    return Views(original, normalised, tuple(decoded), truncated)
