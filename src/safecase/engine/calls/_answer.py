"""One answered call: the reply, how long it took, what it cost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from safecase.model import FailureKind, Price, TargetFailure, TargetReply

PriceLookup = Callable[[str], Price | None]
"""Resolved model id → its price, or None where no price is known."""


@dataclass(frozen=True, slots=True)
class AnsweredCall:
    """One answered call."""

    reply: TargetReply
    latency_ms: float
    """Wall time of the call that succeeded; queueing, pauses and failed tries excluded."""
    calls: int
    """Calls that it took, failed tries included."""
    cached: bool = False


def check_reply(reply: object, maximum_bytes: int) -> TargetReply:
    """``reply`` where it is a usable one; TargetFailure where it is empty, foreign or too large."""
    if not isinstance(reply, TargetReply):
        raise TargetFailure(
            f"the target returned {type(reply).__name__} instead of a reply", kind=FailureKind.BAD_RESPONSE
        )
    if not reply.messages:
        raise TargetFailure("the target's reply holds no message", kind=FailureKind.BAD_RESPONSE)
    size = sum(len(message.text) for message in reply.messages)
    if size > maximum_bytes:
        raise TargetFailure(
            f"the answer has {size} characters, more than the limit of {maximum_bytes} bytes",
            kind=FailureKind.TOO_LARGE,
            hint="raise maximum_response_bytes of the target's limits if such answers are wanted",
        )
    return reply


def answer_cost(reply: TargetReply, price: PriceLookup | None) -> float | None:
    """Cost of one reply in US dollars: the target's own figure, else tokens × price, else None."""
    usage = reply.usage
    if usage.cost_usd is not None:
        return usage.cost_usd
    rate = price(reply.model) if price is not None else None
    if rate is None:
        return None
    cached_rate = rate.input_per_million if rate.cached_per_million is None else rate.cached_per_million
    fresh = max(usage.input_tokens - usage.cached_tokens, 0)
    total = (
        fresh * rate.input_per_million
        + min(usage.cached_tokens, usage.input_tokens) * cached_rate
        + usage.output_tokens * rate.output_per_million
    )
    return total / 1_000_000


def without_cost(answer: AnsweredCall) -> AnsweredCall:
    """The answer as the cache gives it back: nothing was called and nothing was paid."""
    usage = answer.reply.usage.model_copy(update={"cost_usd": 0.0})
    return replace(answer, reply=answer.reply.model_copy(update={"usage": usage}), calls=0, cached=True)
