"""Backwards: the whole text, or each word of it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safecase.text.codecs._codec import Cipher, Codec
from safecase.text.reading import Reading, mirror, name_after, rewrite

_WORD = re.compile(r"\S+")
_SENTENCE = re.compile(r"\s{0,9}[?!.][^\W\d_][^?!]{6,4000}[^\W\d_][A-Z]\s{0,9}\Z")
"""A full stop in front and a capital at the end: a sentence written backwards."""


def _reverse(text: str) -> str:
    return text[::-1]


def _read(reading: Reading, name: str) -> Iterator[Reading]:
    yield mirror(reading, name_after(reading, name))
    edits = [(m.start(), m.end(), m.group()[::-1]) for m in _WORD.finditer(reading.text)]
    yield rewrite(reading, name_after(reading, f"{name}_words"), edits)


CODEC = Codec(
    name="reversed",
    description="Backwards.",
    encode=_reverse,
    decode=_reverse,
    suspects=lambda reading: _SENTENCE.match(reading.text) is not None,
    read=lambda reading: _read(reading, "reversed"),
    ciphers={"reversed": Cipher(_reverse, _read)},
    precedence=110,
)
