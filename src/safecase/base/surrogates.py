"""Lone surrogates: halves of characters that JSON and Python can hold, and UTF-8 cannot."""

from __future__ import annotations

import re
from typing import Any

_SURROGATE = re.compile("[\ud800-\udfff]")


def replace_surrogates(text: str) -> str:
    """``text`` with U+FFFD for each lone surrogate; the very object where there is none.

    Two halves that stand side by side become the character that they are.
    """
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return text


def cover_surrogates(text: str) -> str:
    """``text`` with U+FFFD in the place of each surrogate, so that every place stays where it is."""
    try:
        text.encode()
    except UnicodeEncodeError:
        return _SURROGATE.sub("\ufffd", text)
    return text


def replace_surrogates_within(value: Any) -> Any:
    """A JSON value with `replace_surrogates` done to every text in it, keys included."""
    if isinstance(value, str):
        return replace_surrogates(value)
    if isinstance(value, dict):
        return {
            replace_surrogates_within(key): replace_surrogates_within(item) for key, item in value.items()
        }
    if isinstance(value, (list, tuple)):
        return [replace_surrogates_within(item) for item in value]
    return value
