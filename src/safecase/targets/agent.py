"""Agents in Python through a small Protocol: messages in, what was said, called and changed out."""

from __future__ import annotations

import asyncio
import inspect
import os
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, runtime_checkable

from pydantic import Field

from safecase.base import (
    PYTHON_REFERENCE,
    InputError,
    JsonObject,
    JsonValue,
    Record,
    digest,
    replace_surrogates,
)
from safecase.model import (
    Document,
    FailureKind,
    Message,
    MessageRole,
    TargetFailure,
    TargetReply,
    TargetRequest,
    ToolCall,
    ToolDefinition,
    ToolInterceptor,
    Usage,
)
from safecase.targets._code import CodeReference, crash, crash_line
from safecase.targets._http.json_body import clean_line
from safecase.targets._http.keys import environment_keys
from safecase.targets._http.transport import mask_secrets
from safecase.targets._registry import TARGETS, TargetContext
from safecase.targets._reply import without_keys

_CONVERSATIONS = 10_000
"""Agents that are kept, the latest used: far more than a run has open at a time. Chosen without
measurement."""


class ToolResult(Record):
    """What a tool answered to the call with the same id."""

    tool_call_id: str
    content: str
    name: str = ""
    is_error: bool = False


class AgentTurn(Record):
    """What an agent did in one turn.

    Give ``messages`` (the turn's own, in order, the answer last) or the shorter form: ``text`` with the
    ``tool_calls`` and ``tool_results`` that came before it.
    """

    text: str = ""
    messages: tuple[Message, ...] = ()
    tool_calls: tuple[ToolCall, ...] = ()
    tool_results: tuple[ToolResult, ...] = ()
    documents: tuple[Document, ...] = ()
    state: JsonObject = {}
    """The world's state after the turn: what end-state predicates look at."""
    model: str = ""
    finish_reason: str = ""
    usage: Usage = Usage(calls=1)
    metadata: dict[str, JsonValue] = {}


@runtime_checkable
class Agent(Protocol):
    """What an agent under test offers."""

    async def run(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolDefinition],
        documents: Sequence[Document],
        environment: JsonObject,
        seed: int,
    ) -> AgentTurn:
        """Take one turn. ``messages`` is the conversation so far, ending with the user's message.

        ``environment`` is what the case plants in the agent's world before the first turn.
        """


class GatedAgent(Agent, Protocol):
    """An agent that lets a guard stand at its tools: ``run`` takes a ``gate`` besides.

    Before it makes a call it asks ``gate.before(call)``, and makes it only where that is empty; what a tool
    returned it reads as ``gate.after(call, result) or result``; a document it retrieved as
    ``gate.document(document)``, which may be None. Without a guard the gate is None.
    """

    async def run(
        self,
        messages: Sequence[Message],
        *,
        tools: Sequence[ToolDefinition],
        documents: Sequence[Document],
        environment: JsonObject,
        seed: int,
        gate: ToolInterceptor | None = None,
    ) -> AgentTurn:
        """Take one turn, every tool call through ``gate``."""


class AgentOptions(Record):
    """Options of an agent."""

    agent: str = Field(pattern=PYTHON_REFERENCE)
    """``module:attribute``: a class or factory (made anew for each conversation) or an object."""
    arguments: JsonObject = {}
    """Arguments of the class or factory."""
    instance: Literal["conversation", "shared"] = "conversation"
    """For a class or factory: one agent per conversation, so that nothing leaks between attempts, or
    one for all."""
    version: str = ""
    """Stands in the fingerprint beside the digest of the code."""


@TARGETS.register("agent", parameters=AgentOptions)
class AgentTarget:
    """An agent in this process. What it raises becomes a failure, never the end of the run."""

    kind: str = "agent"
    canaries: tuple[str, ...] = ()
    system_prompt: str = ""

    def __init__(self, options: AgentOptions, context: TargetContext) -> None:
        self.name = context.configuration.id
        self.demo = False
        self.where = f"target '{self.name}'"
        self.options = options
        self.reference = CodeReference.parse(options.agent, context.root, what=self.where)
        self._make: Callable[[], Any] | None = None
        self._shared: Any = None
        self._takes_gate = False
        self._keys = environment_keys(os.environ)
        self._conversations: OrderedDict[str, Any] = OrderedDict()

    def fingerprint(self) -> Mapping[str, str]:
        """Reference, digest of the code (or package version), and arguments."""
        return {
            "kind": self.kind,
            "agent": self.options.agent,
            "code": self.reference.version(),
            "version": self.options.version or "none",
            "options": digest(self.options.model_dump(mode="json", exclude={"version"})),
        }

    def describe(self) -> JsonObject:
        """The configuration for people to read."""
        shown: JsonObject = mask_secrets(self.options.model_dump(mode="json", exclude_defaults=True))
        return {"name": self.name, "kind": self.kind, **shown}

    async def start(self) -> None:
        """Import the code and make the first agent. Raises InputError where that fails."""
        if self._make is not None or self._shared is not None:
            return
        subject = await asyncio.to_thread(self.reference.load)
        if not inspect.isclass(subject) and isinstance(subject, Agent):
            if self.options.arguments:
                raise InputError(f"{self.where}: 'arguments' are for a class or factory, not for an object")
            self._shared = self._checked(subject)
            return
        if not callable(subject):
            raise InputError(f"{self.where}: '{self.options.agent}' is neither an agent nor a factory of one")
        # Made once here, so that a factory that cannot work is told before the first call.
        first = self._built(subject)
        if self.options.instance == "shared":
            self._shared = first
        else:
            self._make = lambda: self._built(subject)

    async def close(self) -> None:
        """Forget the agents. Safe to call twice."""
        self._make, self._shared = None, None
        self._conversations.clear()

    @property
    def takes_gate(self) -> bool:
        """Whether the agent's ``run`` has a parameter ``gate``."""
        return self._takes_gate

    async def respond(self, request: TargetRequest) -> TargetReply:
        """One turn. Raises TargetFailure: CRASH for what the agent raised, BAD_RESPONSE for what it
        returned."""
        return await self._turn(request, {})

    async def respond_gated(self, request: TargetRequest, gate: ToolInterceptor) -> TargetReply:
        """The same with ``gate`` at the agent's tools. Raises TypeError where the agent takes none."""
        if not self._takes_gate:
            raise TypeError(f"{self.options.agent} takes no gate")
        return await self._turn(request, {"gate": gate})

    async def _turn(self, request: TargetRequest, more: dict[str, Any]) -> TargetReply:
        """One turn of the agent; whatever it raises becomes a failure of this call."""
        agent = self._agent(request)
        try:
            turn = await agent.run(
                request.messages,
                tools=request.tools,
                documents=request.documents,
                environment=request.environment,
                seed=request.seed,
                **more,
            )
        except TargetFailure:
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise crash(error, where=self.where) from None
        except (Exception, SystemExit) as error:  # noqa: BLE001 - code under test may fail in any way
            raise crash(error, where=self.where) from None
        if not isinstance(turn, AgentTurn):
            raise self._bad(f"run returned a {type(turn).__name__}, not an AgentTurn")
        messages = turn_messages(turn)
        if not messages:
            raise self._bad("the turn holds no message")
        reply = TargetReply(
            messages=messages,
            documents=turn.documents,
            final_state=turn.state,
            finish_reason=turn.finish_reason,
            model=turn.model,
            usage=turn.usage,
            metadata=turn.metadata,
        )
        return without_keys(reply, self._keys)

    def _agent(self, request: TargetRequest) -> Any:
        """The agent of this conversation, made anew where it begins."""
        if self._shared is not None:
            return self._shared
        if self._make is None:
            raise TargetFailure(
                "the target is not started", kind=FailureKind.CRASH, where=self.where, hint="await start()"
            )
        key = request.conversation_id
        turns = sum(item.role is MessageRole.USER for item in request.messages)
        # A first turn is a new conversation, or a retry of one: either way nothing may be left over.
        if not key or turns <= 1 or key not in self._conversations:
            try:
                agent = self._make()
            except InputError as error:
                raise TargetFailure(error.message, kind=FailureKind.CRASH) from None
            if not key:
                return agent
            self._conversations[key] = agent
        self._conversations.move_to_end(key)
        while len(self._conversations) > _CONVERSATIONS:
            self._conversations.popitem(last=False)
        return self._conversations[key]

    def _built(self, subject: Callable[..., Any]) -> Any:
        """An agent from its factory. Raises InputError where that fails, because it is the workspace's
        mistake."""
        try:
            return self._checked(subject(**self.options.arguments))
        except InputError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - code under test may fail in any way
            raise InputError(
                f"{self.where}: building '{self.options.agent}' failed: {crash_line(error)}"
            ) from None

    def _checked(self, agent: Any) -> Any:
        """Refuse what has no ``async def run``."""
        if not (isinstance(agent, Agent) and inspect.iscoroutinefunction(agent.run)):
            raise InputError(
                f"{self.where}: '{self.options.agent}' gives {type(agent).__name__}, without 'async def run'",
                hint="see safecase.targets.agent.Agent",
            )
        # Named, not **more: an agent that swallows whatever comes would never ask the gate.
        self._takes_gate = "gate" in inspect.signature(agent.run).parameters
        return agent

    def _bad(self, message: str) -> TargetFailure:
        return TargetFailure(
            f"{self.options.agent}: {clean_line(message)}", kind=FailureKind.BAD_RESPONSE, where=self.where
        )


def turn_messages(turn: AgentTurn) -> tuple[Message, ...]:
    """The turn as transcript messages: calls, their results, the answer."""
    if turn.messages:
        return turn.messages
    messages: list[Message] = []
    if turn.tool_calls:
        messages.append(Message(role=MessageRole.ASSISTANT, tool_calls=turn.tool_calls))
        names = {call.id: call.name for call in turn.tool_calls}
        messages += [
            Message(
                role=MessageRole.TOOL,
                content=replace_surrogates(result.content),
                tool_call_id=result.tool_call_id,
                name=result.name or names.get(result.tool_call_id, ""),
                is_error=result.is_error,
            )
            for result in turn.tool_results
        ]
    if turn.text or not messages:
        messages.append(Message(role=MessageRole.ASSISTANT, content=replace_surrogates(turn.text)))
    return tuple(messages)
