"""Pig Latin: the first consonants moved to the word's end, and "ay" behind them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safecase.text.codecs._codec import Codec
from safecase.text.reading import Reading, name_after, rewrite

_VOWELS = "aeiouAEIOU"
_WORD = re.compile(r"\S+")
_EDGES = ".,;:!?\"'()[]{}<>*`"
_ONSETS = frozenset(
    "bl br ch cl cr dr fl fr gl gr kn ph pl pr qu sc sh sk sl sm sn sp st sw th tr tw wh wr "  # noqa: SIM905
    "scr shr spl spr squ str thr".split()
)
"""Consonants that English words begin with."""


def _write_word(word: str) -> str:
    if not word.isalpha():
        return word
    if word[0] in _VOWELS:
        return word + "way"
    start = next((index for index, letter in enumerate(word) if letter in _VOWELS), len(word))
    return word[start:] + word[:start] + "ay"


def _read_word(word: str) -> str:
    lower = word.lower().rstrip(_EDGES)
    if not lower.endswith("ay") or len(lower) < 3:
        return word
    body = lower.removesuffix("ay")
    if body.endswith("w") and body[:1] in "aeiou":
        return body[:-1]
    # How many of the last consonants were moved cannot be told; a cluster that words begin with is likelier.
    tail = len(body)
    while tail > 0 and body[tail - 1] not in "aeiou":
        tail -= 1
    for size in (3, 2):
        if len(body) - tail >= size and body[-size:] in _ONSETS:
            return body[-size:] + body[:-size]
    return body[-1:] + body[:-1]


def _read(reading: Reading) -> Iterator[Reading]:
    edits = [(m.start(), m.end(), _read_word(m.group())) for m in _WORD.finditer(reading.text)]
    yield rewrite(reading, name_after(reading, "pig_latin"), edits)


CODEC = Codec(
    name="pig_latin",
    description="Pig Latin.",
    encode=lambda text: " ".join(map(_write_word, text.split(" "))),
    decode=lambda text: " ".join(map(_read_word, text.split(" "))),
    loss="case, and where the moved consonants ended",
    # Half of the words, and at least four, so that a day and a way are none.
    suspects=lambda reading: reading.text.count("ay") * 2 >= max(8, len(reading.words)),
    read=_read,
    precedence=150,
)
