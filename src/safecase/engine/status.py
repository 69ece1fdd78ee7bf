"""Where a run stands, as ``status.json`` in its folder says."""

from __future__ import annotations

import os
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO

from pydantic import ValidationError

from safecase.base import InfrastructureError, Record


class RunState(StrEnum):
    """What became of a run."""

    RUNNING = "running"
    COMPLETE = "complete"
    """Each planned attempt was recorded, or the gate had no more use for it."""
    STOPPED = "stopped"
    """A budget or a person ended it; it can be resumed."""
    FAILED = "failed"
    """The target or the disk failed; it can be resumed."""


class RunStatus(Record):
    """State, reason and counts of a run."""

    state: RunState
    reason: str = ""
    planned: int
    recorded: int = 0
    """Attempts in the log, durable."""
    skipped: int = 0
    """Draws that the streaming gate had no more use for: never attempts."""
    not_run: int = 0
    """Planned draws that were neither recorded nor skipped."""
    outcomes: dict[str, int] = {}
    """Outcome → recorded attempts."""
    calls: int = 0
    """Calls to the target, failed tries included, over all sessions."""
    cost_usd: float | None = 0.0
    """None where a price was not known."""
    sessions: int = 1
    """1 plus the number of times the run was resumed."""
    dropped_bytes: int = 0
    """Bytes of never acknowledged records at the torn ends of journals."""
    attempts_digest: str = ""
    """SHA-256 over the records in draw order, one a line; set once the run is compacted."""
    columns_digest: str = ""
    """SHA-256 of the columns' file, which names the digest of the log's; set with ``attempts_digest``."""
    updated_at: datetime


def write_status(folder: Path, status: RunStatus) -> None:
    """Replace ``status.json`` in one step. Raises InfrastructureError where it cannot be written."""
    write_file(folder / "status.json", status.model_dump_json(indent=2).encode() + b"\n")


def read_status(folder: Path) -> RunStatus:
    """The status of a run folder. Raises InfrastructureError where it is absent or damaged."""
    path = folder / "status.json"
    try:
        return RunStatus.model_validate_json(path.read_bytes())
    except FileNotFoundError as error:
        raise InfrastructureError(
            "this is not a run folder: it has no status.json", where=str(folder)
        ) from error
    except (OSError, ValidationError) as error:
        raise InfrastructureError(f"cannot read the run's status: {error}", where=str(path)) from error


def private_file(path: Path) -> BinaryIO:
    """The file opened anew for writing, readable by its owner alone: runs hold what people said."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    path.chmod(0o600)  # one that was there already keeps its mode
    return os.fdopen(descriptor, "wb")


def write_file(path: Path, data: bytes) -> None:
    """Write a file durably and in one step: readers see the old content or the new, never a part.

    Raises InfrastructureError where the disk or the rights do not allow it.
    """
    temporary = path.with_name(path.name + ".part")
    try:
        with private_file(temporary) as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise InfrastructureError(
            f"cannot write {path.name}: {error.strerror or error}",
            where=str(path.parent),
            hint="free space or mend the rights, then run `safecase resume`",
        ) from error
