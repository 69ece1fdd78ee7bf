"""Bytes as ones and zeros, seven or eight a byte."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safecase.text.codecs._bytes import from_bytes, readable, readable_runs, to_bytes
from safecase.text.codecs._codec import Codec, find_all

_RUN = re.compile(r"(?<![0-9A-Za-z])[01]{7,8}(?:[ ,]{0,2}[01]{7,8}){3,}(?![0-9A-Za-z])")
"""Four bytes or more: fewer digits are numbers."""
_SCANNED = re.compile(r"[01](?:\D{0,3}[01]){27,}")
"""Four bytes of seven bits."""
_BREAKS = re.compile(r"[\s,]+")
_OTHER = re.compile(r"[^01]+")


def _cut(bits: str, size: int) -> bytes:
    return bytes(int(bits[place : place + size], 2) for place in range(0, len(bits) - size + 1, size))


def _decode_run(piece: str) -> str:
    parts = _BREAKS.split(piece)
    if len(parts) == 1:
        return readable(_cut(piece, 8)) or readable(_cut(piece, 7))
    return readable(bytes(int(part[-8:], 2) for part in parts if part))


def _scan(text: str) -> Iterator[str]:
    for match in _SCANNED.finditer(text):
        bits = _OTHER.sub("", match.group())
        for size in (8, 7):
            # A digit of the words around it may have been taken along.
            for phase in range(size):
                yield readable_runs(_cut(bits[phase:], size))


CODEC = Codec(
    name="binary",
    description="Bytes as ones and zeros.",
    encode=lambda text: " ".join(f"{byte:08b}" for byte in to_bytes(text)),
    decode=lambda text: from_bytes(bytes(int(part, 2) for part in text.split())),
    suspects=lambda reading: reading.text.count("0") + reading.text.count("1") >= 28,
    find=find_all(_RUN, _decode_run),
    scan=_scan,
    precedence=40,
)
