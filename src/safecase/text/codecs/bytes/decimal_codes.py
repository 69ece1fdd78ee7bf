"""Bytes as decimal numbers with spaces or commas between them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safecase.text.codecs._bytes import from_bytes, mostly_letters, readable, readable_runs, to_bytes
from safecase.text.codecs._codec import Codec, find_all

_RUN = re.compile(r"(?<![\d.])\d{2,3}(?:[ ,]{1,2}\d{2,3}){5,}(?![\d.])")
"""Six numbers or more: shorter rows are dates, prices and telephone numbers."""
_SCANNED = re.compile(r"(?<!\d)\d{2,3}(?:[^\w]{1,3}\d{2,3}){3,}(?!\d)")
"""Four numbers: what is searched for is known, so that a wrong find costs time alone."""
_NUMBER = re.compile(r"\d+")


def _bytes(piece: str) -> bytes:
    numbers = [int(part) for part in _NUMBER.findall(piece)]
    return b"" if any(number > 255 for number in numbers) else bytes(numbers)


def _decode_run(piece: str) -> str:
    # A row of numbers is mostly a row of numbers: what comes out must be words.
    return mostly_letters(readable(_bytes(piece)), 0.8)


def _scan(text: str) -> Iterator[str]:
    for match in _SCANNED.finditer(text):
        yield readable_runs(_bytes(match.group()))


CODEC = Codec(
    name="decimal_codes",
    description="Bytes as decimal numbers.",
    encode=lambda text: " ".join(map(str, to_bytes(text))),
    decode=lambda text: from_bytes(bytes(int(part) for part in text.split())),
    suspects=lambda reading: reading.text.count("1") + reading.text.count("0") >= 4,
    find=find_all(_RUN, _decode_run),
    scan=_scan,
    precedence=50,
)
