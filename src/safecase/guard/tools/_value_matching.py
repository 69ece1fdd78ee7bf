"""Whether a value stands in a text: strictly for texts that vouch for it, generously for texts that taint it.

The two questions are not one. That somebody trusted wrote a value must be seen as plainly as a person would
see it, so there it has to stand whole and by itself. That it came out of untrusted content is suspected as
soon as its letters do, in another spelling, inside a longer word, or cut out of an address.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from itertools import islice

from safecase.text import find_numbers

_PART = re.compile(r"[\w@.+:/%=&?#-]{4,400}")
"""Four signs at least, because shorter pieces stand in every text; 400 as for addresses in `text.links`."""
_IDENTIFIER = re.compile(r"[\d@/_]|\w\.\w")
_SEPARATORS = re.compile(r"[\s\-_.,:/()]+")
# Letters of scripts that put spaces between words. Others run words together, so that they bound nothing.
_LETTER = r"a-z0-9_@\u00c0-\u04ff"
_BEFORE = re.compile(rf"[{_LETTER}]|[{_LETTER}][.+\-]")
_SPACED = re.compile(rf"[{_LETTER}]")
_AFTER = re.compile(rf"[{_LETTER}]|[.\-][{_LETTER}]")
_SHORTEST_SQUEEZED = 6
"""Letters of an identifier without its separators: shorter ones stand in other numbers by chance."""
_LONGEST_SPACED = 500
"""Characters of a value whose white space may differ: a pattern is built from its words."""
_MOST_PLACES = 2000
"""Of one value in one text: a text that repeats it more often is built to cost time."""


def level(text: str) -> str:
    """The text in the spelling that values are compared in."""
    if text.isascii():
        return text.casefold()
    return unicodedata.normalize("NFKC", text).casefold()


def remove_separators(text: str) -> str:
    """The text without spaces and separators."""
    return _SEPARATORS.sub("", text)


def telling_parts(text: str) -> Iterator[str]:
    """The pieces of a value that say by themselves where it leads: numbers, ids, addresses, paths."""
    for match in _PART.finditer(text):
        part = match.group().strip(".,:/")
        if len(part) >= 4 and _IDENTIFIER.search(part):
            yield part


def words(text: str) -> list[str]:
    """The words of a value that could be somebody's name."""
    return re.findall(r"[^\W\d_]{3,60}", text)


def numbers(text: str) -> dict[float, int]:
    """The numbers of a text, however they are written (98.7, 98.70, 1,200), and where each stands first."""
    found: dict[float, int] = {}
    for number in find_numbers(text):
        found.setdefault(number.value, number.start)
    return found


def as_number(text: str) -> float | None:
    """The number that a value is; None where it is none."""
    if not re.fullmatch(r"-?\d[\d.,]{0,24}", text):
        return None
    try:
        return float(text.replace(",", ""))
    except ValueError:
        return None


def stands_alone(text: str, wanted: str) -> int:
    """Where ``wanted`` stands in ``text``, not as a part of a longer word or address; -1 where it does not.

    Both are levelled. Spaces may differ in width.
    """
    for start, end in _places(text, wanted):
        if not _goes_on(text, start, end):
            return start
    return -1


def spelled_out(text: str, wanted: str) -> int:
    """Where an identifier stands with other separators, as account and telephone numbers do; -1 otherwise."""
    tight = remove_separators(wanted)
    if not _SHORTEST_SQUEEZED <= len(tight) <= 64 or not any(letter.isdigit() for letter in tight):
        return -1
    pattern = re.compile(r"[\s\-./()]{0,2}".join(re.escape(letter) for letter in tight))
    for match in pattern.finditer(text):
        if not _goes_on(text, match.start(), match.end()):
            return match.start()
    return -1


def stands_anywhere(text: str, tight: str, wanted: str) -> int:
    """Where ``wanted`` stands in ``text`` at all; a place in ``tight``, the squeezed text, counts as 0.

    What has three letters or fewer must stand by itself, or everything would stand everywhere.
    """
    if len(wanted) <= 3:
        return stands_alone(text, wanted)
    place = text.find(wanted)
    if place < 0:
        narrow = remove_separators(wanted)
        if len(narrow) >= _SHORTEST_SQUEEZED and narrow in tight:
            return 0
    return place


def _places(text: str, wanted: str) -> Iterator[tuple[int, int]]:
    """The first places of a value, so many that nobody asks for more in earnest."""
    pieces = wanted.split()
    if len(pieces) > 1 and len(wanted) <= _LONGEST_SPACED and wanted not in text:
        if all(piece in text for piece in pieces):
            pattern = re.compile(r"\s{1,20}".join(re.escape(piece) for piece in pieces))
            yield from (match.span() for match in islice(pattern.finditer(text), _MOST_PLACES))
        return
    place = text.find(wanted)
    for _ in range(_MOST_PLACES):
        if place < 0:
            return
        yield place, place + len(wanted)
        place = text.find(wanted, place + 1)


def _goes_on(text: str, start: int, end: int) -> bool:
    """Whether what stands at a place goes on to its left or right."""
    first, last = text[start], text[end - 1]
    before, after = text[max(0, start - 2) : start], text[end : end + 2]
    left = (
        bool(_SPACED.match(first))
        and bool(before)
        and bool(_BEFORE.fullmatch(before[-1:]) or _BEFORE.fullmatch(before))
    )
    right = bool(_SPACED.match(last)) and bool(_AFTER.match(after))
    return left or right
