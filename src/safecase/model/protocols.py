"""The seams between rooms: what a target, a scorer and a streaming gate must offer."""

from __future__ import annotations

from collections.abc import Awaitable, Mapping
from typing import Protocol, runtime_checkable

from safecase.base import JsonObject, JsonValue, Record
from safecase.model.case import Case
from safecase.model.runs.attempt import AttemptSummary, PlannedAttempt, Score
from safecase.model.runs.transcript import Document, Message, ToolCall, ToolDefinition, Transcript, Usage


class TargetRequest(Record):
    """One call: the conversation so far, ending in a user (or tool) message."""

    messages: tuple[Message, ...]
    documents: tuple[Document, ...] = ()
    tools: tuple[ToolDefinition, ...] = ()
    environment: JsonObject = {}
    conversation_id: str = ""
    """Equal for the turns of one attempt; unique per attempt."""
    seed: int = 0
    case_id: str = ""
    """For replay targets, which look recorded answers up by case."""
    repeat: int = 0


class TargetReply(Record):
    """What a target did in one turn: new messages, in order, ending with the assistant's answer.

    Tool calls and tool results that happened inside the turn stand among the messages.
    """

    messages: tuple[Message, ...]
    documents: tuple[Document, ...] = ()
    """Documents that the system retrieved in this turn."""
    final_state: JsonObject = {}
    finish_reason: str = ""
    model: str = ""
    usage: Usage = Usage()
    metadata: dict[str, JsonValue] = {}


@runtime_checkable
class Target(Protocol):
    """A system under test. One object serves many concurrent calls on one event loop."""

    name: str
    kind: str
    demo: bool
    canaries: tuple[str, ...] = ()
    """Secrets that were planted in it. Every target says so, if only that there are none: the scorers and
    checks that look for a leak would be blind without a word where a target could leave this out."""
    system_prompt: str = ""
    """Its system prompt, where the target knows it."""

    def fingerprint(self) -> Mapping[str, str]:
        """Component → version or digest, for the system version. Holds no secret."""

    def describe(self) -> JsonObject:
        """The configuration for people to read, secrets left out."""

    async def start(self) -> None:
        """Open connections. Raises TargetFailure where the target cannot be reached at all."""

    async def respond(self, request: TargetRequest) -> TargetReply:
        """Make one call. Raises TargetFailure; never retries (the engine does)."""

    async def close(self) -> None:
        """Release connections. Safe to call twice."""


class ToolInterceptor(Protocol):
    """Stands between an agent and its tools. One gate serves one turn."""

    def before(self, call: ToolCall) -> str:
        """Empty where the call may be made, else why it may not: the agent reads it as the tool's error."""

    def after(self, call: ToolCall, result: str) -> str:
        """Empty where the agent may read the result, else what it reads in its place."""

    def document(self, document: Document) -> Document | None:
        """A retrieved document as the agent may read it; None where it is withheld."""


@runtime_checkable
class InterceptedTarget(Target, Protocol):
    """A target whose agent can be held to a gate at each tool call, because it runs in this process."""

    @property
    def takes_gate(self) -> bool:
        """Whether the agent behind it puts its calls to the gate; known once the target is started."""

    async def respond_gated(self, request: TargetRequest, gate: ToolInterceptor) -> TargetReply:
        """`Target.respond`, with every tool call through ``gate``."""


@runtime_checkable
class Scorer(Protocol):
    """Turns a transcript into a score. Built once per (name, parameters), used concurrently."""

    name: str
    version: str

    def score(self, case: Case, transcript: Transcript) -> Score | Awaitable[Score]:
        """Read one transcript. A scorer that cannot tell answers ``undetermined``."""


class EarlyStop(Protocol):
    """Watches a run in draw order and says what is still worth calling.

    Decisions depend only on the prefix of the draw order that was observed, never on the order of
    completion, so a replay of the log decides the same.
    """

    def observe(self, summary: AttemptSummary) -> None:
        """Take the next attempt in draw order; places that were skipped are simply not shown."""

    def wants(self, planned: PlannedAttempt, case: Case) -> bool:
        """False where every rule that this attempt could inform has been decided."""

    @property
    def finished(self) -> bool:
        """True where no attempt could change the verdict."""

    def progress(self) -> Mapping[str, str]:
        """Rule → one short line about where it stands, for the progress display."""
