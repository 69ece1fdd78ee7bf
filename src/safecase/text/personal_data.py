"""Personal data in a text: mail addresses, telephone and card numbers, national ids and their like.

The one finder of the package: the guard masks what it finds, the scorer judges by it, packs leave without it.
The kinds stand in ``data/personal_data.yaml``.
"""

from __future__ import annotations

from functools import lru_cache

from safecase.base import Record, package_yaml
from safecase.text._finder import (
    Finder,
    Recogniser,
    RecogniserDeclaration,
    build_recogniser,
    select_recognisers,
)

LONGEST_ENTITY = 320
"""Characters of the longest personal datum: a mail address has 64 before its sign, 255 behind (RFC 3696)."""


class _PersonalDataFile(Record):
    version: int
    recognisers: tuple[RecogniserDeclaration, ...]


@lru_cache(maxsize=1)
def _recognisers() -> tuple[Recogniser, ...]:
    file = _PersonalDataFile.model_validate(package_yaml("safecase.text", "personal_data.yaml"))
    return tuple(build_recogniser(item, {}) for item in file.recognisers)


def personal_data_kinds() -> frozenset[str]:
    """The kinds of personal data that are known."""
    return frozenset(item.entity for item in _recognisers())


def personal_data_finder(
    kinds: frozenset[str] | None = None,
    *,
    countries: frozenset[str] = frozenset(),
    allow: frozenset[str] = frozenset(),
    minimum_confidence: float = 0.5,
) -> Finder:
    """A finder of the kinds (None: all). Raises InputError on a kind that is not known.

    ``countries`` limits national ids to locale packs (ISO 3166 codes in lower case; empty: all).
    ``allow``: see `Finder`.
    """
    chosen = tuple(
        item
        for item in select_recognisers(_recognisers(), kinds)
        if not item.country or not countries or item.country in countries
    )
    return Finder(chosen, allow=allow, minimum_confidence=minimum_confidence)
