"""ASCII as Unicode's tag characters, which are drawn as nothing and read by models."""

from __future__ import annotations

import re

from safecase.text.codecs._codec import Codec
from safecase.text.reading import Edit

_BASE = 0xE0000
"""Where the tag characters lie, in the order of ASCII."""
_RUN = re.compile("[\U000e0020-\U000e007e]{2,}")
"""Two or more: a stray one carries no word."""


def _encode(text: str) -> str:
    return "".join(chr(_BASE + ord(c)) if 0x20 <= ord(c) < 0x7F else c for c in text)


def _decode(text: str) -> str:
    return "".join(chr(ord(c) - _BASE) if 0xE0020 <= ord(c) < 0xE007F else c for c in text)


def _hidden(text: str) -> list[Edit]:
    return [(match.start(), match.end(), _decode(match.group())) for match in _RUN.finditer(text)]


CODEC = Codec(
    name="tag_characters",
    description="ASCII as invisible Unicode tags.",
    encode=_encode,
    decode=_decode,
    loss="tag characters that were there",
    hidden=_hidden,
    precedence=200,
)
