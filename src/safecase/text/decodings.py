"""Every text that decoding could yield, right or wrong: for searching a text for something known.

`decoded_texts` explores compositions: each node is a text, each edge undoes one encoding. It begins with the
readings of the text and goes on where they stop: it drops what is not in an encoding's alphabet, tries every
phase, and takes what is not readable as a whole. Only stretches that could be text become new nodes, so that
the search dies out on ordinary prose, and the total number of characters that it may look at is bounded by a
multiple of the input's length.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import lru_cache

from safecase.text.codecs import all_codecs
from safecase.text.codecs.ciphers.rot13 import rot13
from safecase.text.normalise import plain_letters
from safecase.text.readings import read_all

MAXIMUM_DEPTH = 4
"""Encodings inside encodings that are searched; half as deep as readings go, because each level is wider."""
WORK_FACTOR = 48
"""Characters that decoding may look at per character of input: the codecs, their phases, and the text turned
round, at two levels."""
WORK_FLOOR = 3_000_000
"""Characters that may always be looked at: some tenths of a second."""
NODE_LIMIT = 4_000
"""Texts that are followed: short ones cost little each and could be many."""

_LONG_RUN = re.compile(r"[A-Za-z0-9+/=_\\-]{16,4000}")
"""From the shortest run of base64 on; a longer one than the limit is met in pieces, and one piece tells."""
_TELLS_RUN = re.compile(r"\d|[a-z][A-Z]")
_CRUMBS = re.compile(r"(?<![A-Za-z0-9+/=])(?:[A-Za-z0-9+/=]{1,3}[^A-Za-z0-9+/=]{1,3}){8}")
"""Eight pieces of three signs or fewer in a row: an encoded text with other signs strewn in."""
_CODE = re.compile(
    r"%\w|=[0-9A-F]{2}|&#|#&|\\[uUx0-7]"
    r"|(?<!\S)(?=\S{15})(?:[^\s\"#$*;<>@\[\]^`{|}~\\]*[\"#$*;<>@\[\]^`{|}~\\]){3}"
)
"""One code of an encoding that writes codes between letters, or a long word with three signs that words have
not."""
_ODD_TOKEN = re.compile(
    r"(?<![A-Za-z0-9])(?:[A-Za-z]{0,16}\d[A-Za-z0-9]{0,24}|[A-Za-z]{0,16}[a-z][A-Z][A-Za-z0-9]{0,24}"
    r"|[A-Z]{2,16}[a-z][A-Za-z0-9]{0,24}|[B-HJ-Zb-hj-z])(?![A-Za-z0-9])"
)
"""A digit or a capital inside of a word, or a letter alone that is none in English; limits keep long tokens
cheap."""
_FEWEST_ODD_TOKENS, _FEWEST_ODD_LETTERS, _LARGEST_GAP = 5, 18, 12
"""So many words that are none, or letters in them, close to each other, may be a split encoding."""


@lru_cache(maxsize=1)
def _scans() -> tuple[Callable[[str], Iterator[str]], ...]:
    return tuple(codec.scan for codec in all_codecs() if codec.scan is not None)


def may_be_encoded(text: str) -> bool:
    """False for ordinary prose, in which decoding would find nothing; a cheap test."""
    return _shows_codes(text) or bool(read_all(text).hidden)


def _shows_codes(text: str) -> bool:
    """Whether anything in the text could be code that readings do not undo."""
    plain = plain_letters(text)
    # Fewer are percentages.
    if plain.count("%") >= 4 or _CODE.search(plain) or _CRUMBS.search(plain):
        return True
    if any(_TELLS_RUN.search(run) for run in _LONG_RUN.findall(plain)):
        return True
    return _has_odd_tokens(plain)


def _has_odd_tokens(text: str) -> bool:
    tokens, letters, last = 0, 0, -_LARGEST_GAP
    for match in _ODD_TOKEN.finditer(text):
        start, end = match.span()
        if start - last > _LARGEST_GAP:
            tokens = letters = 0
        tokens, letters, last = tokens + 1, letters + end - start, end
        if tokens >= _FEWEST_ODD_TOKENS or letters >= _FEWEST_ODD_LETTERS:
            return True
    return False


def decoded_texts(
    text: str, shortest: int = 4, depth: int = MAXIMUM_DEPTH, *, thorough: bool = False
) -> Iterator[str]:
    """Every readable text that undoing up to ``depth`` encodings yields, ``text`` itself not included.

    ``shortest``: decoded texts shorter than this are not followed. ``thorough``: the text is searched though
    nothing in it looks like code. Work is bounded by ``WORK_FACTOR × len(text)`` (at least ``WORK_FLOOR``)
    characters.
    """
    budget = max(WORK_FLOOR, WORK_FACTOR * len(text))
    seen: set[str] = set()
    level = _plain_forms(text) if thorough or _shows_codes(text) else []
    nodes = 0
    readings = read_all(text)
    for reading in readings.hidden:
        if len(reading.text) >= shortest and reading.text not in seen:
            seen.add(reading.text)
            yield reading.text
            # The normalised reading is the text's plain form with its separators, which the scans drop.
            if reading is not readings.normalised and _shows_codes(reading.text):
                level.extend(_plain_forms(reading.text))
    for _ in range(depth):
        following: list[str] = []
        for node in level:
            for variant in _turn_round(node):
                for scan in _scans():
                    for found in scan(variant):
                        budget -= len(variant)
                        if len(found) >= shortest and found not in seen and found != variant:
                            seen.add(found)
                            nodes += 1
                            yield found
                            following.extend(_plain_forms(found))
                        if budget <= 0 or nodes >= NODE_LIMIT:
                            return
        level = following


def _plain_forms(text: str) -> list[str]:
    # Rot13 leaves look-alike letters alone, so undoing them before or after makes a difference.
    return [text] if text.isascii() else [plain_letters(text), plain_letters(rot13(text))]


def _turn_round(text: str) -> Iterator[str]:
    # These two change neither length nor alphabet, so that any encoding may stand on both sides of them.
    turned = rot13(text)
    yield from (text, text[::-1], turned, turned[::-1])


def decoded_reading(text: str) -> str:
    """The decoded form of an answer that is one encoded block, "" where no decoding reads as text.

    A reading must be long for its input and consist of words.
    """
    sample = text[:20_000]
    best = ""
    for candidate in decoded_texts(sample, max(12, len(sample) // 4), 2, thorough=True):
        letters = sum(1 for character in candidate if character.isalpha() or character == " ")
        if letters > 0.85 * len(candidate) and candidate.count(" ") >= len(candidate) // 12 > len(best) // 12:
            best = candidate
    return best
