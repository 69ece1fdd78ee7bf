"""What a text may hold, told in one pass: which searches for disguises are worth their time.

A hint is never missing where the search would find something; it may be there for nothing.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from safecase.base import cover_surrogates

_PATTERNS = {
    "spaced": r"[ \t.\-_*|·•~][\pL\pN][ \t.\-_*|·•~]{1,3}[\pL\pN][ \t.\-_*|·•~]",
    "mixed_case": r"[a-z][A-Z0-9]",
    "leetspeak": r"[013457@$|!][A-Za-z]",
    "long_token": r"[^\pZ\s]{15}",
    "digit": r"[0-9]",
}
"""The least that a codec needs, so that a hint is wrong only where it says yes: fifteen signs are the
shortest token that any of them reads."""


@lru_cache(maxsize=1)
def _matcher() -> tuple[Any, tuple[str, ...]]:
    import re2

    made = re2.Set.SearchSet()
    for pattern in _PATTERNS.values():
        made.Add(pattern)
    made.Compile()
    return made, tuple(_PATTERNS)


def hints(text: str) -> frozenset[str]:
    """The names of the hints in ``text``: spaced, mixed_case, leetspeak, long_token, digit."""
    matcher, names = _matcher()
    # RE2 reads UTF-8, in which there are no lone surrogates.
    return frozenset([names[index] for index in matcher.Match(cover_surrogates(text)) or ()])
