"""What happens to runs over time, as events: the lines of ``records/runs.jsonl``."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from safecase.base import Record, digest
from safecase.model.runs.manifest import Predecessor
from safecase.model.vocabulary import RunPurpose, VerdictKind

SHOWN_DIGITS = 16
"""Hex digits of a case's digest that the ledger keeps: 64 bits tell the cases of a workspace apart."""


class RunResult(Record):
    """What came of a run, so far as the chain holds it: enough to see that its log was changed."""

    attempts_digest: str
    """SHA-256 over the records in draw order, one a line."""
    recorded: int | None = Field(ge=0)
    """Attempts in the log; None in a certification, where such a number would tell how its answers fell."""
    answered: int | None = Field(ge=0)
    """Attempts that are no errors; None in a certification that had answers."""
    answered_sealed: int | None = Field(ge=0)
    """Those of them whose family nobody had seen when the run began: without one the run counts as no try.
    None in a certification that had answers."""

    @property
    def learnt(self) -> bool:
        """Whether the run had an answer on a family that nobody had seen."""
        return self.answered_sealed is None or self.answered_sealed > 0

    @property
    def digest(self) -> str:
        """What a later run names as the result of this one."""
        return digest(self)


class _Event(Record):
    """What all events have."""

    at: datetime
    previous: tuple[str, ...] = ()
    """Digests of the events that stood at the ends of the ledger when this one was written: one, or several
    where two branches of the files were merged."""

    @property
    def digest(self) -> str:
        """What the next event names."""
        return digest(self)


class RunStarted(_Event):
    """A run's manifest is written; the first call comes after."""

    event: Literal["run_started"] = "run_started"
    run_id: str
    manifest_digest: str
    purpose: RunPurpose
    line: str
    try_number: int
    candidate: str
    """As in the manifest: system version and gates."""
    system_version: str
    """Fingerprint of the system."""
    predecessors: tuple[Predecessor, ...] = ()


class RunFinished(_Event):
    """A run came to an end or a stop; a resumed run has several, and the last one counts."""

    event: Literal["run_finished"] = "run_finished"
    run_id: str
    complete: bool
    """False where a budget, a person or a failure stopped it: it can be resumed."""
    result: RunResult
    families: tuple[str, ...] = ()
    """Families that were sealed when the run began and were answered in it. A certification keeps them
    sealed; any other run opened them."""
    cases: tuple[str, ...] = ()
    """Beginnings (`SHOWN_DIGITS`) of digests over what the answered cases send, those that no event before
    this one names: exposure goes by content, whatever a family is called later. Of a certification, of all
    that it planned."""


class FamiliesOpened(_Event):
    """A person opened families: what they hold can be looked at, and decides nothing any more."""

    event: Literal["families_opened"] = "families_opened"
    because: str = Field(min_length=1)
    families: tuple[str, ...] = Field(min_length=1)
    cases: tuple[str, ...] = ()
    """Beginnings of the digests of all their cases."""


class ResultsRead(_Event):
    """Somebody looked at the results of a run; from then on nobody sets it aside."""

    event: Literal["results_read"] = "results_read"
    run_id: str
    by: str
    """The command."""


class VerdictGiven(_Event):
    """A gate decided on a run."""

    event: Literal["verdict_given"] = "verdict_given"
    run_id: str
    gate: str
    gate_digest: str
    kind: VerdictKind
    verdict_digest: str


class DecisionLogged(_Event):
    """The decision log grew: its end is held here, so that a cut or changed tail shows."""

    event: Literal["decision_logged"] = "decision_logged"
    head: str
    """Digest of the log's last entry, which vouches for all before it."""


class RunSetAside(_Event):
    """A run does not count, for a technical reason that was declared before its results were read."""

    event: Literal["run_set_aside"] = "run_set_aside"
    run_id: str
    because: str = Field(min_length=1)


LedgerEvent: TypeAlias = Annotated[
    RunStarted | RunFinished | FamiliesOpened | ResultsRead | VerdictGiven | DecisionLogged | RunSetAside,
    Field(discriminator="event"),
]
