"""Percent-encoding of the bytes of a text (RFC 3986)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote, unquote, unquote_to_bytes

from safecase.text.codecs._bytes import to_bytes
from safecase.text.codecs._codec import Codec, find_all

_RUN = re.compile(r"(?:[^\s%]{0,3}%[0-9A-Fa-f]{2})(?:[^\s%]{0,40}%[0-9A-Fa-f]{2}){2,}")
"""Three codes or more: a link with a space or two in it hides nothing."""
_OTHER = re.compile(r"[^A-Za-z0-9%]+")
_ONE = re.compile(r"%[0-9A-Fa-f]{2}")


def _decode_run(piece: str) -> str:
    # Forms write a space as "+".
    return unquote_to_bytes(piece.replace("+", " ")).decode("utf-8", "replace")


def _scan(text: str) -> Iterator[str]:
    if "%" not in text:
        return
    yield unquote(text, errors="replace")
    glued = _OTHER.sub("", text)
    if _ONE.search(glued):
        yield unquote(glued, errors="replace")


CODEC = Codec(
    name="url",
    description="Percent-encoded.",
    encode=lambda text: quote(to_bytes(text), safe=""),
    decode=lambda text: unquote(text, errors="surrogatepass"),
    suspects=lambda reading: reading.text.count("%") >= 3,
    find=find_all(_RUN, _decode_run),
    scan=_scan,
    precedence=10,
)
