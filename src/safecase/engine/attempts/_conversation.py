"""One attempt's conversation: the case's script, with the target's answers in their places."""

from __future__ import annotations

import math
from typing import Any

from pydantic import ValidationError

from safecase.base import JsonObject, JsonValue
from safecase.engine.calls._answer import AnsweredCall, PriceLookup, answer_cost
from safecase.engine.plan import live_turns
from safecase.model import Case, Document, Message, TargetRequest, Transcript, Usage


class Conversation:
    """Walks the script of a case and waits wherever the target has to answer.

    It makes no call itself: whoever holds it asks for `next_request`, calls, and hands the answer to `take`,
    until there is no further request.
    """

    def __init__(self, case: Case, *, conversation_id: str, seed: int, repeat: int) -> None:
        """``conversation_id``: unique per attempt; targets keep the state of its turns under it."""
        self._case = case
        self._conversation_id = conversation_id
        self._seed = seed
        self._repeat = repeat
        self._turns = live_turns(case)
        self._written = 0
        """Messages of the script that stand in the conversation already."""
        self._messages: list[Message] = []
        self._documents: list[Document] = list(case.documents)
        self._answers: list[AnsweredCall] = []

    @property
    def latency_ms(self) -> float:
        """Wall time that the target took for all turns."""
        return sum(answer.latency_ms for answer in self._answers)

    @property
    def cached(self) -> bool:
        """True where every answer came out of the cache."""
        return all(answer.cached for answer in self._answers)

    def next_request(self) -> TargetRequest | None:
        """The next call to make, or None where the script is at its end."""
        case = self._case
        answered = len(self._answers)
        end = self._turns[answered] + 1 if answered < len(self._turns) else len(case.messages)
        self._messages.extend(case.messages[self._written : end])
        self._written = end
        if answered == len(self._turns):
            return None
        return TargetRequest(
            messages=tuple(self._messages),
            documents=case.documents,
            tools=case.tools,
            environment=case.environment,
            conversation_id=self._conversation_id,
            seed=self._seed,
            case_id=case.id,
            repeat=self._repeat,
        )

    def take(self, answer: AnsweredCall) -> None:
        """The answer to the request that was given last."""
        self._answers.append(answer)
        self._messages.extend(answer.reply.messages)
        self._documents.extend(answer.reply.documents)

    def transcript(self) -> Transcript:
        """The whole conversation, once there is no further request."""
        replies = [answer.reply for answer in self._answers]
        last = replies[-1]
        state: JsonObject = next((reply.final_state for reply in reversed(replies) if reply.final_state), {})
        metadata: dict[str, JsonValue] = {}
        for reply in replies:
            if reply.metadata:
                metadata.update(reply.metadata)
        fields: dict[str, Any] = {
            "messages": tuple(self._messages),
            "documents": tuple(self._documents),
            "final_state": state,
            "finish_reason": last.finish_reason,
            "model": last.model,
            "metadata": metadata,
        }
        try:
            return Transcript(**fields)
        except ValidationError:
            note = "numbers that JSON cannot carry (NaN, infinity) were replaced by null"
            fields["final_state"] = _finite(state)
            fields["metadata"] = {**_finite(metadata), "sanitised_numbers": note}
            return Transcript(**fields)

    def usage(self, price: PriceLookup | None) -> Usage:
        """Tokens, calls and money of all turns; no money where the price of one is not known."""
        costs = [answer_cost(answer.reply, price) for answer in self._answers]
        known = [cost for cost in costs if cost is not None]
        usages = [answer.reply.usage for answer in self._answers]
        return Usage(
            input_tokens=sum(usage.input_tokens for usage in usages),
            output_tokens=sum(usage.output_tokens for usage in usages),
            cached_tokens=sum(usage.cached_tokens for usage in usages),
            calls=sum(answer.calls for answer in self._answers),
            cost_usd=sum(known) if len(known) == len(costs) else None,
        )


def _finite(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return None
    if isinstance(value, dict):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_finite(item) for item in value]
    return value
