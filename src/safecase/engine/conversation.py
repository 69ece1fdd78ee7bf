"""One attempt's conversation: the case's script, with the target's answers in their places."""

from __future__ import annotations

import math
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from safecase.base import JsonObject, JsonValue
from safecase.engine.plan import live_turns
from safecase.model import (
    Case,
    Document,
    FailureKind,
    Message,
    Price,
    TargetFailure,
    TargetReply,
    TargetRequest,
    Transcript,
    Usage,
)

PriceLookup = Callable[[str], Price | None]
"""Resolved model id → its price, or None where no price is known."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answered call."""

    reply: TargetReply
    latency_ms: float
    """Wall time of the call that succeeded; queueing, pauses and failed tries excluded."""
    calls: int
    """Calls that it took, failed tries included."""
    cached: bool = False


Call = Callable[[TargetRequest], Awaitable[Answer]]


@dataclass(frozen=True, slots=True)
class Conversation:
    """A finished conversation."""

    transcript: Transcript
    latency_ms: float
    usage: Usage
    cached: bool
    """True where every answer came out of the cache."""


async def converse(
    case: Case, *, call: Call, conversation_id: str, seed: int, repeat: int, price: PriceLookup | None = None
) -> Conversation:
    """Walk the script of ``case`` and call the target wherever it waits for an answer.

    Raises whatever ``call`` raises (TargetFailure after the last try), and TargetFailure with kind
    ``bad_response`` where a reply holds no message.
    """
    script = case.messages
    live = live_turns(case)
    messages: list[Message] = []
    documents: list[Document] = list(case.documents)
    answers: list[Answer] = []
    for position, message in enumerate(script):
        messages.append(message)
        if position not in live:
            continue
        answer = await call(
            TargetRequest(
                messages=tuple(messages),
                documents=case.documents,
                tools=case.tools,
                environment=case.environment,
                conversation_id=conversation_id,
                seed=seed,
                case_id=case.id,
                repeat=repeat,
            )
        )
        answers.append(answer)
        messages.extend(answer.reply.messages)
        documents.extend(answer.reply.documents)
    return Conversation(
        transcript=_transcript(messages, documents, [answer.reply for answer in answers]),
        latency_ms=sum(answer.latency_ms for answer in answers),
        usage=_usage(answers, price),
        cached=all(answer.cached for answer in answers),
    )


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


def _transcript(messages: list[Message], documents: list[Document], replies: list[TargetReply]) -> Transcript:
    last = replies[-1]
    state: JsonObject = next((reply.final_state for reply in reversed(replies) if reply.final_state), {})
    metadata: dict[str, JsonValue] = {}
    for reply in replies:
        if reply.metadata:
            metadata.update(reply.metadata)
    fields: dict[str, Any] = {
        "messages": tuple(messages),
        "documents": tuple(documents),
        "final_state": state,
        "finish_reason": last.finish_reason,
        "model": last.model,
        "metadata": metadata,
    }
    try:
        return Transcript(**fields)
    except ValidationError:
        state_found, metadata_found = _finite(state), _finite(metadata)
        note = "numbers that JSON cannot carry (NaN, infinity) were replaced by null"
        fields["final_state"] = state_found
        fields["metadata"] = {**metadata_found, "sanitised_numbers": note}
        return Transcript(**fields)


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value


def _usage(answers: list[Answer], price: PriceLookup | None) -> Usage:
    costs = [answer_cost(answer.reply, price) for answer in answers]
    known = [cost for cost in costs if cost is not None]
    usages = [answer.reply.usage for answer in answers]
    return Usage(
        input_tokens=sum(usage.input_tokens for usage in usages),
        output_tokens=sum(usage.output_tokens for usage in usages),
        cached_tokens=sum(usage.cached_tokens for usage in usages),
        calls=sum(answer.calls for answer in answers),
        cost_usd=sum(known) if len(known) == len(costs) else None,
    )


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


def without_cost(answer: Answer) -> Answer:
    """The answer as the cache gives it back: nothing was called and nothing was paid."""
    usage = answer.reply.usage.model_copy(update={"cost_usd": 0.0})
    return replace(answer, reply=answer.reply.model_copy(update={"usage": usage}), calls=0, cached=True)
