"""What happens to a finished attempt: breaker, journal, tallies, gate."""

from __future__ import annotations

from dataclasses import dataclass, field

import orjson

from safecase.base import InfrastructureError
from safecase.engine._circuit_breaker import CircuitBreaker
from safecase.engine._dispatcher import Dispatcher
from safecase.engine.attempts._draws import FinishedAttempt
from safecase.engine.journal._writer import JournalWriter
from safecase.engine.summary import record_fields
from safecase.model import OutcomeKind


@dataclass(slots=True)
class Tallies:
    """Running counts over all sessions of a run."""

    outcomes: dict[OutcomeKind, int] = field(default_factory=lambda: dict.fromkeys(OutcomeKind, 0))
    calls: int = 0
    cached: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float = 0.0
    cost_known: bool = True

    @property
    def finished(self) -> int:
        """Attempts counted."""
        return sum(self.outcomes.values())

    @property
    def answered(self) -> bool:
        """Whether any attempt had an answer."""
        return self.finished > self.outcomes[OutcomeKind.ERROR]

    def add(
        self,
        outcome: OutcomeKind,
        *,
        calls: int,
        input_tokens: int,
        output_tokens: int,
        cost_usd: float | None,
        cached: bool,
    ) -> None:
        """Count one attempt."""
        self.outcomes[outcome] += 1
        self.calls += calls
        self.cached += cached
        self.input_tokens += input_tokens
        self.output_tokens += output_tokens
        if cost_usd is not None:
            self.cost_usd += cost_usd
        elif outcome is not OutcomeKind.ERROR:
            self.cost_known = False

    def add_record(self, record: bytes) -> None:
        """Count one attempt from its record in the log."""
        parsed = orjson.loads(record)
        fields = record_fields(parsed)
        self.add(
            OutcomeKind(fields.outcome),
            calls=parsed["usage"]["calls"],
            input_tokens=fields.input_tokens,
            output_tokens=fields.output_tokens,
            cost_usd=fields.cost_usd,
            cached=fields.cached,
        )


def told_outcomes(tallies: Tallies, *, sealed: bool) -> dict[str, int]:
    """Outcome → attempts, as a run's status tells it; of a sealed run only that nothing was answered."""
    if sealed and tallies.answered:
        return {}
    return {kind.value: count for kind, count in tallies.outcomes.items()}


class AttemptRecorder:
    """Takes finished attempts from an executor, in any order, and sees to the rest."""

    def __init__(
        self, journal: JournalWriter, dispatcher: Dispatcher, tallies: Tallies, breaker: CircuitBreaker
    ) -> None:
        self._journal = journal
        self._dispatcher = dispatcher
        self._breaker = breaker
        self.tallies = tallies
        self.failure: InfrastructureError | None = None

    def record(self, attempt: FinishedAttempt) -> None:
        """Record one attempt, or hold it back while the target may be down.

        Stops the dispatcher where the target is down; ``failure`` then says why.
        """
        for item in self._breaker.take(attempt):
            self._append(item)
        if self._breaker.tripped is not None and self.failure is None:
            self.fail(self._breaker.tripped)

    async def room(self) -> None:
        """Wait while the journal is behind. Stops the dispatcher where the disk fails."""
        try:
            await self._journal.room()
        except InfrastructureError as error:
            self.fail(error)

    def fail(self, error: InfrastructureError) -> None:
        """The run cannot go on. The first failure stays."""
        if self.failure is None:
            self.failure = error
        self._dispatcher.stop(error.message)

    def finish(self) -> None:
        """Record what was held back, unless the target is down."""
        for item in self._breaker.finish(whole=not self._dispatcher.stop_reason):
            self._append(item)
        if self._breaker.tripped is not None:
            self.fail(self._breaker.tripped)

    def _append(self, item: FinishedAttempt) -> None:
        self._journal.append(item.record)
        self.tallies.add(
            item.outcome,
            calls=item.calls,
            input_tokens=item.input_tokens,
            output_tokens=item.output_tokens,
            cost_usd=item.cost_usd,
            cached=item.cached,
        )
        self._dispatcher.close(item.draw, item.summary)
