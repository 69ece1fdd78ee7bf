"""Quoted-printable (RFC 2045), as mail writes what is not ASCII: ``=41``, and ``=`` before a line break."""

from __future__ import annotations

import quopri
import re
from collections.abc import Iterator

from safecase.text.codecs._bytes import from_bytes, readable, to_bytes
from safecase.text.codecs._codec import Codec, find_all

_RUN = re.compile(r"[^\s=?&]{0,40}=[0-9A-F]{2}(?:(?:=\r?\n|[^\n=?&]){0,40}=[0-9A-F]{2}){2,}[^\s=?&]{0,40}")
"""Three codes at least; no question mark or ampersand, because ``?a=10&b=20`` is an address."""
_ONE = re.compile(r"=[0-9A-F]{2}")
_WHOLE = re.compile(r"(?:=[0-9A-F]{2})*")


def _encode(text: str) -> str:
    return "".join(f"={byte:02X}" for byte in to_bytes(text))


def _decode(text: str) -> str:
    if not _WHOLE.fullmatch(text):
        raise ValueError("not a row of quoted-printable codes")
    return from_bytes(quopri.decodestring(text.encode("ascii")))


def _decode_run(piece: str) -> str:
    return readable(quopri.decodestring(to_bytes(piece)))


def _scan(text: str) -> Iterator[str]:
    if _ONE.search(text):
        yield quopri.decodestring(to_bytes(text)).decode("utf-8", "replace")


CODEC = Codec(
    name="quoted_printable",
    description="Every byte as a quoted-printable code.",
    encode=_encode,
    decode=_decode,
    suspects=lambda reading: reading.text.count("=") >= 3,
    find=find_all(_RUN, _decode_run),
    scan=_scan,
    precedence=35,
)
