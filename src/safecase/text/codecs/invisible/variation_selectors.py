"""Bytes as Unicode's variation selectors, which are drawn as nothing."""

from __future__ import annotations

import re

from safecase.text.codecs._bytes import from_bytes, to_bytes
from safecase.text.codecs._codec import Codec
from safecase.text.codecs.invisible._carried import carried_text
from safecase.text.reading import Edit

_FIRST, _REST = 0xFE00, 0xE0100
"""The first sixteen selectors and the other 240: one for each byte."""
_RUN = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
"""Four or more in a row: an emoji has one."""
_WHOLE = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]*")


def _encode(text: str) -> str:
    return "".join(chr(_FIRST + byte if byte < 16 else _REST + byte - 16) for byte in to_bytes(text))


def _bytes(run: str) -> bytes:
    return bytes(ord(c) - _FIRST if ord(c) < _REST else ord(c) - _REST + 16 for c in run)


def _decode(text: str) -> str:
    if not _WHOLE.fullmatch(text):
        raise ValueError("not a row of variation selectors")
    return from_bytes(_bytes(text))


def _hidden(text: str) -> list[Edit]:
    runs = [
        (match.start(), match.end(), carried_text(_bytes(match.group()))) for match in _RUN.finditer(text)
    ]
    return runs if any(new for _, _, new in runs) else []


CODEC = Codec(
    name="variation_selectors",
    description="Bytes as invisible variation selectors.",
    encode=_encode,
    decode=_decode,
    hidden=_hidden,
    precedence=220,
)
