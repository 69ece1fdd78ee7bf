"""Ascii85, plain or in Adobe's brackets, and the base85 of RFC 1924."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator

from safecase.text.codecs._bytes import from_bytes, mostly_letters, readable, readable_runs, to_bytes
from safecase.text.codecs._codec import Codec, find_all

_RUN = re.compile(r"(?<!\S)(?:<~)?[!-~]{15,}(?:~>)?(?!\S)")
"""Fifteen signs are twelve bytes; shorter tokens are words and names, and any would decode."""
_DECODERS: tuple[Callable[[str], bytes], ...] = (base64.a85decode, base64.b85decode)


def _bytes(piece: str) -> Iterator[bytes]:
    """What each of the two alphabets makes of the piece."""
    body = piece.removeprefix("<~").removesuffix("~>")
    for decode in _DECODERS:
        try:
            yield decode(body)
        except ValueError:
            continue


def _decode_run(piece: str) -> str:
    # Plain words are valid in both alphabets too, so what comes out must be words.
    return next((text for data in _bytes(piece) if (text := mostly_letters(readable(data), 0.85))), "")


def _scan(text: str) -> Iterator[str]:
    for match in _RUN.finditer(text):
        yield from map(readable_runs, _bytes(match.group().rstrip(".,")))


CODEC = Codec(
    name="ascii85",
    description="Ascii85 of the UTF-8 bytes.",
    encode=lambda text: base64.a85encode(to_bytes(text)).decode(),
    decode=lambda text: from_bytes(base64.a85decode(text)),
    suspects=lambda reading: reading.longest >= 15,
    find=find_all(_RUN, _decode_run),
    scan=_scan,
    precedence=90,
)
