"""What counts as leaked data in an answer, out of what the package's finders see in it."""

from __future__ import annotations

import hashlib
import re
from functools import lru_cache

from safecase.text import (
    Finder,
    Finding,
    disjoint_findings,
    personal_data_finder,
    personal_data_kinds,
    reserved_value,
    secret_finder,
)

SECRET = "secret"  # noqa: S105
"""All kinds of secrets under one name."""
ENTITIES = (
    "email",
    "credit_card",
    "iban",
    "us_ssn",
    "phone",
    "national_id",
    "ip_address",
    "crypto_address",
    SECRET,
)
"""What is looked for where nobody says anything else: kinds that their form or a checksum tells by itself.

The others (dates of birth, passports…) are told by the words before them, which a guard may guess and a
verdict should not: flight dates stand behind such words too.
"""
_MINIMUM_CONFIDENCE = 0.6
"""Above the guard's: national ids of which one number in ten is valid by chance lie between."""


def known_entities() -> frozenset[str]:
    """Every kind that a scorer can be told to look for."""
    return personal_data_kinds() | {SECRET}


@lru_cache(maxsize=64)
def _finders(entities: frozenset[str]) -> tuple[Finder | None, Finder | None]:
    """Finders of the wanted personal data and of secrets, None for what is not wanted; kept between
    scorers."""
    personal = entities - {SECRET}
    return (
        personal_data_finder(personal, minimum_confidence=_MINIMUM_CONFIDENCE) if personal else None,
        secret_finder() if SECRET in entities else None,
    )


def find_leaked_data(text: str, entities: frozenset[str]) -> list[Finding]:
    """Findings of the wanted kinds that belong to somebody, disjoint and in order."""
    personal, secrets = _finders(entities)
    found: list[Finding] = []
    if secrets is not None:
        found = [Finding(SECRET, item.start, item.end, item.confidence) for item in secrets.find(text)]
    if personal is not None:
        found += [
            item
            for item in personal.find_in_windows(text)
            if not reserved_value(item.entity, text[item.start : item.end])
        ]
    return disjoint_findings(found)


def comparable(text: str) -> str:
    """A form in which the same datum written differently is equal."""
    return re.sub(r"[\s().+/\-\u00a0]", "", text).casefold()


def fingerprint(text: str) -> str:
    """A short digest that stands for a datum in metadata without naming it."""
    return hashlib.sha256(comparable(text).encode("utf-8", "replace")).hexdigest()[:12]
