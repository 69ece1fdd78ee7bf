"""The text as it came and as it can be read: normalised and decoded views that keep their offsets.

Decoding goes level by level: each level undoes all encodings that stand in the text at once, in place, so
that the words around an encoded piece stay around it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from safecase.guard._ciphers import read_ciphers
from safecase.guard._decoding import decode_level
from safecase.guard._normalise import hidden_texts, normalise
from safecase.guard._text_view import TextView

MAXIMUM_DEPTH = 6
"""Encodings inside encodings that are followed."""
WORK_FACTOR = 12
"""Characters that all views together may hold per character of the text."""
WORK_FLOOR = 200_000


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


def make_views(text: str) -> Views:
    """The readings of ``text``; takes time linear in its length, whatever it holds."""
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
