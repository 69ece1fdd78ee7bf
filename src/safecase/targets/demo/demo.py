"""The demo agent that ships with the package, as a target. Its numbers are evidence about no model."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from safecase.base import VERSION, InputError, JsonObject, JsonValue, Record
from safecase.model import (
    FailureKind,
    TargetFailure,
    TargetReply,
    TargetRequest,
    ToolInterceptor,
)
from safecase.targets._code import crash
from safecase.targets._media import inline_media
from safecase.targets._registry import TARGETS, TargetContext

if TYPE_CHECKING:
    from safecase.targets.demo._agent import DemoAgent


class DemoOptions(Record):
    """Options of the demo agent."""

    vulnerabilities: tuple[str, ...] = ()
    """Planted weaknesses that are switched on; ``all`` is every one."""


@TARGETS.register("demo", parameters=DemoOptions)
class DemoTarget:
    """The demo agent in this process: deterministic, without network, always labelled as a demo."""

    kind: str = "demo"

    def __init__(self, options: DemoOptions, context: TargetContext) -> None:
        from safecase.targets.demo._agent import DemoAgent
        from safecase.targets.demo._prompt import DEMO_MODEL

        self.root = context.root
        self.name = context.configuration.id
        self.demo = True
        self.where = f"target '{self.name}'"
        self.model = DEMO_MODEL
        try:
            self.agent: DemoAgent = DemoAgent(options.vulnerabilities)
        except InputError as error:
            raise InputError(error.message, where=self.where, hint=error.hint) from None
        self.system_prompt = self.agent.system_prompt
        self.canaries: tuple[str, ...] = (self.agent.canary,)
        """Secrets of the demo's system prompt, for the scorers that look for them."""

    def fingerprint(self) -> Mapping[str, str]:
        """The package version and the weaknesses that are on."""
        return {
            "kind": self.kind,
            "model": self.model,
            "code": f"safecase {VERSION}",
            "vulnerabilities": ",".join(sorted(self.agent.vulnerabilities)) or "none",
        }

    def describe(self) -> JsonObject:
        """The configuration for people to read."""
        from safecase.targets.demo._prompt import DEMO_NOTICE

        return {
            "name": self.name,
            "kind": self.kind,
            "demo": True,
            "notice": DEMO_NOTICE,
            "vulnerabilities": list[JsonValue](sorted(self.agent.vulnerabilities)),
        }

    async def start(self) -> None:
        """Nothing to open."""

    async def close(self) -> None:
        """Nothing to release."""

    async def respond(self, request: TargetRequest) -> TargetReply:
        """One turn, with the agent's tool calls, results, documents and end state."""
        return self._turn(request, None)

    @property
    def takes_gate(self) -> bool:
        """The demo agent puts every call to the gate."""
        return True

    async def respond_gated(self, request: TargetRequest, gate: ToolInterceptor) -> TargetReply:
        """The same, with every tool call and every retrieved document through ``gate``."""
        return self._turn(request, gate)

    def _turn(self, request: TargetRequest, gate: ToolInterceptor | None) -> TargetReply:
        messages = tuple(inline_media(message, self.root) for message in request.messages)
        try:
            reply = self.agent.respond(
                messages,
                documents=request.documents,
                conversation_id=request.conversation_id,
                seed=request.seed,
                environment=request.environment,
                tool_gate=gate,
            )
        except InputError as error:
            raise TargetFailure(error.message, kind=FailureKind.BAD_REQUEST, where=self.where) from None
        except Exception as error:  # noqa: BLE001 - a crash of the agent is an outcome, not the run's end
            raise crash(error, where=self.where) from None
        return TargetReply(
            messages=reply.messages,
            documents=reply.documents,
            final_state=reply.final_state,
            finish_reason=reply.finish_reason,
            model=reply.model,
            usage=reply.usage,
            metadata=reply.metadata,
        )
