"""Whether the names in the decision log are signatures, by the keys that the people had at the time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from safecase.base import CheckFailed, canonical_json, fingerprint, read_public_key, verify_message
from safecase.model import (
    SIGNATURE_NAMESPACE,
    Decision,
    DecisionEntry,
    People,
    PeopleEntry,
    Person,
    Recommendation,
)


class NameStanding(StrEnum):
    """What a name in the log is."""

    SIGNATURE = "signature"
    CLAIM = "claim"
    """The person has no key: anybody could have typed the name."""
    UNSIGNED = "unsigned"
    """The person has a key and did not use it: the entry counts for nothing."""


@dataclass(frozen=True)
class NamedEntry:
    """An entry with a name under it, and what stands behind the name."""

    entry: Decision | Recommendation
    standing: NameStanding
    key: str
    """Fingerprint of the key that signed; empty where none did."""
    people: People
    """Rights and keys as they stood."""


def name_words(named: NamedEntry) -> str:
    """What stands behind a name, for people."""
    return f"signature, {named.key}" if named.key else "a claim: no key"


def key_of(people: People, person_id: str) -> tuple[bytes, ...]:
    """The keys of a person in wire format; none where nobody has that id."""
    return tuple(
        read_public_key(key) for person in people.persons if person.id == person_id for key in person.keys
    )


def named_entries(
    entries: Sequence[DecisionEntry], *, where: str = "decisions.jsonl"
) -> Iterator[NamedEntry]:
    """Each recommendation and decision with the standing of its name, oldest first.

    Raises CheckFailed with the line of an entry whose signature does not fit, or is by a key that the person
    did not have.
    """
    people = People()
    for number, entry in enumerate(entries, start=1):
        if isinstance(entry, PeopleEntry):
            people = entry.people
            continue
        keys = key_of(people, entry.person)
        if not entry.signature:
            yield NamedEntry(entry, NameStanding.UNSIGNED if keys else NameStanding.CLAIM, "", people)
            continue
        place = f"{where}:{number}"
        try:
            key = verify_message(entry.signature, canonical_json(entry.content()), SIGNATURE_NAMESPACE)
        except CheckFailed as error:
            raise CheckFailed(
                f"the signature of {entry.person} does not fit this entry: it was changed", where=place
            ) from error
        if key not in keys:
            raise CheckFailed(
                f"this entry is signed by {fingerprint(key)}, which is no key of {entry.person}", where=place
            )
        yield NamedEntry(entry, NameStanding.SIGNATURE, fingerprint(key), people)


def people_changes(before: People, after: People) -> tuple[str, ...]:
    """What changed of keys, roles and rights, a line each."""
    found: list[str] = []
    old: dict[str, Person] = {person.id: person for person in before.persons}
    new = {person.id: person for person in after.persons}
    for name in sorted({*old, *new}):
        if name not in new:
            found.append(f"{name} is gone")
            continue
        earlier, later = old.get(name), new[name]
        if earlier is None:
            found.append(f"{name} is new ({', '.join(later.roles) or 'no role'})")
            continue
        if earlier.roles != later.roles:
            found.append(f"{name}: roles {', '.join(earlier.roles)} → {', '.join(later.roles)}")
        gone, come = ({*key_of(a, name)} - {*key_of(b, name)} for a, b in ((before, after), (after, before)))
        found += [f"{name}: key {fingerprint(key)} taken out" for key in sorted(gone)]
        found += [f"{name}: key {fingerprint(key)} added" for key in sorted(come)]
    if before.decision_rights != after.decision_rights:
        found.append("the decision rights changed")
    if before.exceptions != after.exceptions:
        found.append("the policy of exceptions changed")
    return tuple(found)
