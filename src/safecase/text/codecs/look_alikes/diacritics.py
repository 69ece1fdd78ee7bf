"""Marks stacked on letters. What composes with nothing is taken off where readings are normalised."""

from __future__ import annotations

import re
import unicodedata

from safecase.text.codecs._codec import Codec

MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
"""Unicode's blocks of combining diacritical marks."""
_WRITTEN = ("\u0301", "\u0308", "\u0323", "\u0330")
_ASCII_LETTER = re.compile("[A-Za-z]")


def are_dense(text: str) -> bool:
    """Marks on so many letters that no language's spelling explains them, as seen before composition."""
    marks = len(MARKS.findall(text))
    return marks >= 6 and marks * 4 > len(_ASCII_LETTER.findall(text))


def _encode(text: str) -> str:
    return "".join(
        letter + _WRITTEN[index % len(_WRITTEN)] if letter.isalpha() else letter
        for index, letter in enumerate(text)
    )


def _decode(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if letter not in _WRITTEN)


CODEC = Codec(
    name="diacritics",
    description="Combining marks on letters.",
    encode=_encode,
    decode=_decode,
    loss="accents that were there, and composed forms",
)
