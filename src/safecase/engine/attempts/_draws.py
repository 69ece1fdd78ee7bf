"""What goes into an attempt and what comes out of it, and where both come from and go to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from safecase.base import InfrastructureError
from safecase.model import AttemptSummary, FailureKind, OutcomeKind


@dataclass(frozen=True, slots=True)
class Draw:
    """One place in the draw order, with what it takes to try it."""

    position: int
    """In the draw order, from 0."""
    case_index: int
    repeat: int
    seed: int


@dataclass(frozen=True, slots=True)
class FinishedAttempt:
    """An attempt ready for the journal, and what the rest of the run needs to know of it."""

    draw: int
    """Its position in the draw order."""
    record: bytes
    """One line of JSON, without the line break."""
    outcome: OutcomeKind
    failure: FailureKind | None
    """Where the target failed: how. None where it answered."""
    message: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    cached: bool
    summary: AttemptSummary | None
    """Only where a streaming gate watches."""


class DrawSource(Protocol):
    """Where workers get draws: the dispatcher, or a batch of it on another machine."""

    @property
    def exhausted(self) -> bool:
        """True where no draw will ever be handed out again."""

    def take_now(self) -> Draw | None:
        """The next draw if one may be tried at once."""

    async def take(self) -> Draw | None:
        """The next draw, or None where there is no more to do."""

    def put_back(self, position: int) -> None:
        """The draw at ``position`` was not carried through."""

    def stop(self, reason: str) -> None:
        """Hand out nothing more."""


class AttemptSink(Protocol):
    """Where workers leave finished attempts."""

    def record(self, attempt: FinishedAttempt) -> None:
        """Take one finished attempt."""

    async def room(self) -> None:
        """Wait until more attempts may be left here."""

    def fail(self, error: InfrastructureError) -> None:
        """The run cannot go on."""
