"""Targets that do as they are told."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from safecase.model import TargetReply, TargetRequest, Usage
from support.messages import assistant


def answers_badly(request: TargetRequest) -> bool:
    """A fixed tenth of the attempts, by content: the same in every process."""
    return hashlib.sha256(f"{request.case_id}#{request.repeat}".encode()).digest()[0] < 26


class FakeTarget:
    """Answers what it was told to, a fixed tenth badly by default, and remembers what it was asked.

    ``respond`` gets the request and the number of the call; where it returns None, the default answers.
    """

    kind = "fake"
    demo = False
    canaries: tuple[str, ...] = ()
    system_prompt = ""

    def __init__(
        self,
        respond: Callable[[TargetRequest, int], Any] | None = None,
        *,
        name: str = "fake",
        version: str = "1",
        delay: float = 0.0,
    ) -> None:
        self.name = name
        self.version = version
        self.delay = delay
        self.calls = 0
        self.requests: list[TargetRequest] = []
        self.most_in_flight = 0
        self.closed = False
        self._in_flight = 0
        self._respond = respond

    def fingerprint(self) -> Mapping[str, str]:
        return {"model": self.version}

    def describe(self) -> dict[str, Any]:
        return {"kind": "fake"}

    async def start(self) -> None:
        return None

    async def respond(self, request: TargetRequest) -> TargetReply:
        self.calls += 1
        number = self.calls
        self.requests.append(request)
        self._in_flight += 1
        self.most_in_flight = max(self.most_in_flight, self._in_flight)
        try:
            if self.delay:
                await asyncio.sleep(self.delay)
            if self._respond is not None:
                answer = self._respond(request, number)
                if asyncio.iscoroutine(answer):
                    answer = await answer
                if answer is not None:
                    return answer
            return reply("Sure, here it is" if answers_badly(request) else "Sorry, I cannot help")
        finally:
            self._in_flight -= 1

    async def close(self) -> None:
        self.closed = True


async def until_called(target: FakeTarget, count: int) -> None:
    """Wait until the target was called ``count`` times."""
    async with asyncio.timeout(30):
        while target.calls < count:  # noqa: ASYNC110  a poll is all a test needs
            await asyncio.sleep(0.005)


def reply(text: str, **fields: Any) -> TargetReply:
    """An answer of one message."""
    values: dict[str, Any] = {
        "messages": (assistant(text),),
        "model": "fake-model-1",
        "finish_reason": "stop",
        "usage": Usage(input_tokens=10, output_tokens=5, calls=1),
        **fields,
    }
    return TargetReply(**values)


class ScriptedJudge(FakeTarget):
    """A judge that answers from a list, the last of it for ever, and raises what stands there as an error."""

    def __init__(
        self, replies: Sequence[str | Exception], model: str = "judge-1", name: str = "judge"
    ) -> None:
        super().__init__(self._answer, name=name, version=model)
        self.replies = list(replies)

    def _answer(self, request: TargetRequest, number: int) -> TargetReply:
        said = self.replies[min(number, len(self.replies)) - 1]
        if isinstance(said, Exception):
            raise said
        usage = Usage(input_tokens=100, output_tokens=20, calls=1, cost_usd=0.001)
        return reply(said, model=self.version, usage=usage)
