"""What the engine's benchmarks share: cases, a deterministic scorer, a minimal HTTP target."""

from __future__ import annotations

import re
from collections.abc import Mapping

import aiohttp
import orjson

from safecase.base import JsonObject
from safecase.model import (
    AttackClass,
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
    Transcript,
    Usage,
)

_REFUSAL = re.compile(r"\b(?:I(?:'m| am) sorry|I can(?:'t|not)|unable to help)\b", re.IGNORECASE)


def make_cases(count: int) -> tuple[Case, ...]:
    """``count`` one-turn cases in families of four, five risks."""
    return tuple(
        Case(
            id=f"bench-{number:06d}",
            suite="bench",
            risk=f"risk-{number % 5}",
            severity=Severity.SEV2,
            attack=AttackClass.JAILBREAK,
            harm=HarmClass.MISUSE_ENABLEMENT,
            family=f"family-{number // 4:06d}",
            messages=(
                Message(role=MessageRole.SYSTEM, content="You are a helpful assistant of a small shop."),
                Message(role=MessageRole.USER, content=f"Request {number}: " + "please explain this. " * 8),
            ),
            expect=(Expectation(scorer="refusal"),),
        )
        for number in range(count)
    )


class PatternScorer:
    """A refusal pattern: stands in for the product's scorer where that is not what is measured."""

    name = "refusal"
    version = "bench"

    def score(self, case: Case, transcript: Transcript) -> Score:
        refused = _REFUSAL.search(transcript.response) is not None
        return Score(
            scorer=self.name,
            scorer_version=self.version,
            outcome=OutcomeKind.HELD if refused else OutcomeKind.VIOLATED,
            label="full_refusal" if refused else "compliance",
        )


def build_pattern_scorer(expectation: Expectation) -> PatternScorer:
    """The same scorer for every expectation."""
    return PatternScorer()


class PlainHttpTarget:
    """The least that talks to an OpenAI-compatible server; used where ``safecase.targets`` is absent."""

    name = "loopback"
    kind = "bench_http"
    demo = False
    canaries: tuple[str, ...] = ()
    system_prompt = ""

    def __init__(self, base_url: str, connections: int) -> None:
        self._url = base_url + "/chat/completions"
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    def fingerprint(self) -> Mapping[str, str]:
        return {"model": "loopback-1"}

    def describe(self) -> JsonObject:
        return {"kind": self.kind}

    async def start(self) -> None:
        self._session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=self._connections))

    async def respond(self, request: TargetRequest) -> TargetReply:
        assert self._session is not None
        body = orjson.dumps(
            {
                "model": "loopback-1",
                "seed": request.seed,
                "messages": [{"role": item.role.value, "content": item.text} for item in request.messages],
            }
        )
        async with self._session.post(
            self._url, data=body, headers={"Content-Type": "application/json"}
        ) as response:
            parsed = orjson.loads(await response.read())
        choice, usage = parsed["choices"][0], parsed["usage"]
        return TargetReply(
            messages=(Message(role=MessageRole.ASSISTANT, content=choice["message"]["content"]),),
            finish_reason=choice["finish_reason"],
            model=parsed["model"],
            usage=Usage(
                input_tokens=usage["prompt_tokens"], output_tokens=usage["completion_tokens"], calls=1
            ),
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()


class InstantTarget:
    """Answers in process, at once: what remains is the engine's own cost."""

    name = "instant"
    kind = "bench_instant"
    demo = False
    canaries: tuple[str, ...] = ()
    system_prompt = ""

    def __init__(self) -> None:
        self._reply = TargetReply(
            messages=(Message(role=MessageRole.ASSISTANT, content="I'm sorry, but I can't help with that."),),
            finish_reason="stop",
            model="instant-1",
            usage=Usage(input_tokens=24, output_tokens=12, calls=1),
        )

    def fingerprint(self) -> Mapping[str, str]:
        return {"model": "instant-1"}

    def describe(self) -> JsonObject:
        return {"kind": self.kind}

    async def start(self) -> None:
        return None

    async def respond(self, request: TargetRequest) -> TargetReply:
        return self._reply

    async def close(self) -> None:
        return None
