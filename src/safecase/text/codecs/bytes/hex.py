"""Bytes as hexadecimal digits, with or without ``0x``, spaces, colons and commas between them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safecase.text.codecs._bytes import from_bytes, readable, readable_runs, to_bytes
from safecase.text.codecs._codec import Codec, find_all
from safecase.text.reading import Reading

_RUN = re.compile(
    r"(?<![0-9A-Za-z])(?:0x)?[0-9A-Fa-f]{2}(?:[ :,]{0,2}(?:0x)?[0-9A-Fa-f]{2}){7,}(?![0-9A-Za-z])"
)
"""Eight bytes or more: shorter runs are ids, colours and parts of digests."""
_BREAKS = re.compile(r"[\s,:.|-]+")
_PREFIX = re.compile(r"0x|\\x|&#x|U\+", re.IGNORECASE)
_OTHER = re.compile(r"[^0-9A-Fa-f]+")


def _suspects(reading: Reading) -> bool:
    """A long token, or many tokens of two signs with enough digits among them."""
    if reading.longest >= 16:
        return True
    if "digit" not in reading.hints:
        return False
    pairs = reading.sizes.count(2)
    return pairs >= 8 and sum(map(reading.text.count, "0123456789")) * 4 >= pairs


def _decode_run(piece: str) -> str:
    digits = _BREAKS.sub("", piece.replace("0x", ""))
    return readable(bytes.fromhex(digits[: len(digits) // 2 * 2]))


def _scan(text: str) -> Iterator[str]:
    glued = _OTHER.sub("", _PREFIX.sub("", text))
    for offset in (0, 1):
        usable = (len(glued) - offset) // 2 * 2
        if usable >= 8:
            yield readable_runs(bytes.fromhex(glued[offset : offset + usable]))


CODEC = Codec(
    name="hex",
    description="Hexadecimal bytes.",
    encode=lambda text: to_bytes(text).hex(),
    decode=lambda text: from_bytes(bytes.fromhex(text)),
    suspects=_suspects,
    find=find_all(_RUN, _decode_run),
    scan=_scan,
    precedence=60,
)
