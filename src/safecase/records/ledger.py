"""The ledger of runs, ``records/runs.jsonl``: one JSON line an event, each naming what stood before it.

It is committed with the workspace, so that a checkout knows which runs there were although it holds none of
them. Its lines form a chain; where two branches were merged, lines side by side are joined by the next one.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, TypeVar

import orjson
from pydantic import TypeAdapter, ValidationError

from safecase.base import CheckFailed, InfrastructureError, canonical_json, try_lock
from safecase.model import (
    DecisionLogged,
    FamiliesOpened,
    LedgerEvent,
    Predecessor,
    ResultsRead,
    RunFinished,
    RunResult,
    RunSetAside,
    RunStarted,
    VerdictGiven,
)

LEDGER_NAME = "runs.jsonl"

_EVENTS: TypeAdapter[LedgerEvent] = TypeAdapter(LedgerEvent)
_WAIT_SECONDS = 120.0
"""The lock is held while a run is planned: seconds for a million attempts, and a registrar takes its time."""
_POLL_SECONDS = 0.05

Event = TypeVar(
    "Event", RunStarted, RunFinished, FamiliesOpened, ResultsRead, VerdictGiven, DecisionLogged, RunSetAside
)


@dataclass(frozen=True)
class RunHistory:
    """All events of a ledger, oldest first, and what they say together."""

    events: tuple[LedgerEvent, ...] = ()

    @cached_property
    def starts(self) -> dict[str, RunStarted]:
        """Run id → its start, in the order of the chain."""
        return {event.run_id: event for event in self.events if isinstance(event, RunStarted)}

    @cached_property
    def finishes(self) -> dict[str, RunFinished]:
        """Run id → its last end or stop."""
        return {event.run_id: event for event in self.events if isinstance(event, RunFinished)}

    @cached_property
    def set_aside(self) -> dict[str, RunSetAside]:
        """Run id → why it does not count."""
        return {event.run_id: event for event in self.events if isinstance(event, RunSetAside)}

    @cached_property
    def read(self) -> frozenset[str]:
        """Runs whose results somebody has read, a gate's verdict included."""
        return frozenset(
            event.run_id for event in self.events if isinstance(event, ResultsRead | VerdictGiven)
        )

    @cached_property
    def verdicts(self) -> tuple[VerdictGiven, ...]:
        """Each verdict that a gate gave, oldest first."""
        return tuple(event for event in self.events if isinstance(event, VerdictGiven))

    @cached_property
    def openings(self) -> tuple[FamiliesOpened, ...]:
        """What people opened."""
        return tuple(event for event in self.events if isinstance(event, FamiliesOpened))

    def result(self, run_id: str) -> RunResult | None:
        """What came of a run, as last told."""
        found = self.finishes.get(run_id)
        return found.result if found is not None else None

    def predecessor(self, run_id: str) -> Predecessor:
        """How a run that begins now names this one."""
        result = self.result(run_id)
        return Predecessor(
            run_id=run_id,
            manifest_digest=self.starts[run_id].manifest_digest,
            result_digest=result.digest if result is not None else "",
        )

    def ends(self) -> tuple[Predecessor, ...]:
        """The runs that none names as it stands now, with its result, in the order of their starts."""
        named = {item for start in self.starts.values() for item in start.predecessors}
        return tuple(item for item in map(self.predecessor, self.starts) if item not in named)

    @cached_property
    def decision_heads(self) -> tuple[str, ...]:
        """Digest of the decision log's last entry, each time that it grew."""
        return tuple(event.head for event in self.events if isinstance(event, DecisionLogged))

    @cached_property
    def digests(self) -> tuple[str, ...]:
        """The digest of each event: working one out takes longer than all that is done with it."""
        return tuple(event.digest for event in self.events)

    @property
    def heads(self) -> tuple[str, ...]:
        """Digests of the events that none names: what the next one names."""
        named = {digest for event in self.events for digest in event.previous}
        return tuple(digest for digest in self.digests if digest not in named)


class Ledger:
    """The file of a ledger."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> RunHistory:
        """Its events. Raises CheckFailed with the line that does not read or whose predecessor is missing."""
        try:
            content = self.path.read_bytes()
        except FileNotFoundError:
            return RunHistory()
        except OSError as error:
            raise InfrastructureError(
                f"cannot read the ledger of runs: {error.strerror}", where=str(self.path)
            ) from error
        return RunHistory(tuple(read_events(content, str(self.path))))

    @contextmanager
    def locked(self) -> Iterator[LedgerWriter]:
        """Hold the ledger against other writers; it waits for them.

        Raises InfrastructureError where it cannot be written or is held for minutes, CheckFailed as `read`.
        """
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            stream = self.path.open("a+b")
        except OSError as error:
            raise self._not_written(error) from error
        with stream:
            deadline = time.monotonic() + _WAIT_SECONDS
            while not self._lock(stream):
                if time.monotonic() > deadline:
                    raise InfrastructureError(
                        "another process has held the ledger of runs for two minutes",
                        where=str(self.path),
                        hint="wait for the run that is starting, or stop it",
                    )
                time.sleep(_POLL_SECONDS)
            yield LedgerWriter(self, stream)

    def append(self, event: Event) -> Event:
        """Add one event, chained to what stands there."""
        with self.locked() as writer:
            return writer.append(event)

    def _lock(self, stream: BinaryIO) -> bool:
        try:
            return try_lock(stream.fileno())
        except OSError as error:
            raise self._not_written(error) from error

    def _not_written(self, error: OSError) -> InfrastructureError:
        return InfrastructureError(
            f"cannot write the ledger of runs: {error.strerror or error}",
            where=str(self.path),
            hint="mend the rights or the space: a run that is not in the ledger is not evidence",
        )


class LedgerWriter:
    """Appends to a ledger that is locked; ``history`` is what stands in it."""

    def __init__(self, ledger: Ledger, stream: BinaryIO) -> None:
        self._ledger = ledger
        self._stream = stream
        stream.seek(0)
        content = stream.read()
        self.history = RunHistory(tuple(read_events(content, str(ledger.path))))
        # What a kill left of a line would make the next one unreadable.
        stream.truncate(content.rfind(b"\n") + 1)

    def append(self, event: Event) -> Event:
        """Write an event behind the others, durably; the event as it stands there."""
        chained = event.model_copy(update={"previous": self.history.heads})
        try:
            self._stream.write(canonical_json(chained) + b"\n")
            self._stream.flush()
            os.fsync(self._stream.fileno())
        except OSError as error:
            raise self._ledger._not_written(error) from error
        self.history = RunHistory((*self.history.events, chained))
        return chained


def read_events(content: bytes, place: str) -> Iterator[LedgerEvent]:
    """The events of a ledger's lines. Raises CheckFailed with the line where the chain is broken.

    A line without its end was never acknowledged to anybody, so it is none.
    """
    seen: set[str] = set()
    for number, line in enumerate(content.split(b"\n")[:-1], start=1):
        where = f"{place}:{number}"
        try:
            event = _EVENTS.validate_python(orjson.loads(line))
        except (orjson.JSONDecodeError, ValidationError) as error:
            raise CheckFailed(
                "this line of the ledger of runs does not read",
                where=where,
                hint="restore the file from version control",
            ) from error
        if not seen.issuperset(event.previous):
            raise CheckFailed(
                "the chain of the ledger of runs is broken here: an earlier line was changed or removed",
                where=where,
                hint="restore the file from version control",
            )
        seen.add(event.digest)
        yield event


def now() -> datetime:
    """The time of an event: for people. The order of events is that of the chain, never of a clock."""
    return datetime.now(UTC)
