"""Words of English texts: which of them carry meaning, and which are forms of one another."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

from safecase.base import package_words

_ENDINGS = ("ations", "ation", "ings", "ing", "ied", "ies", "ers", "er", "ed", "es", "ly", "s", "e")
_SHORTEST_STEM = 4
"""Letters that are left at least: "string" is no form of "str"."""
_SHORTEST_WORD = 3
"""Letters of a word that carries meaning; numbers carry it with fewer."""


@lru_cache(maxsize=1)
def stop_words() -> frozenset[str]:
    """Words that carry no meaning of their own, in lower case."""
    return package_words("safecase.text", "stop_words.yaml")["english"]


@lru_cache(maxsize=32_768)
def stem(word: str) -> str:
    """A crude stem: enough to match inflections of one English word."""
    for ending in _ENDINGS:
        if word.endswith(ending) and len(word) - len(ending) >= _SHORTEST_STEM:
            return word[: -len(ending)]
    return word


def content_stems(words: Sequence[str]) -> list[str]:
    """Stems of the words that carry meaning, in order; the words are in lower case."""
    stop = stop_words()
    return [
        stem(word) for word in words if word not in stop and (len(word) >= _SHORTEST_WORD or word.isdigit())
    ]
