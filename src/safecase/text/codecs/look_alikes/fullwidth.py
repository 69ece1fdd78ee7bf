"""ASCII as the full-width forms of East Asian type. Undone where readings are normalised (NFKC)."""

from __future__ import annotations

from safecase.text.codecs._codec import Codec

_DISTANCE = 0xFEE0
"""From "!" to its full-width form; the block has the order of ASCII."""


def _encode(text: str) -> str:
    return "".join(chr(ord(c) + _DISTANCE) if 0x21 <= ord(c) <= 0x7E else c for c in text)


def _decode(text: str) -> str:
    return "".join(chr(ord(c) - _DISTANCE) if 0xFF01 <= ord(c) <= 0xFF5E else c for c in text)


CODEC = Codec(
    name="fullwidth",
    description="ASCII as full-width forms.",
    encode=_encode,
    decode=_decode,
    loss="full-width forms that were meant as such",
)
