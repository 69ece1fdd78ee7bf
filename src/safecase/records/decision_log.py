"""The log of decisions: append-only, each entry naming the digest of the one before (GAT-12, GOV-15)."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from safecase.base import CheckFailed, InfrastructureError, canonical_json, try_lock
from safecase.model import (
    Decision,
    DecisionEntry,
    DecisionLogged,
    People,
    PeopleEntry,
    Recommendation,
    parse_entry,
)
from safecase.records.ledger import Ledger

LOG_NAME = "decisions.jsonl"
Signer = Callable[[bytes], str]
"""From the bytes to sign to an SSH signature in base64; empty where the person has no key."""
Signed = TypeVar("Signed", Decision, Recommendation)


def read_entries(path: Path) -> tuple[DecisionEntry, ...]:
    """Every entry, oldest first.

    Raises CheckFailed with the line where the chain is broken or an entry does not read.
    """
    if not path.exists():
        return ()
    entries: list[DecisionEntry] = []
    previous = ""
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            entry = parse_entry(line)
        except ValidationError as error:
            raise CheckFailed(
                "this entry of the decision log does not read", where=f"{path}:{number}"
            ) from error
        if entry.previous_digest != previous:
            raise CheckFailed(
                "the decision log's chain is broken here: an earlier entry was changed or removed",
                where=f"{path}:{number}",
            )
        previous = entry.digest
        entries.append(entry)
    return tuple(entries)


def head_of(entries: Sequence[DecisionEntry]) -> str:
    """Digest of the last entry, which vouches for all of them; empty where there is none."""
    return entries[-1].digest if entries else ""


def check_anchored(entries: Sequence[DecisionEntry], heads: Sequence[str], *, where: str) -> None:
    """Hold the log against the ledger, which names its end each time that it grew.

    Raises CheckFailed where entries were cut off or changed, or stand there that nobody was told of.
    """
    digests = {entry.digest for entry in entries}
    if any(head not in digests for head in heads):
        raise CheckFailed(
            "the decision log was cut off or changed: the ledger of runs names an entry that is not there",
            where=where,
            hint="restore both files from version control",
        )
    if entries and entries[-1].digest not in heads:
        raise CheckFailed(
            "the decision log ends in an entry that the ledger of runs does not name",
            where=where,
            hint="it was written by hand, or by a process that died: restore both files from version control",
        )


def rights_alone(people: People) -> People:
    """The people as the log keeps them: ids, roles, keys and rights, without names and addresses."""
    bare = tuple(person.model_copy(update={"name": "", "email": ""}) for person in people.persons)
    return people.model_copy(update={"persons": bare, "escalation": ()})


def append_entry(
    path: Path,
    ledger: Ledger,
    entry: Signed,
    *,
    people: People,
    at: datetime,
    sign: Signer | None = None,
    check: Callable[[Sequence[DecisionEntry]], None] = lambda entries: None,
) -> tuple[DecisionEntry, ...]:
    """Add an entry to the log, chained, signed and flushed, and its end to the ledger; returns the whole log.

    Where the rights or keys are others than the log knows, an entry that says so goes in front. ``check``
    sees the log as it stands under the lock, and refuses by raising. Two writers at once are kept apart by a
    lock that ends with its process; raises InfrastructureError where the log cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            if not try_lock(stream.fileno()):
                raise InfrastructureError(
                    "somebody else is writing the decision log", where=str(path), hint="try again"
                )
            entries: tuple[DecisionEntry, ...] = read_entries(path)
            check_anchored(entries, ledger.read().decision_heads, where=str(path))
            check(entries)
            added: list[DecisionEntry] = []
            bare = rights_alone(people)
            known = [item.people for item in entries if isinstance(item, PeopleEntry)]
            if not known or known[-1] != bare:
                added.append(PeopleEntry(recorded_at=at, people=bare, previous_digest=head_of(entries)))
            chained = entry.model_copy(update={"previous_digest": head_of([*entries, *added])})
            if sign is not None:
                chained = chained.model_copy(update={"signature": sign(canonical_json(chained.content()))})
            added.append(chained)
            with ledger.locked() as writer:
                stream.write(b"".join(map(_line, added)))
                stream.flush()
                os.fsync(stream.fileno())
                writer.append(DecisionLogged(at=at, head=chained.digest))
            return (*entries, *added)
    except OSError as error:
        raise InfrastructureError(
            f"cannot write the decision log: {error.strerror}", where=str(path)
        ) from error


def _line(entry: DecisionEntry) -> bytes:
    return canonical_json(entry.model_dump(mode="json", by_alias=True)) + b"\n"
