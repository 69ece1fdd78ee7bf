"""The log of decisions: append-only, each entry naming the digest of the one before (GAT-12, GOV-15)."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
from pydantic import ValidationError

from safecase.base import CheckFailed, InfrastructureError, canonical_json, digest, try_lock
from safecase.model import Decision

LOG_NAME = "decisions.jsonl"


def read_decisions(path: Path) -> tuple[Decision, ...]:
    """Every decision, oldest first.

    Raises CheckFailed with the line where the chain is broken or an entry does not read.
    """
    if not path.exists():
        return ()
    decisions: list[Decision] = []
    previous = ""
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        try:
            decision = Decision.model_validate(orjson.loads(line))
        except (orjson.JSONDecodeError, ValidationError) as error:
            raise CheckFailed(
                "this entry of the decision log does not read", where=f"{path}:{number}"
            ) from error
        if decision.previous_digest != previous:
            raise CheckFailed(
                "the decision log's chain is broken here: an earlier entry was changed or removed",
                where=f"{path}:{number}",
            )
        previous = digest(decision)
        decisions.append(decision)
    return tuple(decisions)


def append_decision(path: Path, decision: Decision) -> Decision:
    """Add a decision to the log, chained to the last entry, and flush it to the disk.

    Two writers at once are kept apart by a lock that ends with its process; raises
    InfrastructureError where the log cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("ab") as stream:
            if not try_lock(stream.fileno()):
                raise InfrastructureError(
                    "somebody else is writing the decision log", where=str(path), hint="try again"
                )
            log = read_decisions(path)
            chained = decision.model_copy(update={"previous_digest": digest(log[-1]) if log else ""})
            stream.write(canonical_json(chained) + b"\n")
            stream.flush()
            os.fsync(stream.fileno())
            return chained
    except OSError as error:
        raise InfrastructureError(
            f"cannot write the decision log: {error.strerror}", where=str(path)
        ) from error
