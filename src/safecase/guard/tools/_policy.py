"""The decision on a call: schema, limits, provenance, then Cedar; default deny, and every reason told."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from importlib.resources import files
from typing import Any

import orjson

from safecase.base import InputError, JsonValue, did_you_mean
from safecase.guard.tools._conditions import failed_condition
from safecase.guard.tools._declaration import AgentJourney, ToolDeclaration, ToolPolicyFile
from safecase.guard.tools._limits import SessionLimits
from safecase.guard.tools._provenance import Provenance, ProvenanceTracker, ValueOrigin, leaves
from safecase.guard.tools._results import trusted_values
from safecase.guard.tools._value_matching import level
from safecase.model import Document, GuardAction, Message, MessageRole, ToolCall
from safecase.scorers import schema_validator

_ADDRESS = re.compile(r"https?://|\bwww\.|\b[\w-]{2,40}\.(?:com|org|net|io|dev|example)\b", re.IGNORECASE)
"""Bare domains with the common endings only, as people type them: ``report.final`` is no address."""
_WORDS = re.compile(r"[^\W_]+")


@dataclass(frozen=True)
class ToolDecision:
    """What may happen with a call, why, and by which policies."""

    action: GuardAction
    """Allow, require approval, or block."""
    tool: str
    reason: str
    policies: tuple[str, ...] = ()
    """Ids of the Cedar policies that decided; empty where no policy permitted anything."""
    origins: tuple[ValueOrigin, ...] = ()
    """Provenance of the arguments that matter."""
    sandbox: str = ""
    intended: bool = False

    def to_json(self) -> dict[str, JsonValue]:
        """Plain JSON for a log: no argument's value is in it."""
        return {
            "action": self.action.value,
            "tool": self.tool,
            "reason": self.reason,
            "policies": list(self.policies),
            "intended": self.intended,
            "sandbox": self.sandbox,
            "origins": [
                {"argument": o.argument, "provenance": o.provenance.name.lower(), "source": o.source}
                for o in self.origins
            ],
        }


@dataclass(frozen=True, slots=True)
class _Facts:
    """What the conversation says about a call."""

    intended: bool
    request_names_address: bool
    untrusted_was_read: bool
    over: str
    """Why it would be too much for the session; empty where it would not."""


class ToolPolicy:
    """Decides on calls. Safe to share between threads.

    ``on_decision`` gets every decision with its session, for the log. Raises InputError for policies that do
    not parse, with their line.
    """

    def __init__(
        self,
        file: ToolPolicyFile,
        *,
        where: str = "tool policy",
        on_decision: Callable[[ToolDecision, str], None] | None = None,
    ) -> None:
        self.file = file
        self.tools = {tool.name: tool for tool in file.tools}
        if len(self.tools) < len(file.tools):
            raise InputError("two tools of the policy have the same name", where=where)
        self.journeys = {journey.id: journey for journey in file.journeys}
        for journey in file.journeys:
            for name in journey.tools:
                if name != "*" and name not in self.tools:
                    raise InputError(
                        f"journey '{journey.id}' names the tool '{name}', which is not declared",
                        where=where,
                        hint=did_you_mean(name, self.tools),
                    )
        text = file.policies or default_policies()
        self._cedar = _Cedar(text, where=where)
        self._validators = {
            tool.name: schema_validator(tool.parameters, where=f"{where}: tool '{tool.name}'")
            for tool in file.tools
            if tool.parameters
        }
        self._entities = self._cedar.entities(
            [
                {
                    "uid": {"type": "Tool", "id": tool.name},
                    "attrs": {
                        "risk": tool.risk,
                        "side_effects": list(tool.side_effects),
                        "reversible": tool.reversible,
                        "labels": list(tool.labels),
                        "requires_approval": tool.requires_approval,
                        "sandbox": tool.sandbox,
                    },
                    "parents": [],
                }
                for tool in file.tools
            ]
        )
        self.limits = SessionLimits()
        self._on_decision = on_decision

    def decide(
        self,
        call: ToolCall,
        tracker: ProvenanceTracker,
        *,
        request: str = "",
        journey: str = "default",
        session: str = "",
        approved: bool = False,
        dry_run: bool = False,
    ) -> ToolDecision:
        """What may happen with the call.

        ``request``: what the user asked for. ``approved``: a person has agreed to this very call, which turns
        "require approval" into "allow" and never a denial. ``dry_run``: count nothing, tell nobody.
        """
        decision = self._decide(call, tracker, request, journey, session)
        if approved and decision.action is GuardAction.REQUIRE_APPROVAL:
            reason = f"approved by a person: {decision.reason}"
            decision = replace(decision, action=GuardAction.ALLOW, reason=reason)
        if not dry_run:
            if decision.action is GuardAction.ALLOW:
                tool = self.tools[call.name]
                over = self.limits.take(session, tool, call.arguments)
                if over:
                    decision = _denied(call.name, over, tool)
            if self._on_decision is not None:
                self._on_decision(decision, session)
        return decision

    def _decide(
        self, call: ToolCall, tracker: ProvenanceTracker, request: str, journey_id: str, session: str
    ) -> ToolDecision:
        """The decision, the cheap refusals first, so that Cedar sees only calls of the declared form."""
        tool = self.tools.get(call.name)
        if tool is None:
            return _denied(call.name, "the tool is not declared")
        # What did not parse is kept as text, and a tool may read it more kindly than this policy does.
        if call.arguments_text:
            return _denied(call.name, "the arguments are no JSON object", tool)
        journey = self.journeys.get(journey_id)
        if journey is None:
            return _denied(call.name, f"there is no journey '{journey_id[:60]}'", tool)
        validator = self._validators.get(call.name)
        if validator is not None:
            try:
                error = next(iter(validator.iter_errors(call.arguments)), None)
            # The validator recurses with the value, which a model wrote.
            except RecursionError:
                return _denied(call.name, "the arguments are nested too deeply", tool)
            if error is not None:
                place = "/".join(str(part)[:40] for part in error.absolute_path) or "arguments"
                return _denied(call.name, f"'{place}' misses the tool's schema ({error.validator})", tool)
        unknown = tool.undeclared(call.arguments)
        if unknown:
            return _denied(call.name, f"the tool's schema has no argument '{unknown[:40]}'", tool)
        failed = failed_condition(tool.preconditions, call.arguments)
        if failed:
            return _denied(call.name, failed, tool)
        traced = tool.traced(call.arguments)
        origins = tuple(origin for name in traced for origin in tracker.trace(name, call.arguments[name]))
        links = tuple(
            origin
            for name, value in call.arguments.items()
            if name not in traced
            for origin in tracker.trace_links(name, value)
        )
        over = self.limits.over(session, tool, call.arguments)
        facts = _Facts(is_intended(tool, request), names_address(request), tracker.has_untrusted, over)
        return self._by_cedar(tool, journey, origins, links, facts)

    def _by_cedar(
        self,
        tool: ToolDeclaration,
        journey: AgentJourney,
        origins: tuple[ValueOrigin, ...],
        links: tuple[ValueOrigin, ...],
        facts: _Facts,
    ) -> ToolDecision:
        intended, over = facts.intended, facts.over
        untrusted = [o for o in origins if o.provenance >= Provenance.DESIGNATED]
        tainted_link = any(o.provenance >= Provenance.DESIGNATED for o in links)
        context = {
            "intended": intended,
            "request_names_address": facts.request_names_address,
            "tainted_matters": bool(untrusted),
            "only_designated": all(o.provenance is Provenance.DESIGNATED for o in untrusted),
            "tainted_link": tainted_link,
            "tainted_arguments": sorted({o.argument for o in untrusted}),
            "altered_arguments": sorted({o.argument for o in untrusted if o.altered}),
            "untrusted_was_read": facts.untrusted_was_read,
            "made_up_arguments": sorted({o.argument for o in origins if o.provenance is Provenance.MODEL}),
            "journey": journey.id,
            "journey_allows": "*" in journey.tools or tool.name in journey.tools,
            "over_limit": bool(over),
        }
        verdicts = self._cedar.decide(journey.id, tool.name, context, self._entities)
        told = over or _explain(tool, origins, intended=intended, tainted_link=tainted_link)
        for action, (allowed, policies, errors) in zip(
            (GuardAction.ALLOW, GuardAction.REQUIRE_APPROVAL), verdicts, strict=True
        ):
            if errors:
                return _denied(tool.name, f"a policy could not be evaluated: {errors[0][:200]}", tool)
            if allowed:
                reason = "as asked" if action is GuardAction.ALLOW else told
                return ToolDecision(action, tool.name, reason, policies, origins, tool.sandbox, intended)
        policies = verdicts[0][1]
        return ToolDecision(GuardAction.BLOCK, tool.name, told, policies, origins, tool.sandbox, intended)


def _denied(name: str, reason: str, tool: ToolDeclaration | None = None) -> ToolDecision:
    return ToolDecision(GuardAction.BLOCK, name[:120], reason, sandbox=tool.sandbox if tool else "")


def _explain(
    tool: ToolDeclaration, origins: Sequence[ValueOrigin], *, intended: bool, tainted_link: bool
) -> str:
    """Why Cedar most likely said no, the worst first: its policies give ids and no reasons."""
    worst = max(origins, key=lambda origin: origin.provenance, default=None)
    if worst is not None and worst.provenance >= Provenance.DESIGNATED:
        how = "is made from" if worst.altered else "comes from"
        return f"'{worst.argument}' {how} {worst.source or 'untrusted content'}, not from the user"
    if tainted_link:
        return "it carries an address out of untrusted content"
    if not intended:
        return "nothing that the user asked for calls for it"
    if tool.requires_approval or not tool.reversible:
        return "a person has to agree to what cannot be undone"
    if worst is not None and worst.provenance is Provenance.MODEL:
        return f"'{worst.argument}' was named by nobody"
    return "no policy permits it"


def is_intended(tool: ToolDeclaration, request: str) -> bool:
    """Whether the user's words call for the tool."""
    if not tool.intent:
        return bool(request.strip())
    words = {word.casefold() for word in _WORDS.findall(request)}
    return any(word.startswith(stem.casefold()) for stem in tool.intent for word in words)


def names_address(request: str) -> bool:
    """Whether the user's words hold an address to go to."""
    return _ADDRESS.search(request) is not None


def track_conversation(
    tools: dict[str, ToolDeclaration], messages: Sequence[Message], documents: Sequence[Document] = ()
) -> tuple[ProvenanceTracker, str]:
    """The provenance of everything in a conversation, and what the user asked for.

    Results of undeclared tools are untrusted as a whole. A result is designated where an argument that names
    its source is the user's own.
    """
    tracker = ProvenanceTracker()
    asked = []
    for message in messages:
        if message.role is MessageRole.USER:
            asked.append(message.text)
            tracker.add("the user's message", message.text, Provenance.USER)
        elif message.role is MessageRole.SYSTEM:
            tracker.add("the system prompt", message.text, Provenance.SYSTEM)
    for document in documents:
        trust = Provenance.SYSTEM if document.trusted else Provenance.TAINTED
        tracker.add(f"document {document.id}", document.text, trust)
    calls: dict[str, ToolCall] = {}
    waiting: list[ToolCall] = []
    for message in messages:
        for call in message.tool_calls:
            waiting.append(call)
            if call.id:
                calls[call.id] = call
        if message.role is MessageRole.TOOL:
            made = calls.get(message.tool_call_id) or _next(waiting, message.name)
            _track_result(tracker, tools.get(made.name if made else message.name), made, message)
    return tracker, "\n".join(asked)


def _next(waiting: list[ToolCall], name: str) -> ToolCall | None:
    """The first call without a result, by its tool's name where the result has one."""
    for index, call in enumerate(waiting):
        if not name or call.name == name:
            return waiting.pop(index)
    return None


def _track_result(
    tracker: ProvenanceTracker, tool: ToolDeclaration | None, call: ToolCall | None, message: Message
) -> None:
    name = call.name if call else message.name or "a tool"
    label = f"the result of {name}"
    trust = Provenance.TAINTED
    if tool is not None and not message.is_error:
        vouch(tracker, tool, call, label, message.text)
        if call is not None:
            trust = trust_of_result(tool, call, tracker)
    # What an error says is somebody's text as much as a result is.
    tracker.add(label, message.text, trust)


def vouch(
    tracker: ProvenanceTracker, tool: ToolDeclaration, call: ToolCall | None, label: str, text: str
) -> None:
    """Add what a result's trusted fields hold. What the call itself handed in is no word of the system's:
    a tool that gives back what it was told would make everything trusted."""
    handed_in = {level(part.strip()) for part in leaves(call.arguments)} if call is not None else set()
    for value in trusted_values(text, tool.trusted_fields):
        if level(value.strip()) not in handed_in:
            tracker.add_value(label, value)


def trust_of_result(tool: ToolDeclaration, call: ToolCall, tracker: ProvenanceTracker) -> Provenance:
    """Designated where the user named what the result comes from, tainted otherwise."""
    named = [o for s in tool.source if s in call.arguments for o in tracker.trace(s, call.arguments[s])]
    if named and all(origin.provenance is Provenance.USER for origin in named):
        return Provenance.DESIGNATED
    return Provenance.TAINTED


@lru_cache(maxsize=1)
def default_policies() -> str:
    """The Cedar text that is used where a workspace has none."""
    return files("safecase.guard.tools").joinpath("data", "default.cedar").read_text(encoding="utf-8")


class _Cedar:
    """Parsed policies; raises InputError with the line of what does not parse."""

    def __init__(self, text: str, *, where: str) -> None:
        import cedarpy

        self._cedar: Any = cedarpy
        try:
            self._policies = cedarpy.PolicySet.from_str(text)
        except (ValueError, TypeError) as error:
            message = " ".join(str(error).split())[:300]
            line = _line_of(text, cedarpy)
            raise InputError(f"the policies do not parse: {message}", where=f"{where}:{line}") from None

    def entities(self, rows: list[dict[str, Any]]) -> Any:
        """Parsed entities."""
        return self._cedar.Entities.from_json_str(orjson.dumps(rows).decode())

    def decide(
        self, principal: str, tool: str, context: dict[str, Any], entities: Any
    ) -> list[tuple[bool, tuple[str, ...], list[str]]]:
        """For calling and for approving: allowed or not, the policies that said so, and their errors."""
        requests = [
            {
                "principal": f'Journey::"{_quoted(principal)}"',
                "action": f'Action::"{action}"',
                "resource": f'Tool::"{_quoted(tool)}"',
                "context": context,
            }
            for action in ("call", "approve")
        ]
        found = []
        for result in self._cedar.is_authorized_batch(requests, self._policies, entities):
            names = result.diagnostics.id_annotations_by_reason
            policies = tuple(names.get(reason) or reason for reason in result.diagnostics.reasons)
            allowed = result.decision == self._cedar.Decision.Allow
            found.append((allowed, policies, list(result.diagnostics.errors)))
        return found


def _quoted(text: str) -> str:
    """A text as the inside of a Cedar string."""
    return text.replace("\\", "\\\\").replace('"', '\\"')


def _line_of(text: str, cedarpy: Any) -> int:
    """The line where the first policy that does not parse begins."""
    line = 1
    for piece in re.split(r"(?<=;)", text):
        body = piece.strip()
        if body:
            try:
                cedarpy.PolicySet.from_str(piece)
            except (ValueError, TypeError):
                leading = piece[: len(piece) - len(piece.lstrip())].count("\n")
                return line + leading
        line += piece.count("\n")
    return 1
