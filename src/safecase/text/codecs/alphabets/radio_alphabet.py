"""Letters spelt out in the radio alphabet of NATO and ICAO, in its spelling and the common ones."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safecase.text.codecs._codec import Codec
from safecase.text.reading import Edit, Reading, name_after, rewrite

_WORDS = (
    "alfa bravo charlie delta echo foxtrot golf hotel india juliett kilo lima mike november oscar papa "  # noqa: SIM905
    "quebec romeo sierra tango uniform victor whiskey xray yankee zulu".split()
)
_LETTERS = {word: word[0] for word in (*_WORDS, "alpha", "juliet", "whisky", "x-ray")}
_WORD = re.compile(r"\S+")
_EDGES = ".,;:!?\"'()[]{}<>*`"
_FEWEST_WORDS, _FEWEST_DISTINCT = 6, 4
"""Radio words in a text, fewer of which are people and hotels."""


def _encode(text: str) -> str:
    words = []
    for item in text.lower().split():
        words.append(
            " ".join(_WORDS[ord(letter) - 97] if "a" <= letter <= "z" else letter for letter in item)
        )
    return " | ".join(words)


def _decode(text: str) -> str:
    words = text.lower().split("|")
    return " ".join("".join(_LETTERS.get(item, item) for item in word.split()) for word in words)


def _suspects(reading: Reading) -> bool:
    known = len(_LETTERS.keys() & reading.distinct_words)
    return known >= _FEWEST_DISTINCT and sum(word in _LETTERS for word in reading.words) >= _FEWEST_WORDS


def _edits(text: str) -> Iterator[Edit]:
    """Runs of radio words as the words that they spell; a bar or a wide gap parts two words."""
    end_of_last = None
    for match in _WORD.finditer(text):
        letter = _LETTERS.get(match.group().lower().strip(_EDGES))
        if letter is not None:
            start = match.start() if end_of_last is None else end_of_last
            yield start, match.end(), letter
            end_of_last = match.end()
        elif match.group() in ("|", "/") and end_of_last is not None:
            yield end_of_last, match.end(), " "
            end_of_last = match.end()
        else:
            end_of_last = None


def _read(reading: Reading) -> Iterator[Reading]:
    yield rewrite(reading, name_after(reading, "radio_alphabet"), _edits(reading.text))


CODEC = Codec(
    name="radio_alphabet",
    description="Letters spelt out in the radio alphabet.",
    encode=_encode,
    decode=_decode,
    loss="case, white space other than single spaces, and bars",
    suspects=_suspects,
    read=_read,
    precedence=140,
)
