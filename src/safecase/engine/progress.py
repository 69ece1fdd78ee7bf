"""What a run tells those who watch it."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Progress:
    """A snapshot of a run."""

    planned: int
    recorded: int
    """Durable attempts, those of earlier sessions included."""
    waiting: int
    """Finished attempts that are not durable yet."""
    skipped: int
    in_flight: int
    """Attempts begun and not finished."""
    outcomes: Mapping[str, int]
    """Outcome → finished attempts, those of earlier sessions included."""
    rate: float
    """Attempts per second over the last seconds."""
    eta_seconds: float | None
    """Expected time to the end at this rate if the gate does not stop earlier; None while unknown."""
    elapsed_seconds: float
    calls: int
    retries: int
    cached: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    """None where a price was not known."""
    concurrency: float
    """The adaptive limit at present."""
    gate: Mapping[str, str] = field(default_factory=dict)
    """Rule → one line about where it stands."""
    finished: bool = False
    sealed: bool = False
    """The run's results are sealed: what counts answers is empty here, and it tells that the run lives."""

    def as_sealed(self) -> Progress:
        """The snapshot without anything from which somebody could tell how the answers fall."""
        return replace(
            self,
            recorded=0,
            waiting=0,
            skipped=0,
            outcomes={},
            rate=0.0,
            eta_seconds=None,
            calls=0,
            cached=0,
            input_tokens=0,
            output_tokens=0,
            cost_usd=None,
            gate={},
            sealed=True,
        )


ProgressCallback = Callable[[Progress], None]


class RateMeter:
    """Events per second over a sliding window."""

    def __init__(self, window_seconds: float = 5.0, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._window = window_seconds
        self._clock = clock
        self._points: deque[tuple[float, int]] = deque([(clock(), 0)])

    def rate(self, total: int) -> float:
        """The rate after ``total`` events in all; 0 while too little time has passed."""
        now = self._clock()
        self._points.append((now, total))
        while len(self._points) > 2 and now - self._points[1][0] > self._window:
            self._points.popleft()
        started, count = self._points[0]
        return (total - count) / (now - started) if now - started > 1e-3 else 0.0
