"""Cases that nearly repeat those of another family: what passes for two independent cases and is one."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

from safecase.base import canonical_json
from safecase.model import Case

_SHINGLE = 5
"""Letters: about a word, so that exchanged names and numbers leave most of a text's shingles as they were."""
_NEAR_DUPLICATE = 0.9
"""Share of a case's shingles that another family has: about one word exchanged in a prompt of a hundred
letters. Chosen without measurement; it only leads to a warning."""
_MOST = 4000
"""Cases that are looked at: the shingles of all are kept in memory, and of so many a share is told well."""


def repeated_cases(cases: Sequence[Case]) -> frozenset[str]:
    """Ids of the cases that share 90 % of their hashed 5-grams with earlier families.

    A case is all that is sent: messages, documents, planted records, files. A case and its benign twin are
    alike by design, so a family is not held against its twins.
    """
    looked_at = cases[:_MOST]
    twins = _twins(looked_at)
    owner: dict[int, str] = {}
    repeated = set()
    for case in looked_at:
        grams = _grams(_content(case))
        if _repeats(case, grams, owner, twins):
            repeated.add(case.id)
        for gram in grams:
            owner.setdefault(gram, case.family)
    return frozenset(repeated)


def cases_near(cases: Sequence[Case], others: Sequence[Case]) -> frozenset[str]:
    """Ids of the cases that share 90 % of their hashed 5-grams with ``others``, twins left out."""
    looked_at = others[:_MOST]
    twins = _twins((*cases, *looked_at))
    owner: dict[int, str] = {}
    for case in looked_at:
        for gram in _grams(_content(case)):
            owner.setdefault(gram, case.family)
    return frozenset(
        case.id for case in cases[:_MOST] if _repeats(case, _grams(_content(case)), owner, twins)
    )


def _repeats(case: Case, grams: set[int], owner: Mapping[int, str], twins: Mapping[str, set[str]]) -> bool:
    own = {case.family, *twins.get(case.family, ())}
    known = sum(gram in owner and owner[gram] not in own for gram in grams)
    return known / len(grams) >= _NEAR_DUPLICATE


def _twins(cases: Sequence[Case]) -> dict[str, set[str]]:
    """Family → the families that hold its benign twins, and whose twins it holds."""
    family = {case.id: case.family for case in cases}
    found: dict[str, set[str]] = {}
    for case in cases:
        if case.benign_twin in family:
            found.setdefault(case.family, set()).add(family[case.benign_twin])
            found.setdefault(family[case.benign_twin], set()).add(case.family)
    return found


def _content(case: Case) -> str:
    """All that a case sends, in one text."""
    parts = [message.text for message in case.messages]
    parts += [document.text for document in case.documents]
    parts += [
        part.digest or part.uri
        for message in case.messages
        if not isinstance(message.content, str)
        for part in message.content
    ]
    if case.environment:
        parts.append(canonical_json(case.environment).decode())
    return " ".join(parts).lower()[:2000]


def _grams(text: str) -> set[int]:
    """The hashed shingles of a text: numbers take less memory than texts."""
    return {
        int.from_bytes(
            hashlib.blake2b(text[i : i + _SHINGLE].encode("utf-8", "replace"), digest_size=8).digest(), "big"
        )
        for i in range(max(1, len(text) - _SHINGLE + 1))
    }
