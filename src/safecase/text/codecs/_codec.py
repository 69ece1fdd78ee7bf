"""What a codec is: one way to write a text, how it is undone, what it loses, and what it looks like."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from safecase.text.reading import Edit, Reading


def never(reading: Reading) -> bool:
    """The hint of a codec that is undone elsewhere, or cannot be."""
    del reading
    return False


@dataclass(frozen=True, slots=True)
class Cipher:
    """A writing that common words give away, because each word is ciphered by itself."""

    write: Callable[[str], str]
    """A lower-case word, or letters and digits, as the cipher writes them."""
    read: Callable[[Reading, str], Iterator[Reading]]
    """The readings of a text that is in this cipher, under names that end in the one given."""


@dataclass(frozen=True, kw_only=True)
class Codec:
    """One encoding: both directions side by side.

    ``encode`` and ``decode`` treat a text that is in the encoding from end to end. ``find`` and ``read``
    treat any text: they undo what there is of the encoding in it.
    """

    name: str
    """The file's name; what readings, converters and parameters call it."""
    description: str
    encode: Callable[[str], str]
    decode: Callable[[str], str]
    """Raises ValueError for what is not in this encoding."""
    loss: str = ""
    """What does not come back; empty: ``decode(encode(text)) == text`` for every text."""
    suspects: Callable[[Reading], bool] = never
    """A cheap hint: False only where `find` and `read` would find nothing."""
    find: Callable[[str], Iterable[Edit]] | None = None
    """The pieces of a text that are in this encoding, each with what it says there."""
    read: Callable[[Reading], Iterable[Reading]] | None = None
    """Readings of a whole text whose words or letters are disguised."""
    hidden: Callable[[str], list[Edit]] | None = None
    """Runs of signs that nobody sees, each with the text that it carries."""
    scan: Callable[[str], Iterator[str]] | None = None
    """All that a text could carry if everything that is not in the encoding's alphabet were dropped, right
    or not: for searching a text for something known."""
    ciphers: Mapping[str, Cipher] = field(default_factory=dict)
    """The keys under which the encoding is met, by the name of what they read."""
    precedence: int = 100
    """Of two codecs that claim the same place the lower one has it: the stricter shape comes first."""


def find_all(pattern: re.Pattern[str], decode: Callable[[str], str]) -> Callable[[str], Iterator[Edit]]:
    """A `Codec.find` that decodes each match of a pattern; matches that decode to nothing are left."""

    def find(text: str) -> Iterator[Edit]:
        for match in pattern.finditer(text):
            new = decode(match.group())
            if new:
                yield match.start(), match.end(), new

    return find


def translate(table: Mapping[int, int | str]) -> Callable[[str], str]:
    """A function that replaces characters by a table."""
    return lambda text: text.translate(table)
