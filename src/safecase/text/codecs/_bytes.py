"""Texts as bytes and back: what every encoding of bytes shares."""

from __future__ import annotations

import re

_GARBAGE = 0.15
"""Share of characters that may be unprintable in what still counts as readable."""
_MORSE_SIGNS = set(".-/ |")
_UTF8 = re.compile(
    rb"(?:[\t\n\r\x20-\x7e]|[\xc2-\xdf][\x80-\xbf]|[\xe1-\xec\xee\xef][\x80-\xbf]{2}|\xe0[\xa0-\xbf][\x80-\xbf]"
    rb"|\xed[\x80-\x9f][\x80-\xbf]|\xf0[\x90-\xbf][\x80-\xbf]{2}|[\xf1-\xf3][\x80-\xbf]{3}"
    rb"|\xf4[\x80-\x8f][\x80-\xbf]{2}){4,}"
)
"""Four characters or more of well-formed UTF-8 without control characters."""


def to_bytes(text: str) -> bytes:
    """The UTF-8 bytes of a text; lone surrogates are kept, so that any text comes back."""
    return text.encode("utf-8", "surrogatepass")


def from_bytes(data: bytes) -> str:
    """The inverse of `to_bytes`; raises ValueError where the bytes are no such text."""
    return data.decode("utf-8", "surrogatepass")


def readable(data: bytes) -> str:
    """The text of ``data`` where it is one that people could read, else nothing."""
    if len(data) < 3:
        return ""
    data = _narrow(data)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        # A piece cut off within a character, or followed by a stray byte, is still a message.
        if error.start < 12 or error.start < len(data) * 0.8:
            return ""
        text = data[: error.start].decode("utf-8")
    strange = sum(not (c.isprintable() or c in "\n\r\t") for c in text)
    if strange > _GARBAGE * len(text):
        return ""
    words = sum(c.isalnum() or c == " " for c in text)
    return text if words * 3 > len(text) or not set(text) - _MORSE_SIGNS else ""


def readable_runs(data: bytes) -> str:
    """The stretches of ``data`` that could be text, one a line."""
    return "\n".join(run.decode("utf-8", "replace") for run in _UTF8.findall(_narrow(data)))


def _narrow(data: bytes) -> bytes:
    """ASCII that was written with two bytes a letter (UTF-16), with one; anything else as it is."""
    # Prose in UTF-16 has a zero in every other byte; no text has a zero otherwise.
    zeros = data.count(0) if 0 in data[:8] else 0
    return data.replace(b"\0", b"") if zeros * 3 >= len(data) else data


def mostly_letters(text: str, share: float) -> str:
    """The text where more than ``share`` of it are letters and spaces, else nothing."""
    return text if sum(c.isalpha() or c == " " for c in text) > share * len(text) else ""
