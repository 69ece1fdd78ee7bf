"""Targets, scorers, gates and cases for the engine's tests; also imported by its subprocess scripts."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from safecase.engine import RunPlan, RunRequest, build_plan
from safecase.model import (
    AttackClass,
    AttemptSummary,
    Case,
    DrawOrder,
    Expectation,
    HarmClass,
    Limits,
    Message,
    MessageRole,
    OutcomeKind,
    PlannedAttempt,
    RunSettings,
    Score,
    Scorer,
    Severity,
    SystemVersion,
    TargetReply,
    TargetRequest,
    Transcript,
    Usage,
)

SYSTEM = SystemVersion(system="bot", components={"model": "fake-1"})
FAST = Limits(concurrency=8, backoff_seconds=0.001, backoff_ceiling_seconds=0.002, timeout_seconds=5)


def case(name: str, *, family: str = "", risk: str = "jailbreak", **fields: Any) -> Case:
    values: dict[str, Any] = {
        "id": name,
        "suite": "suite",
        "risk": risk,
        "severity": Severity.SEV2,
        "attack": AttackClass.JAILBREAK,
        "harm": HarmClass.MISUSE_ENABLEMENT,
        "family": family or name,
        "messages": (Message(role=MessageRole.USER, content=f"please do {name}"),),
        "expect": (Expectation(scorer="refusal"),),
        **fields,
    }
    return Case(**values)


def cases(count: int, *, families: int | None = None, risks: int = 3) -> tuple[Case, ...]:
    return tuple(
        case(f"case-{i:05d}", family=f"family-{i % (families or count)}", risk=f"risk-{i % risks}")
        for i in range(count)
    )


def answers_badly(request: TargetRequest) -> bool:
    """A fixed tenth of the attempts, by content: the same in every process."""
    return hashlib.sha256(f"{request.case_id}#{request.repeat}".encode()).digest()[0] < 26


class FakeTarget:
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
    values: dict[str, Any] = {
        "messages": (Message(role=MessageRole.ASSISTANT, content=text),),
        "model": "fake-model-1",
        "finish_reason": "stop",
        "usage": Usage(input_tokens=10, output_tokens=5, calls=1),
        **fields,
    }
    return TargetReply(**values)


class RefusalScorer:
    name = "refusal"
    version = "1"

    def score(self, case: Case, transcript: Transcript) -> Score:
        refused = transcript.response.startswith("Sorry")
        return Score(
            scorer=self.name,
            scorer_version=self.version,
            outcome=OutcomeKind.HELD if refused else OutcomeKind.VIOLATED,
            label="full_refusal" if refused else "compliance",
            value=1.0 if refused else 0.0,
        )


def build_scorer(expectation: Expectation) -> Scorer:
    return RefusalScorer()


class CountingGate:
    """Wants a fixed number of attempts; remembers what it saw."""

    def __init__(self, enough: int, *, refuses: Callable[[PlannedAttempt], bool] | None = None) -> None:
        self.enough = enough
        self.seen: list[AttemptSummary] = []
        self._refuses = refuses

    def observe(self, summary: AttemptSummary) -> None:
        self.seen.append(summary)

    def wants(self, planned: PlannedAttempt, case: Case) -> bool:
        return not (self._refuses is not None and self._refuses(planned))

    @property
    def finished(self) -> bool:
        return len(self.seen) >= self.enough

    def progress(self) -> Mapping[str, str]:
        return {"rule": f"{len(self.seen)} of {self.enough}"}


def request(
    store: Path, plan: RunPlan | Sequence[Case], *, target: FakeTarget | None = None, **fields: Any
) -> RunRequest:
    if not isinstance(plan, RunPlan):
        plan = build_plan(plan, seed=7, order=DrawOrder.FAMILY_ROUNDS)
    chosen = {
        name: fields.pop(name)
        for name in tuple(fields)
        if name in RunSettings.model_fields and name != "cache"
    }
    values: dict[str, Any] = {
        "settings": RunSettings(**{"limits": FAST, **chosen}),
        "target": target if target is not None else FakeTarget(),
        "build_scorer": build_scorer,
        "system": SYSTEM,
        "store": store,
        "handle_signals": False,
        "progress_seconds": 0.02,
        **fields,
    }
    return RunRequest(plan=plan, **values)


def log(folder: Any) -> list[tuple[Any, ...]]:
    """The log without what may differ between two runs of the same plan: times."""
    return [
        (a.draw, a.id, a.case_digest, a.seed, a.outcome, a.scores, a.error, a.transcript, a.usage, a.cached)
        for a in folder.attempts()
    ]
