"""Telling a target that is down from attempts that fail: the circuit breaker.

An outage says nothing about the system under test. Failures that look like one are held back until the
target answers again (then they count, like every error) or until there are so many in a row that the run
stops; the held ones are then left undone, so that a resumed run tries them again. A target that never
answered at all has not been tested: such a run stops too, however short it is. Replies that cannot be read
are held back before the first answer only: a sign-in page in front of the target looks like that.
"""

from __future__ import annotations

from dataclasses import dataclass

from safecase.base import InfrastructureError
from safecase.engine.attempts._draws import FinishedAttempt
from safecase.model import FailureKind, counted

# What a target that is down, or behind a wrong address or key, fails with. The other kinds are answers.
_OUTAGE = frozenset(
    {
        FailureKind.CONNECTION,
        FailureKind.AUTHENTICATION,
        FailureKind.RATE_LIMITED,
        FailureKind.SERVER_ERROR,
        FailureKind.TIMEOUT,
    }
)
_HINTS = {
    FailureKind.CONNECTION: "check the address and that the target is up, then run `safecase resume`",
    FailureKind.AUTHENTICATION: "check the API key in the environment, then run `safecase resume`",
    FailureKind.RATE_LIMITED: "keep requests_per_minute below the provider's limit and run `safecase resume`",
    FailureKind.SERVER_ERROR: "wait until the target works again, then run `safecase resume`",
    FailureKind.BAD_RESPONSE: "check the address, what answers is not the target, then run `safecase resume`",
    FailureKind.TIMEOUT: "raise timeout_seconds or lower concurrency, then run `safecase resume`",
}


@dataclass(frozen=True, slots=True)
class BreakerSettings:
    """Failed attempts in a row (each after all its tries) that mean the target is down."""

    refused_at_start: int = 5
    """Connection failures before the first answer."""
    unauthorised: int = 3
    """Authentication failures; before the first answer a single one is enough."""
    silent_at_start: int = 16
    """Failures of any other kind that may pass, before the first answer."""
    consecutive: int = 50
    """Failures of any kind that may pass: connection, rate limit, server error, timeout."""


class CircuitBreaker:
    """Takes finished attempts in the order of completion and gives back those that may be recorded."""

    def __init__(self, settings: BreakerSettings | None = None, *, answered: bool = False) -> None:
        """``answered``: an earlier session of the run had an answer. What is left of it may be just the
        attempts that no target can answer."""
        self._settings = settings if settings is not None else BreakerSettings()
        self._held: list[FinishedAttempt] = []
        self._answered = answered
        self.tripped: InfrastructureError | None = None

    @property
    def held(self) -> int:
        """Failures that wait for the target's next answer."""
        return len(self._held)

    def take(self, attempt: FinishedAttempt) -> list[FinishedAttempt]:
        """The attempts that may be recorded now. Sets ``tripped`` where the target is down."""
        kind = attempt.failure
        if kind not in _OUTAGE and (kind is not FailureKind.BAD_RESPONSE or self._answered):
            self._answered = True
            if not self._held:
                return [attempt]
            released, self._held = [*self._held, attempt], []
            return released
        self._held.append(attempt)
        if self.tripped is None and self._is_down(kind):
            self._trip(attempt)
        return []

    def finish(self, *, whole: bool = True) -> list[FinishedAttempt]:
        """What is still held, to be recorded as errors at the end; nothing where the target is down.

        ``whole``: the run was not cut short, so that a target that has not answered by now never did.
        """
        if whole and self._held and not self._answered and self.tripped is None:
            self._trip(self._held[-1])
        released, self._held = self._held, []
        return [] if self.tripped is not None else released

    def _trip(self, last: FinishedAttempt) -> None:
        failed = counted(len(self._held), "attempt", "attempts in a row")
        self.tripped = InfrastructureError(
            f"the target does not answer: {failed} failed, the last with: {last.message}",
            hint=_HINTS[last.failure] if last.failure else None,
        )

    def _is_down(self, kind: FailureKind | None) -> bool:
        settings = self._settings
        count = len(self._held)
        if kind is FailureKind.AUTHENTICATION:
            return not self._answered or self._tail(kind) >= settings.unauthorised
        if kind is FailureKind.CONNECTION and not self._answered and count >= settings.refused_at_start:
            return True
        return count >= (settings.consecutive if self._answered else settings.silent_at_start)

    def _tail(self, kind: FailureKind) -> int:
        count = 0
        for item in reversed(self._held):
            if item.failure is not kind:
                break
            count += 1
        return count
