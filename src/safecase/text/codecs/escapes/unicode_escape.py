"""Backslash escapes as programs write them: ``\\u0041``, ``\\u{41}``, ``\\x41``, octal ``\\101``."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safecase.text.codecs._codec import Codec, find_all

_RUN = re.compile(
    r"(?:\\u[0-9A-Fa-f]{4}|\\U[0-9A-Fa-f]{8}|\\x[0-9A-Fa-f]{2}|\\u\{[0-9A-Fa-f]{1,6}\})+|(?:\\[0-3][0-7]{2}){3,}"
)
"""Octal codes only from three on: one alone is a reference in a pattern or a part of a path."""
_ONE = re.compile(r"\\(?:u\{([0-9A-Fa-f]+)\}|[uUx]([0-9A-Fa-f]+)|([0-7]{3}))")


def _one(match: re.Match[str]) -> str:
    code = int(match.group(3), 8) if match.group(3) else int(match.group(1) or match.group(2), 16)
    return chr(code) if code < 0x110000 and not 0xD800 <= code < 0xE000 else "\ufffd"


def _decode_run(piece: str) -> str:
    return _ONE.sub(_one, piece)


def _decode(text: str) -> str:
    parts = text.split("\\U")
    if parts[0] or any(len(part) != 8 for part in parts[1:]):
        raise ValueError("not a row of backslash escapes of eight digits")
    return "".join(chr(int(part, 16)) for part in parts[1:])


def _scan(text: str) -> Iterator[str]:
    if "\\" in text:
        yield _RUN.sub(lambda match: _decode_run(match.group()), text)


CODEC = Codec(
    name="unicode_escape",
    description="Every character as a backslash escape.",
    encode=lambda text: "".join(f"\\U{ord(letter):08x}" for letter in text),
    decode=_decode,
    suspects=lambda reading: "\\" in reading.text,
    find=find_all(_RUN, _decode_run),
    scan=_scan,
    precedence=30,
)
