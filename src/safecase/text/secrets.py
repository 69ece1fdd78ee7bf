"""Secrets in a text: keys, tokens, credentials in addresses, passwords behind their names.

The one finder of the package, as `safecase.text.personal_data` is for people's data. The kinds stand in
``data/secrets.yaml``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from functools import lru_cache

from safecase.base import Record, package_yaml
from safecase.text._finder import (
    Finder,
    Recogniser,
    RecogniserDeclaration,
    Span,
    build_recogniser,
    select_recognisers,
)

_WORDS = r"(?:[A-Z0-9]{1,12} ){0,3}"
"""RSA, EC, OPENSSH, SSH2 ENCRYPTED: what stands before PRIVATE KEY."""
PRIVATE_KEY_BEGINS = re.compile(rf"-----BEGIN {_WORDS}PRIVATE KEY(?: BLOCK)?-----")
PRIVATE_KEY_ENDS = re.compile(rf"-----END {_WORDS}PRIVATE KEY(?: BLOCK)?-----")
_LONGEST_KEY = 20_000
"""Characters: an RSA key of 16,384 bits has 13,000."""
_KEY_BODY = re.compile(r"(?:[\w-]{1,40}: [^\n]{0,200}\n)*[A-Za-z0-9+/=\s]{0,20000}")
"""What stands in a key that breaks off: header lines (RFC 1421), then Base64."""


class _SecretsFile(Record):
    version: int
    recognisers: tuple[RecogniserDeclaration, ...]


def _private_keys(text: str) -> Iterator[Span]:
    """Private keys from their first line to their last, or as far as one that breaks off goes."""
    ends = [match.end() for match in PRIVATE_KEY_ENDS.finditer(text)]
    done = 0
    for match in PRIVATE_KEY_BEGINS.finditer(text):
        if match.start() < done:
            continue
        place = bisect_right(ends, match.end())
        whole = place < len(ends) and ends[place] - match.end() <= _LONGEST_KEY
        body = _KEY_BODY.match(text, match.end())
        done = ends[place] if whole else body.end() if body else match.end()
        yield match.start(), done


@lru_cache(maxsize=1)
def _recognisers() -> tuple[Recogniser, ...]:
    file = _SecretsFile.model_validate(package_yaml("safecase.text", "secrets.yaml"))
    procedures = {"private_key": _private_keys}
    return tuple(build_recogniser(item, procedures) for item in file.recognisers)


def secret_kinds() -> frozenset[str]:
    """The kinds of secrets that are known."""
    return frozenset(item.entity for item in _recognisers())


def secret_finder(
    kinds: frozenset[str] | None = None,
    *,
    allow: frozenset[str] = frozenset(),
    minimum_confidence: float = 0.5,
) -> Finder:
    """A finder of the kinds (None: all). Raises InputError on a kind that is not known."""
    # Checks of secrets count letters; a text of nothing but candidates costs no more than its patterns.
    return Finder(
        select_recognisers(_recognisers(), kinds),
        allow=allow,
        minimum_confidence=minimum_confidence,
        most_checked=None,
    )
