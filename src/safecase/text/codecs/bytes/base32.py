"""Base32 (RFC 4648), in either case."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from safecase.text.codecs._bytes import from_bytes, readable, readable_runs, to_bytes
from safecase.text.codecs._codec import Codec, find_all

_RUN = re.compile(
    r"(?<![A-Za-z0-9])(?:(?:[A-Z2-7]{8}){2,}[A-Z2-7]{0,7}|(?:[a-z2-7]{8}){2,}[a-z2-7]{0,7})={0,6}(?![A-Za-z0-9=])"
)
"""Two full groups are ten bytes; shorter tokens are ids and words."""
_SCANNED = re.compile(r"[A-Z2-7]{2}(?:[^A-Za-z0-9]{0,3}[A-Z2-7]){10,}|[a-z2-7]{12,}")
"""Twelve signs, as few as seven bytes, with other signs between: what is searched for is known, so that a
wrong find costs time alone."""
_OTHER = re.compile(r"[^A-Za-z2-7]+")
_DEAD_ENDS = frozenset((1, 3, 6))
"""Lengths over full groups of eight that no bytes have: the last sign is not of the code."""


def _bytes(body: str) -> bytes:
    body = body.upper()
    if len(body) % 8 in _DEAD_ENDS:
        body = body[:-1]
    try:
        return base64.b32decode(body + "=" * (-len(body) % 8))
    except binascii.Error:
        return b""


def _decode_run(piece: str) -> str:
    # One sign in six of the code is a digit; small letters without any are words that were glued together.
    if piece.islower() and piece.isalpha():
        return ""
    return readable(_bytes(piece.rstrip("=")))


def _scan(text: str) -> Iterator[str]:
    for match in _SCANNED.finditer(text):
        body = _OTHER.sub("", match.group())
        # Here capitals without a digit are sentences.
        if body.isalpha():
            continue
        # Letters of the words around it may have been taken along, so each phase of a group is read.
        for phase in range(8):
            yield readable_runs(_bytes(body[phase:]))


CODEC = Codec(
    name="base32",
    description="Base32 of the UTF-8 bytes.",
    encode=lambda text: base64.b32encode(to_bytes(text)).decode(),
    decode=lambda text: from_bytes(base64.b32decode(text)),
    suspects=lambda reading: reading.longest >= 16,
    find=find_all(_RUN, _decode_run),
    scan=_scan,
    precedence=70,
)
