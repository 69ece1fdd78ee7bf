"""Base64 (RFC 4648), standard and URL-safe, whole, in lines, or cut into groups."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator

from safecase.text.codecs._bytes import from_bytes, readable, readable_runs, to_bytes
from safecase.text.codecs._codec import Codec, find_all
from safecase.text.reading import Edit, Reading

_RUN = re.compile(r"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{16,}(?:\r?\n[A-Za-z0-9+/_-]{4,})*={0,2}")
"""Sixteen signs are twelve bytes; shorter tokens are ids and words."""
_SPLIT = re.compile(r"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{2,8}(?:[ .|-][A-Za-z0-9+/]{2,8}){4,}={0,2}")
"""Five groups or more: a few short words in a row are words."""
_ODD = re.compile(r"[A-Z0-9](?<=[a-z].)[A-Za-z0-9+/]{0,6}[ .|-][A-Za-z0-9+/]{0,7}[A-Z0-9](?<=[a-z].)")
"""Two groups in mixed case or with digits inside, in a row: a base64 text that was cut up."""
_BREAKS = re.compile(r"[\s,:.|-]+")
_OTHER = re.compile(r"[^A-Za-z0-9+/]+")
_URL_SAFE = str.maketrans("-_", "+/")


def _suspects(reading: Reading) -> bool:
    return reading.longest >= 16 or _is_cut_up(reading)


def _is_cut_up(reading: Reading) -> bool:
    return "mixed_case" in reading.hints and _ODD.search(reading.text) is not None


def _decode_run(piece: str) -> str:
    body = piece.rstrip("=")
    return _decode_body(_BREAKS.sub("", body) if "\n" in piece or "\r" in piece else body)


def _decode_groups(piece: str) -> str:
    return _decode_body(_BREAKS.sub("", piece.rstrip("=")))


def _decode_body(body: str) -> str:
    # A long word in one case is a word.
    if body.isalpha() and (body.islower() or body.isupper()):
        return ""
    body = body.translate(_URL_SAFE)
    # A word glued to the front shifts the alphabet's groups, so each of the four phases is a candidate.
    for phase in range(4 if len(body) > 24 else 1):
        part = body[phase:]
        part = part[: len(part) // 4 * 4] if len(part) % 4 == 1 else part + "=" * (-len(part) % 4)
        try:
            text = readable(base64.b64decode(part, validate=True))
        except binascii.Error:
            continue
        if text:
            return text
    return ""


_find_runs = find_all(_RUN, _decode_run)
_find_groups = find_all(_SPLIT, _decode_groups)


def _find(text: str) -> Iterator[Edit]:
    yield from _find_runs(text)
    if _ODD.search(text):
        yield from _find_groups(text)


def _scan(text: str) -> Iterator[str]:
    alphabets = [text]
    if "-" in text or "_" in text:
        alphabets.append(text.translate(_URL_SAFE))
    if "/" in text or "+" in text:
        alphabets.append(text.replace("/", " ").replace("+", " "))
    for variant in alphabets:
        glued = _OTHER.sub("", variant)
        for offset in range(min(4, len(glued))):
            usable = (len(glued) - offset) // 4 * 4
            rest = (len(glued) - offset) - usable
            chunk = glued[offset : offset + usable]
            tail = glued[offset + usable :] if rest >= 2 else ""
            if len(chunk) < 4:
                continue
            try:
                data = base64.b64decode(chunk)
                if tail:
                    data += base64.b64decode(tail + "=" * (4 - len(tail)))
            except (binascii.Error, ValueError):
                continue
            yield readable_runs(data)


CODEC = Codec(
    name="base64",
    description="Base64 of the UTF-8 bytes.",
    encode=lambda text: base64.b64encode(to_bytes(text)).decode(),
    decode=lambda text: from_bytes(base64.b64decode(text)),
    suspects=_suspects,
    find=_find,
    scan=_scan,
    precedence=80,
)
