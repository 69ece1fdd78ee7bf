"""Whether what invisible characters carry is a text."""

from __future__ import annotations

_LEAST_PRINTABLE = 0.9
"""Share of printable characters: emoji and joiners carry bytes by chance, and those are no text."""


def carried_text(data: bytes) -> str:
    """The text of the bytes, "" where they are none."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if sum(c.isprintable() for c in text) >= _LEAST_PRINTABLE * len(text) else ""
