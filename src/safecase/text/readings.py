"""The text as it came and as it can be read: normalised and decoded readings that keep their offsets.

Decoding goes level by level: each level undoes all encodings that stand in the text at once, in place, so
that the words around an encoded piece stay around it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from safecase.text.cipher_words import read_ciphers
from safecase.text.codecs import all_codecs
from safecase.text.codecs._codec import Codec
from safecase.text.codecs.invisible.zero_width import INVISIBLE
from safecase.text.codecs.look_alikes.diacritics import MARKS, are_dense
from safecase.text.normalise import normalise
from safecase.text.reading import Edit, Reading, name_after, rewrite
from safecase.text.spans import first_of_overlapping, meets_any

MAXIMUM_DEPTH = 6
"""Encodings inside encodings that are followed: a model follows two or three, and each costs a pass."""
WORK_FACTOR = 12
"""Characters that all readings together may hold per character of the text: each of the depths once for what
it decodes to and once for a cipher that its words suggest."""
WORK_FLOOR = 200_000
"""Characters that are always allowed: some milliseconds of work."""
_SHORT = 20_000
"""Characters of a text whose readings are kept for a moment."""
_MARK_RUN = re.compile(f"{MARKS.pattern}+")


@dataclass(frozen=True, slots=True)
class Readings:
    """All readings of one text."""

    original: Reading
    normalised: Reading
    """NFKC, look-alike letters, invisible characters and spaced-out words undone; where nothing had to be
    undone, the very object ``original``."""
    decoded: tuple[Reading, ...] = ()
    """What encodings hide, innermost readings included."""
    truncated: bool = False
    """True where a bound on depth or size was met, so that something may still be hidden."""

    @property
    def all(self) -> tuple[Reading, ...]:
        """Every distinct reading, the original first."""
        return (self.original, *self.hidden)

    @property
    def hidden(self) -> tuple[Reading, ...]:
        """Every reading that differs from the text as it came; empty for most texts."""
        return self.decoded if self.normalised is self.original else (self.normalised, *self.decoded)

    @property
    def plain(self) -> tuple[Reading, ...]:
        """The normalised reading and the decoded ones: what a reader of words needs, nothing twice."""
        return (self.normalised, *self.decoded)


def read_all(text: str) -> Readings:
    """The readings of ``text``; takes time linear in its length, whatever it holds."""
    return _read_again(text) if len(text) <= _SHORT else _read(text)


def _read(text: str) -> Readings:
    """All readings, breadth first, within a budget of characters."""
    original = Reading("original", text)
    normalised = normalise(original)
    decoded: list[Reading] = []
    seen = {text, normalised.text}
    budget = max(WORK_FLOOR, WORK_FACTOR * len(text))
    truncated = False
    queue = [(normalised, 0)]
    for hidden in _read_invisible(original):
        if hidden.text not in seen:
            seen.add(hidden.text)
            decoded.append(hidden)
            queue.append((hidden, 1))
    readers: tuple[Callable[[Reading], Iterable[Reading]], ...] = (_undo_pieces, read_ciphers, _undo_whole)
    while queue:
        reading, depth = queue.pop(0)
        for reader in readers:
            for made in reader(reading):
                if made.text in seen:
                    continue
                budget -= len(made.text)
                if budget < 0 or depth >= MAXIMUM_DEPTH:
                    truncated = True
                    continue
                seen.add(made.text)
                decoded.append(made)
                queue.append((made, depth + 1))
    return Readings(original, normalised, tuple(decoded), truncated)


# The checks and scorers of one answer each ask for its readings, some of them several times.
_read_again = lru_cache(maxsize=4)(_read)


@lru_cache(maxsize=1)
def _finders() -> tuple[tuple[Codec, Callable[[str], Iterable[Edit]]], ...]:
    return tuple((codec, codec.find) for codec in all_codecs() if codec.find is not None)


@lru_cache(maxsize=1)
def _readers() -> tuple[tuple[Codec, Callable[[Reading], Iterable[Reading]]], ...]:
    return tuple((codec, codec.read) for codec in all_codecs() if codec.read is not None)


def _undo_pieces(reading: Reading) -> Iterator[Reading]:
    """The reading with one level of every encoding in it undone; nothing where there is none."""
    text = reading.text
    edits: list[Edit] = []
    names: list[str] = []
    for codec, find in _finders():
        if not codec.suspects(reading):
            continue
        made = [
            (start, end, new)
            for start, end, new in find(text)
            if new != text[start:end] and not (edits and meets_any(edits, start, end))
        ]
        if made:
            names.append(codec.name)
            edits = list(first_of_overlapping([*edits, *made]))
    if edits:
        yield rewrite(reading, name_after(reading, "+".join(names)), edits)


def _undo_whole(reading: Reading) -> Iterator[Reading]:
    """What the text says where its words or letters are disguised."""
    for codec, read in _readers():
        if codec.suspects(reading):
            yield from read(reading)


def _read_invisible(reading: Reading) -> Iterator[Reading]:
    """What stands in characters that nobody sees, and the text without the marks that cover it."""
    text = reading.text
    if text.isascii():
        return
    if INVISIBLE.search(text):
        for codec in all_codecs():
            runs = codec.hidden(text) if codec.hidden is not None else []
            if runs:
                yield _only(reading, codec.name, runs)
    if are_dense(text):
        edits = [(match.start(), match.end(), "") for match in _MARK_RUN.finditer(text)]
        yield rewrite(reading, "diacritics", edits)


def _only(reading: Reading, name: str, runs: list[Edit]) -> Reading:
    """A reading of the runs alone, each on a line of its own."""
    edits: list[Edit] = []
    at = 0
    for start, end, new in runs:
        if start > at:
            edits.append((at, start, ""))
        edits.append((start, end, new + "\n"))
        at = end
    edits.append((at, len(reading.text), ""))
    return rewrite(reading, name, edits)
