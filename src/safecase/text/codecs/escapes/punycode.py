"""Punycode (RFC 3492), as addresses write letters that are not ASCII: ``xn--mnchen-3ya``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safecase.text.codecs._codec import Codec, find_all

_PREFIX = "xn--"
_RUN = re.compile(r"(?<![A-Za-z0-9-])xn--[A-Za-z0-9-]{1,59}(?![A-Za-z0-9-])")
"""A label of a domain name has 63 letters at most, the prefix among them."""


def _encode(text: str) -> str:
    return _PREFIX + text.encode("punycode").decode("ascii")


def _decode(text: str) -> str:
    if not text.lower().startswith(_PREFIX):
        raise ValueError(f"punycode begins with {_PREFIX}")
    return text[len(_PREFIX) :].encode("ascii").decode("punycode")


def _decode_run(piece: str) -> str:
    try:
        made = _decode(piece)
    except (ValueError, OverflowError):
        return ""
    return made if made.isprintable() else ""


def _scan(text: str) -> Iterator[str]:
    if _PREFIX in text.lower():
        yield _RUN.sub(lambda match: _decode_run(match.group()) or match.group(), text)


CODEC = Codec(
    name="punycode",
    description="Punycode with the prefix of domain names.",
    encode=_encode,
    decode=_decode,
    suspects=lambda reading: "xn--" in reading.text,
    find=find_all(_RUN, _decode_run),
    scan=_scan,
    precedence=38,
)
