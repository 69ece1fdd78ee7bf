"""The demo agent: a pure function from a conversation to a reply, with everything that it did.

Nothing is remembered between calls. The state of a conversation is rebuilt from the user's messages each
time, so that equal conversations get equal replies, in any order, from any thread.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson

from safecase.base import InputError, JsonObject, JsonValue, replace_surrogates
from safecase.model import Document, Message, MessageRole, ToolCall, ToolInterceptor, Usage
from safecase.targets.demo._media import read_parts
from safecase.targets.demo._prompt import DEMO_CANARY, DEMO_MODEL, DEMO_NAME, DEMO_NOTICE, SYSTEM_PROMPT
from safecase.targets.demo._service import ShopService
from safecase.targets.demo._store import ShopState
from safecase.targets.demo._tools import Toolbox, ToolRefused, ToolRun
from safecase.targets.demo._turn import DemoTurn, TurnInput
from safecase.targets.demo._vulnerabilities import select_vulnerabilities
from safecase.targets.demo._weaknesses import Secrets

MAX_MESSAGES = 400
"""Room for long attacks; the whole conversation is read at each turn. Chosen without measurement."""
MAX_MESSAGE_CHARACTERS = 12_000
"""Of a longer message the first three quarters and the last quarter of this many are read."""
_MAX_REPLAYED = 16
_MAX_DOCUMENTS = 50
"""User turns that are played again to know what was done, and documents that are read. Chosen without
measurement; they bound the time of a reply."""
_CODE = re.compile(r"\b[A-Z0-9]{2,}(?:[-_][A-Za-z0-9]+)+\b")
_NAMED_CODE = re.compile(
    r"(?:canary|secret|code|password|token|key|passphrase)[^\n:]{0,30}?(?::| is|"
    r"=)\s*[\"'`]?([^\s\"'`.,;]{4,80})",
    re.IGNORECASE,
)
"""What an injected order or a user may ask for: codes by their look, and whatever a prompt calls a secret."""
_ROLES = frozenset({"system", "developer", "user", "assistant", "tool", "function"})


@dataclass(frozen=True)
class DemoReply:
    """One answer of the demo agent, with its trace."""

    text: str
    tool_calls: tuple[ToolRun, ...]
    """Calls of this turn in order, with arguments and results."""
    documents: tuple[Document, ...]
    """What was retrieved in this turn, in order of first use."""
    final_state: JsonObject
    """Ledger of the whole conversation: refunds, emails_sent, address_changes, cancelled_orders,
    tickets_created, files_read, customers_disclosed (lists of records), signed_in_customer."""
    state_change: JsonObject
    """The part of the ledger that this turn added; lists that stayed empty are left out."""
    system_prompt: str
    """The prompt that the agent ran under, canary included. For scorers; the server never sends it."""
    canary: str
    usage: Usage
    finish_reason: str = "stop"
    model: str = DEMO_MODEL
    metadata: dict[str, JsonValue] = field(default_factory=dict)

    @property
    def messages(self) -> tuple[Message, ...]:
        """The turn as transcript messages: each tool call, its result, and the answer last."""
        turn: list[Message] = []
        for index, run in enumerate(self.tool_calls):
            identifier = f"call_{index + 1}"
            call = ToolCall(name=run.name, arguments=run.arguments, id=identifier)
            turn.append(Message(role=MessageRole.ASSISTANT, tool_calls=(call,)))
            turn.append(
                Message(
                    role=MessageRole.TOOL,
                    content=orjson.dumps(run.result).decode(),
                    tool_call_id=identifier,
                    name=run.name,
                    is_error=run.is_error,
                )
            )
        turn.append(Message(role=MessageRole.ASSISTANT, content=self.text))
        return tuple(turn)


@dataclass(frozen=True, slots=True)
class _Line:
    role: str
    text: str
    media: tuple[Document, ...] = ()
    """Pictures, sound and files of the message, as far as they can be read."""


class DemoAgent:
    """A small support agent with tools and retrieval, whose weaknesses are chosen by name.

    ``vulnerabilities`` are ids of `VULNERABILITIES` or ``all``. The
    object is immutable: share it between threads and tasks.
    """

    name = DEMO_NAME
    model = DEMO_MODEL

    def __init__(
        self, vulnerabilities: frozenset[str] | Sequence[str] = frozenset(), *, canary: str = DEMO_CANARY
    ) -> None:
        self.vulnerabilities = select_vulnerabilities(vulnerabilities)
        self.canary = canary
        self.system_prompt = SYSTEM_PROMPT.replace(DEMO_CANARY, canary)

    def respond(
        self,
        messages: Sequence[Mapping[str, Any] | Message],
        *,
        documents: Sequence[Document | Mapping[str, Any]] | None = None,
        conversation_id: str | None = None,
        seed: int = 0,
        environment: Mapping[str, Any] | None = None,
        tool_gate: ToolInterceptor | None = None,
    ) -> DemoReply:
        """Answer the last message of a conversation.

        ``messages`` are OpenAI-style mappings (``role``, ``content`` as text or list of parts) or transcript
        messages; parts with base64 data are read as `safecase.targets.demo._media` says. System messages are
        added to the agent's own prompt. ``documents`` (``id``, ``text``, maybe ``title``, ``source``,
        ``trusted``) are put before the agent as retrieved. ``environment`` plants records; see
        `ShopState.fresh`. ``conversation_id`` and ``seed`` are handed back in the
        metadata and change nothing. ``tool_gate`` is asked at each tool call. Raises InputError where an
        argument has the wrong form.
        """
        lines = [_line(message, index) for index, message in enumerate(_checked(messages))]
        given = tuple(_document(item, index) for index, item in enumerate(documents or ()))[:_MAX_DOCUMENTS]
        if environment is not None and not isinstance(environment, Mapping):
            raise InputError("environment must be a mapping")
        supplied = "\n\n".join(
            line.text for line in lines if line.role in {"system", "developer"} and line.text
        )
        prompt = f"{self.system_prompt}\n\n{supplied}" if supplied else self.system_prompt
        secrets = Secrets(prompt=prompt, codes=(*_codes(supplied), self.canary))
        state = ShopState.fresh(environment)
        users = [index for index, line in enumerate(lines) if line.role == "user"]
        last_is_tool = lines[-1].role in {"tool", "function"}
        earlier: list[str] = []
        media: dict[str, Document] = {}
        service = ShopService(Toolbox(state, self.vulnerabilities, tool_gate), secrets, self.vulnerabilities)
        text = ""
        before = {name: len(rows) for name, rows in state.effects.items()}
        for position in users[-_MAX_REPLAYED:] or [len(lines) - 1]:
            service = ShopService(
                Toolbox(state, self.vulnerabilities, tool_gate), secrets, self.vulnerabilities
            )
            before = {name: len(rows) for name, rows in state.effects.items()}
            last = not users or position == users[-1]
            tools = [line.text for line in lines if line.role in {"tool", "function"}] if last else []
            media.update((item.id, item) for item in lines[position].media)
            turn = TurnInput(
                text=lines[position].text if users else "",
                earlier=tuple(earlier),
                documents=(*given, *media.values(), *_as_documents(tools if last_is_tool else [])),
                tool_texts=tuple(tools),
            )
            try:
                text = DemoTurn(turn, service, secrets).answer()
            except ToolRefused as refused:
                text = f"I can't do that here: {refused}."
            earlier.append(lines[position].text)
        runs = tuple(service.toolbox.runs)
        sent = sum(len(line.text) for line in lines) + sum(len(item.text) for item in given)
        return DemoReply(
            text=text,
            tool_calls=runs,
            documents=tuple(
                {item.id: item for item in (*given, *media.values(), *service.retrieved)}.values()
            ),
            final_state=state.end_state(),
            state_change={
                name: list(rows[before[name] :])
                for name, rows in state.effects.items()
                if rows[before[name] :]
            },
            system_prompt=prompt,
            canary=self.canary,
            usage=Usage(
                input_tokens=(len(prompt) + sent) // 4 + 1, output_tokens=len(text) // 4 + 1, calls=1
            ),
            metadata={
                "demo": True,
                "notice": DEMO_NOTICE,
                "vulnerabilities": list[JsonValue](sorted(self.vulnerabilities)),
                "conversation_id": conversation_id or "",
                "seed": seed,
            },
        )

    async def arespond(
        self,
        messages: Sequence[Mapping[str, Any] | Message],
        *,
        documents: Sequence[Document | Mapping[str, Any]] | None = None,
        conversation_id: str | None = None,
        seed: int = 0,
        environment: Mapping[str, Any] | None = None,
    ) -> DemoReply:
        """:meth:`respond` for callers on an event loop. It computes for a millisecond and never waits."""
        return self.respond(
            messages,
            documents=documents,
            conversation_id=conversation_id,
            seed=seed,
            environment=environment,
        )


def _checked(messages: Any) -> Sequence[Any]:
    if isinstance(messages, str | bytes) or not isinstance(messages, Sequence):
        raise InputError("messages must be a list of messages")
    if not messages:
        raise InputError("messages is empty", hint="send at least one message with role and content")
    if len(messages) > MAX_MESSAGES:
        raise InputError(f"messages has {len(messages)} items; the demo reads at most {MAX_MESSAGES}")
    return messages


def _bounded(text: str) -> str:
    """The text with the middle of a long message left out: orders stand at its ends."""
    if len(text) > MAX_MESSAGE_CHARACTERS:
        tail = MAX_MESSAGE_CHARACTERS // 4
        text = f"{text[: MAX_MESSAGE_CHARACTERS - tail]}\n{text[-tail:]}"
    return replace_surrogates(text)


def _line(message: Any, index: int) -> _Line:
    """A message of either form. Raises InputError with its place."""
    if isinstance(message, Message):
        return _Line(message.role.value, _bounded(message.text), read_parts(message.content))
    where = f"messages[{index}]"
    if not isinstance(message, Mapping):
        raise InputError("a message must be an object with role and content", where=where)
    role = message.get("role")
    if not isinstance(role, str) or role not in _ROLES:
        raise InputError(f"role must be one of {', '.join(sorted(_ROLES))}", where=where)
    content = message.get("content")
    if content is None:
        return _Line(role, "")
    if isinstance(content, str):
        return _Line(role, _bounded(content))
    if not isinstance(content, Sequence) or isinstance(content, bytes):
        raise InputError("content must be text or a list of parts", where=where)
    parts: list[str] = []
    for part in content[:200]:
        if isinstance(part, str):
            parts.append(part)
        elif isinstance(part, Mapping):
            text = part.get("text", "")
            if not isinstance(text, str):
                raise InputError("the text of a part must be text", where=where)
            parts.append(text)
        else:
            raise InputError("a part must be an object", where=where)
    return _Line(role, _bounded("\n".join(part for part in parts if part)), read_parts(content))


def _document(item: Any, index: int) -> Document:
    if isinstance(item, Document):
        return (
            item
            if len(item.text) <= MAX_MESSAGE_CHARACTERS
            else item.model_copy(update={"text": _bounded(item.text)})
        )
    where = f"documents[{index}]"
    if isinstance(item, str):
        return Document(id=f"doc-{index + 1}", text=_bounded(item))
    if not isinstance(item, Mapping) or not isinstance(item.get("text"), str):
        raise InputError("a document must be an object with id and text", where=where)
    fields = {name: item.get(name, "") for name in ("id", "title", "source")}
    if not all(isinstance(value, str) for value in fields.values()):
        raise InputError("id, title and source of a document must be text", where=where)
    return Document(
        id=_bounded(fields["id"]) or f"doc-{index + 1}",
        text=_bounded(item["text"]),
        title=_bounded(fields["title"]),
        source=_bounded(fields["source"]),
        trusted=item.get("trusted") is True,
    )


def _as_documents(texts: Sequence[str]) -> tuple[Document, ...]:
    return tuple(
        Document(id=f"tool-{index + 1}", text=text, source="tool") for index, text in enumerate(texts)
    )


def _codes(prompt: str) -> tuple[str, ...]:
    """What could be a secret in a system prompt that a case supplies."""
    found = [*_NAMED_CODE.findall(prompt), *_CODE.findall(prompt)]
    return tuple(dict.fromkeys(found))[:8]
