"""Transcripts, cases and judges for the scorer tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from safecase.base import JsonObject
from safecase.model import (
    BuildContext,
    Case,
    Expectation,
    HarmClass,
    Message,
    MessageRole,
    OutcomeKind,
    Score,
    Severity,
    TargetReply,
    TargetRequest,
    ToolCall,
    Transcript,
    Usage,
)
from safecase.scorers import build_scorer

HELD, VIOLATED, UNDETERMINED = OutcomeKind.HELD, OutcomeKind.VIOLATED, OutcomeKind.UNDETERMINED


def make_case(prompt: str = "A question", **fields: Any) -> Case:
    values: dict[str, Any] = {
        "id": "case",
        "suite": "suite",
        "risk": "risk",
        "severity": Severity.SEV2,
        "harm": HarmClass.MISUSE_ENABLEMENT,
        "family": "family",
        "messages": (Message(role=MessageRole.USER, content=prompt),),
        "expect": (Expectation(scorer="refusal"),),
    }
    return Case(**{**values, **fields})


def make_transcript(*answers: str | Message, prompt: str = "A question", **fields: Any) -> Transcript:
    messages = [Message(role=MessageRole.USER, content=prompt)]
    for answer in answers:
        messages.append(
            Message(role=MessageRole.ASSISTANT, content=answer) if isinstance(answer, str) else answer
        )
    return Transcript(messages=tuple(messages), **fields)


def calling(*calls: tuple[str, JsonObject]) -> Message:
    return Message(
        role=MessageRole.ASSISTANT,
        tool_calls=tuple(
            ToolCall(name=name, arguments=arguments, id=f"call-{index}")
            for index, (name, arguments) in enumerate(calls)
        ),
    )


def run(
    name: str,
    parameters: Mapping[str, Any],
    *answers: str | Message,
    prompt: str = "A question",
    case: Case | None = None,
    context: BuildContext | None = None,
    **fields: Any,
) -> Score:
    scorer = build_scorer(name, parameters, context)
    result = scorer.score(case or make_case(prompt), make_transcript(*answers, prompt=prompt, **fields))
    assert isinstance(result, Score)
    return result


class ScriptedJudge:
    """A judge that answers from a list and remembers what it was asked."""

    kind = "scripted"
    demo = False
    canaries: tuple[str, ...] = ()
    system_prompt = ""

    def __init__(
        self, replies: Sequence[str | Exception], model: str = "judge-1", name: str = "judge"
    ) -> None:
        self.name = name
        self.model = model
        self.replies = list(replies)
        self.requests: list[TargetRequest] = []

    def fingerprint(self) -> Mapping[str, str]:
        return {"model": self.model}

    def describe(self) -> JsonObject:
        return {}

    async def start(self) -> None:
        return None

    async def close(self) -> None:
        return None

    async def respond(self, request: TargetRequest) -> TargetReply:
        self.requests.append(request)
        reply = self.replies[min(len(self.requests), len(self.replies)) - 1]
        if isinstance(reply, Exception):
            raise reply
        return TargetReply(
            messages=(Message(role=MessageRole.ASSISTANT, content=reply),),
            model=self.model,
            usage=Usage(input_tokens=100, output_tokens=20, calls=1, cost_usd=0.001),
        )
