"""The ledger of runs as a pack carries it: what happened to runs over time, one event a line."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, ClassVar, Literal, TypeAlias

from safecase_verify.errors import CheckFailed
from safecase_verify.reading._fields import read_record
from safecase_verify.reading.canonical import digest, read_json
from safecase_verify.reading.records import Purpose, Recommendation, RunManifest

LEDGER = "runs.jsonl"
"""Entry of a pack."""


@dataclass(frozen=True)
class RunResult:
    """What came of a run, so far as the chain holds it; of a certification with answers no number."""

    attempts_digest: str
    recorded: int | None
    answered: int | None
    answered_sealed: int | None

    @property
    def digest(self) -> str:
        """What a later run names as the result of this one."""
        return digest(vars(self))


@dataclass(frozen=True)
class _Event:
    """What all events have."""

    previous: tuple[str, ...]


@dataclass(frozen=True)
class RunStarted(_Event):
    """A run's manifest was written."""

    UNREAD: ClassVar = ("at", "system_version", "predecessors", "try_number")
    event: Literal["run_started"]
    run_id: str
    manifest_digest: str
    purpose: Purpose
    line: str
    candidate: str


@dataclass(frozen=True)
class RunFinished(_Event):
    """A run came to an end or a stop; the last one counts."""

    UNREAD: ClassVar = ("at", "complete")
    event: Literal["run_finished"]
    run_id: str
    result: RunResult
    families: tuple[str, ...]
    cases: tuple[str, ...]


@dataclass(frozen=True)
class FamiliesOpened(_Event):
    """A person opened families."""

    UNREAD: ClassVar = ("at", "because")
    event: Literal["families_opened"]
    families: tuple[str, ...]
    cases: tuple[str, ...]


@dataclass(frozen=True)
class ResultsRead(_Event):
    """Somebody looked at the results of a run."""

    UNREAD: ClassVar = ("at", "by")
    event: Literal["results_read"]
    run_id: str


@dataclass(frozen=True)
class VerdictGiven(_Event):
    """A gate decided on a run."""

    UNREAD: ClassVar = ("at",)
    event: Literal["verdict_given"]
    run_id: str
    gate: str
    gate_digest: str
    kind: Recommendation
    verdict_digest: str


@dataclass(frozen=True)
class DecisionLogged(_Event):
    """The decision log grew."""

    UNREAD: ClassVar = ("at",)
    event: Literal["decision_logged"]
    head: str


@dataclass(frozen=True)
class RunSetAside(_Event):
    """A run does not count, for a technical reason."""

    UNREAD: ClassVar = ("at", "because")
    event: Literal["run_set_aside"]
    run_id: str


LedgerEvent: TypeAlias = (
    RunStarted | RunFinished | FamiliesOpened | ResultsRead | VerdictGiven | DecisionLogged | RunSetAside
)
KINDS: dict[str, type[LedgerEvent]] = {
    "run_started": RunStarted,
    "run_finished": RunFinished,
    "families_opened": FamiliesOpened,
    "results_read": ResultsRead,
    "verdict_given": VerdictGiven,
    "decision_logged": DecisionLogged,
    "run_set_aside": RunSetAside,
}


@dataclass(frozen=True)
class PackedLedger:
    """The events of a ledger in their order, and where a run began among them."""

    before: tuple[LedgerEvent, ...]
    start: RunStarted
    after: tuple[LedgerEvent, ...]
    decision_heads: tuple[str, ...] = field(init=False, default=())
    """Digest of the decision log's last entry, each time that it grew."""

    def __post_init__(self) -> None:
        """Gather what is asked for often."""
        heads = tuple(event.head for event in self.events if isinstance(event, DecisionLogged))
        object.__setattr__(self, "decision_heads", heads)

    @property
    def events(self) -> tuple[LedgerEvent, ...]:
        """All of them."""
        return (*self.before, self.start, *self.after)

    @property
    def others(self) -> bool:
        """Whether it knows any other run."""
        return len(self.starts(self.events)) > 1

    def starts(self, events: Iterable[LedgerEvent]) -> dict[str, RunStarted]:
        """Run id → its start, among ``events``."""
        return {event.run_id: event for event in events if isinstance(event, RunStarted)}

    def finish(self, run_id: str) -> RunFinished | None:
        """The last end of a run."""
        found = [item for item in self.events if isinstance(item, RunFinished) and item.run_id == run_id]
        return found[-1] if found else None

    def answered(self, run_id: str) -> bool:
        """Whether a run brought an answer, so far as the ledger knows; one without an end may have."""
        finish = self.finish(run_id)
        return finish is None or finish.result.answered != 0

    def set_aside(self) -> set[str]:
        """Runs that were set aside before anybody had read their results."""
        read: set[str] = set()
        found: set[str] = set()
        for event in self.events:
            if isinstance(event, ResultsRead | VerdictGiven):
                read.add(event.run_id)
            elif isinstance(event, RunSetAside) and event.run_id not in read:
                found.add(event.run_id)
        return found

    def earlier_tries(self) -> list[RunStarted]:
        """Decisive runs before this one that learnt something of families that were sealed for them."""
        aside = self.set_aside()
        found = []
        for run_id, start in self.starts(self.before).items():
            finish = self.finish(run_id)
            learnt = finish is None or finish.result.answered_sealed != 0
            if learnt and run_id not in aside and start.purpose != "exploratory":
                found.append(start)
        return found

    def shown(self) -> tuple[set[str], set[str]]:
        """Families, and beginnings of digests of cases, that somebody had seen when the run began."""
        families: set[str] = set()
        cases: set[str] = set()
        purposes = {run_id: start.purpose for run_id, start in self.starts(self.before).items()}
        for event in self.before:
            if isinstance(event, FamiliesOpened) or (
                isinstance(event, RunFinished) and purposes.get(event.run_id) != "certification"
            ):
                families.update(event.families)
                cases.update(event.cases)
        return families, cases


def read_ledger(content: bytes, manifest: RunManifest) -> PackedLedger:
    """The ledger of a pack. Raises CheckFailed where its chain is broken or it does not know the run."""
    seen: set[str] = set()
    events: list[LedgerEvent] = []
    for number, line in enumerate(content.splitlines(), start=1):
        place = f"{LEDGER}:{number}"
        raw, event = _read_event(line, place)
        if not seen.issuperset(event.previous):
            raise CheckFailed(
                "the ledger names a line that is not there: one was changed or removed", where=place
            )
        seen.add(digest(raw))
        events.append(event)
    for number, event in enumerate(events):
        if isinstance(event, RunStarted) and event.run_id == manifest.run_id:
            if event.manifest_digest != manifest.digest:
                raise CheckFailed("the ledger knows another plan of this run", where=f"{LEDGER}:{number + 1}")
            return PackedLedger(tuple(events[:number]), event, tuple(events[number + 1 :]))
    raise CheckFailed("the ledger does not know this run", where=LEDGER)


def _read_event(line: bytes, place: str) -> tuple[Any, LedgerEvent]:
    try:
        raw = read_json(line)
    except ValueError as error:
        raise CheckFailed("this line of the ledger does not read", where=place) from error
    kind = KINDS.get(str(raw.get("event"))) if isinstance(raw, dict) else None
    if kind is None:
        raise CheckFailed("this line of the ledger is no event", where=place)
    return raw, read_record(kind, raw, place)
