"""Pacing, adaptive concurrency, budgets, the circuit breaker, the meter: each with its own clock."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safecase.engine._circuit_breaker import BreakerSettings, CircuitBreaker
from safecase.engine.attempts._draws import FinishedAttempt
from safecase.engine.calls._caller import Caller, CallFailed, DrivenTarget
from safecase.engine.calls._limits import AdaptiveConcurrency, Budget, BudgetExhausted, TokenBucket
from safecase.engine.progress import RateMeter
from safecase.model import (
    FailureKind,
    Limits,
    OutcomeKind,
    Price,
    Target,
    TargetFailure,
    TargetRequest,
)
from support.messages import user
from support.run_requests import FAST
from support.targets import FakeTarget, reply

ASK = TargetRequest(messages=(user("hello"),))


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


@given(
    st.floats(1, 6000),
    st.lists(st.tuples(st.floats(0, 2), st.floats(0.1, 50)), min_size=1, max_size=60),
)
@settings(max_examples=80, deadline=None)
def test_a_bucket_never_lets_more_through_than_its_rate(
    rate: float, steps: list[tuple[float, float]]
) -> None:
    clock = Clock()
    bucket = TokenBucket(rate, clock=clock)
    capacity = max(1.0, rate / 60)
    grants: list[tuple[float, float]] = []
    for pause, amount in steps:
        clock.now += pause
        grants.append((clock.now + bucket.reserve(amount), amount))
    for moment, _ in grants:
        spent = sum(amount for at, amount in grants if at <= moment)
        assert spent <= capacity + moment * rate / 60 + max(amount for _, amount in grants) + 1e-6


def test_a_bucket_hands_out_a_steady_pace() -> None:
    clock = Clock()
    bucket = TokenBucket(60, clock=clock)
    assert [round(bucket.reserve(), 6) for _ in range(4)] == [0.0, 1.0, 2.0, 3.0]
    clock.now = 100
    assert bucket.reserve() == 0.0
    bucket.settle(5)
    assert bucket.reserve() == pytest.approx(6.0)


async def test_concurrency_halves_on_congestion_once_per_round_trip_and_recovers() -> None:
    clock = Clock()
    adaptive = AdaptiveConcurrency(100, clock=clock)
    assert adaptive.limit == 100
    adaptive.succeeded(0.5)
    clock.now = 10
    adaptive.congested()
    adaptive.congested()
    assert adaptive.limit == 50
    for step in range(20):
        clock.now = 20 + step
        adaptive.congested()
    assert adaptive.limit == 1
    for _ in range(5000):
        adaptive.succeeded(0.5)
    assert adaptive.limit == pytest.approx(100, rel=0.02)


async def test_waiting_calls_are_admitted_as_others_end() -> None:
    adaptive = AdaptiveConcurrency(2)
    await adaptive.acquire()
    await adaptive.acquire()
    third = asyncio.ensure_future(adaptive.acquire())
    fourth = asyncio.ensure_future(adaptive.acquire())
    await asyncio.sleep(0)
    third.cancel()
    await asyncio.sleep(0)
    assert not fourth.done()
    adaptive.release()
    await asyncio.wait_for(fourth, 1)
    assert adaptive.in_flight == 2


def test_a_collapse_of_throughput_is_a_sign_of_congestion() -> None:
    clock = Clock()
    adaptive = AdaptiveConcurrency(64, clock=clock)
    for _ in range(256):
        clock.now += 0.01
        adaptive.succeeded(0.1)
    before = adaptive.limit
    for _ in range(128):
        clock.now += 0.05
        adaptive.succeeded(2.0)
    assert adaptive.limit < before


def test_a_budget_of_calls_is_exact_and_one_of_money_counts_calls_in_flight() -> None:
    budget = Budget(Limits(maximum_calls=3))
    for _ in range(3):
        budget.take()
    with pytest.raises(BudgetExhausted, match="3 calls"):
        budget.take()
    money = Budget(Limits(maximum_cost_usd=1.0))
    money.take()
    money.paid(0.3)
    money.take()
    money.take()
    with pytest.raises(BudgetExhausted, match=r"0\.3000 USD spent"):
        money.take()
    money.failed()
    money.take()
    unknown = Budget(Limits(maximum_cost_usd=1.0))
    unknown.take()
    with pytest.raises(BudgetExhausted, match="not known"):
        unknown.paid(None)


async def test_backoff_doubles_with_jitter_up_to_its_ceiling() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    def refuse(request, number):
        raise TargetFailure("no", kind=FailureKind.SERVER_ERROR, retryable=True)

    limits = Limits(tries=6, backoff_seconds=1, backoff_ceiling_seconds=5)
    caller = Caller(FakeTarget(refuse), limits, jitter=lambda: 0.5, sleep=sleep)
    with pytest.raises(CallFailed) as caught:
        await caller.call(ASK)
    assert caught.value.tries == 6
    assert pauses == [1, 2, 4, 5, 5]
    assert caller.retries == 5
    assert caller.concurrency.in_flight == 0


async def test_what_cannot_succeed_is_not_tried_again() -> None:
    def refuse(request, number):
        raise TargetFailure("no", kind=FailureKind.BAD_REQUEST)

    target = FakeTarget(refuse)
    with pytest.raises(CallFailed):
        await Caller(target, FAST).call(ASK)
    assert target.calls == 1


async def test_requests_per_minute_are_kept() -> None:
    pauses: list[float] = []

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)

    caller = Caller(FakeTarget(), Limits(requests_per_minute=60), sleep=sleep)
    for _ in range(4):
        await caller.call(ASK)
    assert [round(pause) for pause in pauses] == [1, 2, 3]


async def test_a_driven_target_retries_prices_and_speaks_as_a_target() -> None:
    def second_time(request, number):
        if number == 1:
            raise TargetFailure("no", kind=FailureKind.RATE_LIMITED, retryable=True)
        return reply("fine")

    price = Price(input_per_million=100_000, output_per_million=200_000)
    driven = DrivenTarget(FakeTarget(second_time), FAST, price=lambda model: price)
    assert isinstance(driven, Target)
    answer = await driven.respond(ASK)
    assert answer.usage.cost_usd == pytest.approx(10 * 0.1 + 5 * 0.2)
    assert answer.usage.calls == 2
    stingy = DrivenTarget(FakeTarget(), FAST.model_copy(update={"maximum_calls": 1}))
    await stingy.respond(ASK)
    with pytest.raises(TargetFailure) as caught:
        await stingy.respond(ASK)
    assert caught.value.kind is FailureKind.BUDGET_EXHAUSTED


def _completed(draw: int, failure: FailureKind | None) -> FinishedAttempt:
    outcome = OutcomeKind.ERROR if failure else OutcomeKind.HELD
    return FinishedAttempt(draw, b"{}", outcome, failure, "reset", 1, 0, 0, None, False, None)


@given(
    st.lists(st.sampled_from([None, FailureKind.CONNECTION, FailureKind.TIMEOUT, FailureKind.BAD_REQUEST]))
)
@settings(max_examples=150, deadline=None)
def test_the_breaker_releases_everything_exactly_once_or_trips(kinds: list[FailureKind | None]) -> None:
    breaker = CircuitBreaker(BreakerSettings(refused_at_start=5, silent_at_start=6, consecutive=8))
    released: list[int] = []
    for draw, kind in enumerate(kinds):
        released += [item.draw for item in breaker.take(_completed(draw, kind))]
        if breaker.tripped is not None:
            held = kinds[draw + 1 - breaker.held : draw + 1]
            assert set(held) <= {FailureKind.CONNECTION, FailureKind.TIMEOUT}
            assert len(held) >= 5
            assert breaker.finish() == []
            return
    answered = any(kind not in (FailureKind.CONNECTION, FailureKind.TIMEOUT) for kind in kinds)
    released += [item.draw for item in breaker.finish()]
    if kinds and not answered:
        assert breaker.tripped is not None, "who never answered was not tested"
        assert released == []
    else:
        assert released == list(range(len(kinds)))


def test_the_meter_measures_the_last_seconds() -> None:
    clock = Clock()
    meter = RateMeter(5, clock=clock)
    assert meter.rate(0) == 0
    for second in range(1, 21):
        clock.now = second
        rate = meter.rate(second * 10 if second <= 10 else 100 + (second - 10) * 50)
    assert rate == pytest.approx(50)
