"""Calls a target within its limits: pacing, timeout, retries with backoff, budget, cache."""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections.abc import Awaitable, Callable, Mapping

from safecase.base import JsonObject
from safecase.engine.calls._answer import AnsweredCall, PriceLookup, answer_cost, check_reply, without_cost
from safecase.engine.calls._limits import AdaptiveConcurrency, Budget, BudgetExhausted, TokenBucket
from safecase.engine.calls.response_cache import ResponseCache
from safecase.model import FailureKind, Limits, Target, TargetFailure, TargetReply, TargetRequest

# Providers ask for up to a minute or two; a server that asks for an hour would stop the run without a word.
_LONGEST_RETRY_AFTER = 120.0
# Failures that say "too fast": the others (a bad request, a refused key) do not change with the pace.
_CONGESTION = frozenset({FailureKind.RATE_LIMITED, FailureKind.TIMEOUT, FailureKind.SERVER_ERROR})


class CallFailed(Exception):
    """A call that stayed without an answer after its last try."""

    def __init__(self, failure: TargetFailure, tries: int) -> None:
        self.failure = failure
        self.tries = tries
        super().__init__(str(failure))


class Caller:
    """Drives one target. Safe for any number of concurrent calls on one event loop."""

    def __init__(
        self,
        target: Target,
        limits: Limits,
        *,
        budget: Budget | None = None,
        price: PriceLookup | None = None,
        cache: ResponseCache | None = None,
        cache_repeats: bool = False,
        jitter: Callable[[], float] = random.random,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.target = target
        self.limits = limits
        self.budget = budget if budget is not None else Budget(limits)
        # Until a first answer shows what a call costs, a budget in money must not be spent in parallel.
        start = 1 if self.budget.maximum_cost_usd is not None else None
        self.concurrency = AdaptiveConcurrency(limits.concurrency, start=start)
        self.retries = 0
        self.price = price
        self._cache = cache
        self._cache_repeats = cache_repeats
        self._fingerprint = dict(target.fingerprint()) if cache is not None else {}
        self._jitter = jitter
        self._sleep = sleep
        self._requests = TokenBucket(limits.requests_per_minute) if limits.requests_per_minute else None
        self._tokens = TokenBucket(limits.tokens_per_minute) if limits.tokens_per_minute else None
        self._expected_tokens = 0.0

    async def call(self, request: TargetRequest) -> AnsweredCall:
        """One answered call. Raises CallFailed after the last try and BudgetExhausted before a call."""
        cache, key = self._cache, b""
        if cache is not None and (request.repeat == 0 or self._cache_repeats):
            key = cache.key(self._fingerprint, request)
            found = cache.get(key)
            if found is not None:
                return without_cost(AnsweredCall(found.reply, found.latency_ms, calls=0))
        limits = self.limits
        pause = limits.backoff_seconds
        number = 1
        while True:
            try:
                reply, latency = await self._try(request)
                break
            except TargetFailure as failure:
                wait = retry_after(failure.retry_after, limits)
                if wait is not None:
                    self.concurrency.pause(wait)
                if failure.kind in _CONGESTION:
                    self.concurrency.congested()
                if not failure.retryable or number == limits.tries:
                    raise CallFailed(failure, number) from failure
                if wait is None:
                    wait = pause * (0.5 + self._jitter())
            self.retries += 1
            number += 1
            pause = min(pause * 2, limits.backoff_ceiling_seconds)
            await self._sleep(wait)
        answer = AnsweredCall(reply, latency * 1000.0, calls=number)
        if cache is not None and key:
            cache.put(key, reply, answer.latency_ms)
        return answer

    async def _try(self, request: TargetRequest) -> tuple[TargetReply, float]:
        """One call: the reply and its seconds. Raises TargetFailure, whatever the target did wrong."""
        if self._requests is not None or self._tokens is not None:
            await self._pace()
        concurrency, seconds = self.concurrency, self.limits.timeout_seconds
        await concurrency.acquire()
        settled = False
        try:
            self.budget.take()
            try:
                started = time.perf_counter()
                try:
                    async with asyncio.timeout(seconds) as deadline:
                        reply = await self.target.respond(request)
                except TargetFailure:
                    raise
                except TimeoutError as error:
                    text = f"no answer within {seconds:g} s" if deadline.expired() else f"timed out: {error}"
                    raise TargetFailure(text, kind=FailureKind.TIMEOUT, retryable=True) from error
                except Exception as error:  # whatever a target does wrong is the target's error
                    raise TargetFailure(
                        f"the target raised {type(error).__name__}: {_short(error)}", kind=FailureKind.CRASH
                    ) from error
                check_reply(reply, self.limits.maximum_response_bytes)
                latency = time.perf_counter() - started
                settled = True
                self.budget.paid(answer_cost(reply, self.price))
            finally:
                if not settled:
                    self.budget.failed()
        finally:
            concurrency.release()
        concurrency.succeeded(latency)
        if self._tokens is not None:
            used = reply.usage.input_tokens + reply.usage.output_tokens
            self._tokens.settle(used - self._expected_tokens)
            self._expected_tokens += 0.1 * (used - self._expected_tokens)
        return reply, latency

    async def _pace(self) -> None:
        wait = 0.0
        if self._requests is not None:
            wait = self._requests.reserve()
        if self._tokens is not None:
            wait = max(wait, self._tokens.reserve(self._expected_tokens))
        if wait > 0:
            await self._sleep(wait)


class DrivenTarget:
    """A target within its limits, as a target again: what judges should be given.

    Raises TargetFailure after the last try, like any target; a budget that is used up is a failure of kind
    ``budget_exhausted``.
    """

    def __init__(self, target: Target, limits: Limits, *, price: PriceLookup | None = None) -> None:
        self.name = target.name
        self.kind = target.kind
        self.demo = target.demo
        self.canaries = target.canaries
        self.system_prompt = target.system_prompt
        self.caller = Caller(target, limits, price=price)
        self._price = price

    def fingerprint(self) -> Mapping[str, str]:
        """The inner target's fingerprint."""
        return self.caller.target.fingerprint()

    def describe(self) -> JsonObject:
        """The inner target's description."""
        return self.caller.target.describe()

    async def start(self) -> None:
        """Start the inner target."""
        await self.caller.target.start()

    async def respond(self, request: TargetRequest) -> TargetReply:
        """One call, retried within the limits; the reply's usage carries its cost where a price is known."""
        try:
            answer = await self.caller.call(request)
        except CallFailed as error:
            raise error.failure from error
        except BudgetExhausted as error:
            raise TargetFailure(str(error), kind=FailureKind.BUDGET_EXHAUSTED) from error
        usage = answer.reply.usage.model_copy(
            update={"cost_usd": answer_cost(answer.reply, self._price), "calls": answer.calls}
        )
        return answer.reply.model_copy(update={"usage": usage})

    async def close(self) -> None:
        """Close the inner target."""
        await self.caller.target.close()


def retry_after(wish: float | None, limits: Limits) -> float | None:
    """The server's wish in seconds, made safe: never negative, never NaN, never an endless wait."""
    if wish is None or math.isnan(wish):
        return None
    return min(max(wish, 0.0), max(limits.backoff_ceiling_seconds, _LONGEST_RETRY_AFTER))


def _short(error: BaseException, limit: int = 500) -> str:
    text = str(error) or repr(error)
    return text if len(text) <= limit else text[: limit - 1] + "…"
