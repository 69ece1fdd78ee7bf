"""How hard a target may be driven: token buckets, adaptive concurrency, budgets."""

from __future__ import annotations

import asyncio
import math
import time
from collections import deque
from collections.abc import Callable

from safecase.model import Limits

Clock = Callable[[], float]
"""Seconds on a monotonic clock."""


class BudgetExhausted(Exception):
    """The run's budget of calls or money is used up: no further call may be made."""


class TokenBucket:
    """Paces work to a rate per minute by reservations: each taker is told how long to wait.

    The bucket holds at most ``burst_seconds`` worth of tokens, so a pause does not turn into a burst.
    """

    def __init__(
        self, per_minute: float, *, burst_seconds: float = 1.0, clock: Clock = time.monotonic
    ) -> None:
        self._rate = per_minute / 60.0
        self._capacity = max(1.0, self._rate * burst_seconds)
        self._level = self._capacity
        self._clock = clock
        self._updated = clock()

    def reserve(self, amount: float = 1.0) -> float:
        """Take ``amount`` tokens, on credit where needed; seconds to wait until they are paid for."""
        now = self._clock()
        self._level = min(self._capacity, self._level + (now - self._updated) * self._rate)
        self._updated = now
        self._level -= amount
        return 0.0 if self._level >= 0 else -self._level / self._rate

    def settle(self, difference: float) -> None:
        """Correct an earlier reservation by ``difference`` tokens (positive: more were used)."""
        self._level = min(self._capacity, self._level - difference)


class AdaptiveConcurrency:
    """Additive increase, multiplicative decrease of the calls in flight, below a ceiling.

    Doubles once per round trip until the first sign of congestion (a rate limit, a timeout, an overload),
    then grows by one per round trip and halves at each further sign, at most once per round trip. A drop of
    throughput while latency grows is a sign of congestion too.
    """

    _START = 256
    _WINDOW_SECONDS = 1.0

    def __init__(self, ceiling: int, *, start: int | None = None, clock: Clock = time.monotonic) -> None:
        self.ceiling = ceiling
        self.limit = float(min(ceiling, self._START if start is None else start))
        self.in_flight = 0
        self.decreases = 0
        self._clock = clock
        self._slow_start = True
        self._last_decrease = -math.inf
        self._paused_until = -math.inf
        self._latency = 0.0
        self._window_start = clock()
        self._window_latencies = 0.0
        self._window_count = 0
        self._best_latency = math.inf
        self._best_rate = 0.0
        self._waiters: deque[asyncio.Future[None]] = deque()

    async def acquire(self) -> None:
        """Wait until one more call may be in flight."""
        while True:
            pause = self._paused_until - self._clock()
            if pause > 0:
                await asyncio.sleep(pause)
                continue
            if self.in_flight < self.limit:
                self.in_flight += 1
                return
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                self._wake()
                raise

    def release(self) -> None:
        """One call has ended."""
        self.in_flight -= 1
        self._wake()

    def _wake(self) -> None:
        free = int(self.limit) - self.in_flight
        while free > 0 and self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                free -= 1

    def succeeded(self, latency: float) -> None:
        """A call was answered after ``latency`` seconds."""
        self._latency = latency if self._latency == 0 else 0.9 * self._latency + 0.1 * latency
        if self.limit < self.ceiling:
            self.limit = min(self.ceiling, self.limit + (1.0 if self._slow_start else 1.0 / self.limit))
        self._window_count += 1
        self._window_latencies += latency
        if self._window_count & 31 == 0:
            self._judge_window()

    def _judge_window(self) -> None:
        now = self._clock()
        elapsed = now - self._window_start
        if elapsed < self._WINDOW_SECONDS:
            return
        rate = self._window_count / elapsed
        latency = self._window_latencies / self._window_count
        self._best_latency = min(self._best_latency, latency)
        self._best_rate = max(self._best_rate, rate)
        if latency > 3 * self._best_latency and rate < 0.7 * self._best_rate:
            self.congested()
            # A target that became slower for good must not be throttled for ever by its past.
            self._best_rate = max(rate, 0.9 * self._best_rate)
            self._best_latency *= 1.1
        self._window_start, self._window_count, self._window_latencies = now, 0, 0.0

    def congested(self) -> None:
        """A sign of congestion: halve, at most once per round trip."""
        self._slow_start = False
        now = self._clock()
        if now - self._last_decrease < max(self._latency, 0.1):
            return
        self._last_decrease = now
        self.decreases += 1
        self.limit = max(1.0, self.limit / 2)

    def pause(self, seconds: float) -> None:
        """Admit no call for ``seconds``: the server asked for it."""
        self._paused_until = max(self._paused_until, self._clock() + seconds)


class Budget:
    """Counts calls and money against the run's limits."""

    def __init__(self, limits: Limits, *, calls: int = 0, cost_usd: float = 0.0) -> None:
        self.maximum_calls = limits.maximum_calls
        self.maximum_cost_usd = limits.maximum_cost_usd
        self.calls = calls
        self.cost_usd = cost_usd
        self.cost_known = True
        self._answered = 0
        self._open = 0

    def take(self) -> None:
        """Count one call that is about to be made; raises BudgetExhausted where none is left.

        Money is reserved at the mean price of a call so far, so that calls in flight do not overdraw.
        """
        if self.maximum_calls is not None and self.calls >= self.maximum_calls:
            raise BudgetExhausted(f"the budget of {self.maximum_calls} calls is used up")
        if self.maximum_cost_usd is not None:
            expected = self.cost_usd + self._open * self._mean_cost()
            if self.cost_usd > 0 and expected + self._mean_cost() > self.maximum_cost_usd:
                raise BudgetExhausted(
                    f"the budget of {self.maximum_cost_usd:g} USD is used up ({self.cost_usd:.4f} USD spent)"
                )
        self.calls += 1
        self._open += 1

    def paid(self, cost_usd: float | None) -> None:
        """A call has ended; None where its price is not known."""
        self._open -= 1
        if cost_usd is None:
            self.cost_known = False
            if self.maximum_cost_usd is not None:
                raise BudgetExhausted(
                    "the price of the target's model is not known, so the budget in money cannot be kept"
                )
            return
        self._answered += 1
        self.cost_usd += cost_usd

    def failed(self) -> None:
        """A call has ended without an answer; it costs a call and no money."""
        self._open -= 1

    def _mean_cost(self) -> float:
        return self.cost_usd / self._answered if self._answered else 0.0
