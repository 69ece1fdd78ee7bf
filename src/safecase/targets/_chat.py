"""What all chat providers share: options, system prompt, documents, the simulated tool loop, the reply."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from safecase.base import JsonObject, JsonValue, digest, read_text_inside
from safecase.model import (
    ContentPart,
    Document,
    FailureKind,
    Message,
    MessageRole,
    TargetFailure,
    TargetReply,
    TargetRequest,
    ToolCall,
    Usage,
)
from safecase.targets._http.http_errors import HttpFailure, error_code, error_text, failure
from safecase.targets._http.json_body import clean_line, count_of, encode
from safecase.targets._http.transport import EnvironmentName, HttpOptions, HttpUrl, Transport, mask_secrets
from safecase.targets._registry import TargetContext

CONTENT_FILTER = "content_filter"
"""The finish reason of an answer that the provider blocked, whatever its own word for it."""


class ChatOptions(HttpOptions):
    """Options that every chat provider has."""

    model: str = Field(min_length=1, max_length=300)
    base_url: HttpUrl
    api_key_env: EnvironmentName | None = None
    """Environment variable that holds the key; the provider's usual one where not given."""
    system_prompt: str = ""
    """System message of each conversation that brings none of its own."""
    system_prompt_file: str = ""
    """Workspace file that holds the system prompt, instead of ``system_prompt``."""
    temperature: float | None = Field(default=None, ge=0, le=5)
    top_p: float | None = Field(default=None, gt=0, le=1)
    extra_body: JsonObject = {}
    """Further fields of the request body, as the provider names them."""
    documents: Literal["user_message", "system_message", "body", "omit"] = "user_message"
    """Where a case's documents go: before the user's text, into a system message, or a body field."""
    documents_field: str = "documents"
    """Body field of the documents where ``documents`` is ``body``."""
    environment_field: str = ""
    """Body field that carries a case's environment; empty: it is not sent."""
    tool_results: dict[str, JsonValue] = {}
    """Tool name → static result. Where the model calls tools, results are fed back and it goes on.

    A case adds its own, which win, under ``tool_results`` in its environment.
    """
    max_tool_rounds: int = Field(default=8, ge=1, le=100)

    @model_validator(mode="after")
    def _one_system_prompt(self) -> ChatOptions:
        if self.system_prompt and self.system_prompt_file:
            raise ValueError("give system_prompt or system_prompt_file, not both")
        return self


OptionsT = TypeVar("OptionsT", bound=ChatOptions)

UNIDENTIFYING = frozenset(
    {"api_key_env", "header_env", "environment_proxies", "base_url", "system_prompt", "system_prompt_file"}
)
"""Options that do not change what the system under test is, or have a fingerprint entry of their own."""


@dataclass(slots=True)
class Wire:
    """A conversation in a provider's own form. ``items`` grows in the tool loop."""

    items: list[Any]
    system: str = ""


@dataclass(slots=True)
class ChatTurn:
    """One decoded provider response."""

    message: Message
    finish_reason: str = ""
    model: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    inner: tuple[Message, ...] = ()
    """Messages before the answer that the server tells of (its own tool calls and results)."""
    documents: tuple[Document, ...] = ()
    final_state: JsonObject = field(default_factory=dict)
    metadata: dict[str, JsonValue] = field(default_factory=dict)
    raw: Sequence[Any] = ()
    """The answer as the provider wants it back in the next round of the tool loop."""


class ChatTarget(ABC, Generic[OptionsT]):
    """A chat provider over HTTP. A subclass says how to encode, post and decode."""

    kind: str
    provider: str
    canaries: tuple[str, ...] = ()

    def __init__(
        self,
        options: OptionsT,
        context: TargetContext,
        *,
        url: str,
        secret_headers: Mapping[str, tuple[str, str]],
        headers: Mapping[str, str] | None = None,
    ) -> None:
        from yarl import URL

        self.name = context.configuration.id
        self.demo = False
        self.options = options
        self.root = context.root
        self.system_prompt = options.system_prompt
        if options.system_prompt_file:
            self.system_prompt = read_text_inside(
                context.root,
                options.system_prompt_file,
                what=f"target '{self.name}': option 'system_prompt_file'",
            )
        self._url = URL(url)
        self._transport = Transport(
            self.name,
            url,
            context.configuration.limits,
            headers={**(headers or {}), **options.extra_headers},
            secret_headers={
                **secret_headers,
                **{header: (variable, "") for header, variable in options.header_env.items()},
            },
            environment_proxies=options.environment_proxies,
        )

    @abstractmethod
    def encode(self, messages: Sequence[Message]) -> Wire:
        """The conversation in the provider's form. Raises TargetFailure for parts it does not take."""

    @abstractmethod
    def body(self, wire: Wire, request: TargetRequest) -> bytes:
        """The request body."""

    @abstractmethod
    def decode(self, payload: dict[str, Any]) -> ChatTurn:
        """The provider's response. Raises TargetFailure where it is not one."""

    @abstractmethod
    def encode_results(self, results: Sequence[Message]) -> Sequence[Any]:
        """Tool messages of one round in the provider's form."""

    def fingerprint(self) -> Mapping[str, str]:
        """Component → version or digest. Holds no secret; the key's variable name is left out too."""
        return {
            "kind": self.kind,
            "model": self.options.model,
            "endpoint": self._transport.endpoint,
            "system_prompt": digest(self.system_prompt) if self.system_prompt else "none",
            "options": digest(self.options.model_dump(mode="json", exclude=set(UNIDENTIFYING))),
        }

    def describe(self) -> JsonObject:
        """The configuration for people to read, secrets left out."""
        shown: JsonObject = mask_secrets(self.options.model_dump(mode="json", exclude_defaults=True))
        return {"name": self.name, "kind": self.kind, **shown}

    async def start(self) -> None:
        """Read the keys and connect. Raises InputError for a missing key, TargetFailure when down."""
        await self._transport.start()
        self.demo = self._transport.demo

    async def close(self) -> None:
        """Close the connections. Safe to call twice."""
        await self._transport.close()

    async def respond(self, request: TargetRequest) -> TargetReply:
        """One turn, with the simulated tool loop where results are configured. Raises TargetFailure."""
        try:
            wire = self.encode(self._conversation(request))
            turn = await self._call(wire, request)
            if request.environment and not self.options.environment_field:
                note_environment(request, turn.metadata)
            if turn.message.tool_calls:
                results = self._tool_results(request)
                if results:
                    return await self._tool_loop(wire, request, turn, results)
        except TargetFailure as error:
            raise self._transport.name_target(error) from None
        return TargetReply(
            messages=(*turn.inner, turn.message),
            documents=turn.documents,
            final_state=turn.final_state,
            finish_reason=turn.finish_reason,
            model=turn.model,
            usage=Usage(
                input_tokens=turn.input_tokens,
                output_tokens=turn.output_tokens,
                cached_tokens=turn.cached_tokens,
                calls=1,
            ),
            metadata=turn.metadata,
        )

    async def _call(self, wire: Wire, request: TargetRequest) -> ChatTurn:
        """One request to the provider; what it blocks is an answer, and no failure."""
        try:
            payload = await self._transport.post(self._url, self.body(wire, request))
            if type(payload) is not dict:
                raise self.bad_response(f"the response is a JSON {json_kind(payload)}, not an object")
            return self.decode(payload)
        except HttpFailure as error:
            blocked = self.blocked(error)
            if blocked is None:
                raise
            return blocked
        except ValueError as error:
            # A field of the wrong type that the vocabulary refuses.
            raise self.bad_response(clean_line(str(error))) from None

    def blocked(self, error: HttpFailure) -> ChatTurn | None:
        """The turn where the error is the provider's safety system refusing the prompt, else None."""
        del error
        return None

    async def _tool_loop(
        self, wire: Wire, request: TargetRequest, turn: ChatTurn, results: Mapping[str, JsonValue]
    ) -> TargetReply:
        messages: list[Message] = [*turn.inner, turn.message]
        documents = list(turn.documents)
        turns = [turn]
        while turn.message.tool_calls and len(turns) <= self.options.max_tool_rounds:
            answers = [simulated_result(call, results) for call in turn.message.tool_calls]
            messages += answers
            wire.items += [*turn.raw, *self.encode_results(answers)]
            turn = await self._call(wire, request)
            turns.append(turn)
            messages += [*turn.inner, turn.message]
            documents += turn.documents
        metadata: dict[str, JsonValue] = {**turns[0].metadata, **turn.metadata, "tool_rounds": len(turns) - 1}
        if turn.message.tool_calls:
            metadata["tool_rounds_exhausted"] = True
        return TargetReply(
            messages=tuple(messages),
            documents=tuple(documents),
            final_state=turn.final_state,
            finish_reason=turn.finish_reason,
            model=turn.model,
            usage=Usage(
                input_tokens=sum(item.input_tokens for item in turns),
                output_tokens=sum(item.output_tokens for item in turns),
                cached_tokens=sum(item.cached_tokens for item in turns),
                calls=len(turns),
            ),
            metadata=metadata,
        )

    def _tool_results(self, request: TargetRequest) -> Mapping[str, JsonValue]:
        planted = request.environment.get("tool_results") if request.environment else None
        if isinstance(planted, dict):
            return {**self.options.tool_results, **planted}
        return self.options.tool_results

    def _conversation(self, request: TargetRequest) -> Sequence[Message]:
        messages = request.messages
        if self.system_prompt:
            messages = with_system_prompt(messages, self.system_prompt)
        if request.documents and self.options.documents.endswith("message"):
            messages = with_documents(
                messages, request.documents, as_system=self.options.documents == "system_message"
            )
        return messages

    def extra_fields(self, request: TargetRequest) -> bytes:
        """``,"field":value`` for documents and environment that go into the body; mostly empty."""
        options = self.options
        fields = b""
        if request.documents and options.documents == "body":
            documents = [item.model_dump(mode="json") for item in request.documents]
            fields = b"," + encode(options.documents_field) + b":" + encode(documents)
        if options.environment_field and request.environment:
            fields += b"," + encode(options.environment_field) + b":" + encode(request.environment)
        return fields

    def bad_response(self, message: str, *, retryable: bool = True) -> TargetFailure:
        """The failure for a response that is no proper answer of the provider."""
        return TargetFailure(message, kind=FailureKind.BAD_RESPONSE, retryable=retryable)

    def refuse_error_body(self, payload: dict[str, Any]) -> None:
        """Raise the TargetFailure for an error that came with status 200, as some gateways send."""
        error = payload.get("error")
        if not error:
            return
        code = error.get("code") if isinstance(error, dict) else None
        if isinstance(code, int) and 400 <= code < 600:
            raise failure(code, {}, encode(payload))
        words = error_text(payload, b"") or error_code(payload) or "without a message"
        raise self.bad_response(f"the response holds an error: {words}")


_BLOCK_CODES = frozenset({"content_filter", "content_policy_violation"})


def is_policy_block(error: HttpFailure) -> bool:
    """True where an error is OpenAI's or Azure's safety system refusing the prompt."""
    code = error_code(error.payload)
    policy = code == "invalid_prompt" and "usage polic" in error_text(error.payload, b"")
    return error.status in (400, 403) and (code in _BLOCK_CODES or policy)


def blocked_turn(error: HttpFailure, model: str) -> ChatTurn:
    """The turn for a prompt that the provider's own filter stopped before the model saw it."""
    return ChatTurn(
        message=Message(role=MessageRole.ASSISTANT),
        finish_reason=CONTENT_FILTER,
        model=model,
        metadata={
            "blocked": "prompt",
            "provider_code": error_code(error.payload),
            "provider_message": error_text(error.payload, b""),
        },
    )


def static_fields(fields: Mapping[str, Any]) -> bytes:
    """A JSON object without its closing brace, for bodies whose rest is added per call."""
    return encode({name: value for name, value in fields.items() if value is not None})[:-1]


def default_key_variable(options: ChatOptions, host: str, variable: str) -> str:
    """The key's environment variable: as configured, the usual one at the usual host, else none."""
    if options.api_key_env is not None:
        return options.api_key_env
    return variable if urlsplit(options.base_url).hostname == host else ""


def with_system_prompt(messages: Sequence[Message], prompt: str) -> tuple[Message, ...]:
    """The conversation with ``prompt`` in front, unless it brings a system message of its own."""
    if messages and messages[0].role is MessageRole.SYSTEM:
        return tuple(messages)
    return (Message(role=MessageRole.SYSTEM, content=prompt), *messages)


def with_documents(
    messages: Sequence[Message], documents: Sequence[Document], *, as_system: bool
) -> tuple[Message, ...]:
    """The conversation with ``documents`` before the last user message's text, or as system text."""
    block = render_documents(documents)
    if as_system:
        if messages and messages[0].role is MessageRole.SYSTEM:
            first = messages[0]
            return (first.model_copy(update={"content": f"{first.text}\n\n{block}"}), *messages[1:])
        return (Message(role=MessageRole.SYSTEM, content=block), *messages)
    changed = list(messages)
    for index in range(len(changed) - 1, -1, -1):
        message = changed[index]
        if message.role is MessageRole.USER:
            content: str | tuple[ContentPart, ...] = (
                f"{block}\n\n{message.content}"
                if isinstance(message.content, str)
                else (ContentPart(text=block), *message.content)
            )
            changed[index] = message.model_copy(update={"content": content})
            break
    return tuple(changed)


def render_documents(documents: Sequence[Document]) -> str:
    """Documents as a model is shown them: each between tags, with id and title."""
    pieces = []
    for item in documents:
        title = f' title="{item.title}"' if item.title else ""
        pieces.append(f'<document id="{item.id}"{title}>\n{item.text}\n</document>')
    return "\n".join(pieces)


def note_environment(request: TargetRequest, metadata: dict[str, JsonValue]) -> None:
    """Mark in ``metadata`` that a case's environment did not reach the target: its attack may be absent."""
    unused: list[JsonValue] = [name for name in sorted(request.environment) if name != "tool_results"]
    if unused:
        metadata["environment_ignored"] = unused


def simulated_result(call: ToolCall, results: Mapping[str, JsonValue]) -> Message:
    """The tool message for a call, from static results; an unknown tool reports an error."""
    if call.name in results:
        value = results[call.name]
        text, known = value if isinstance(value, str) else encode(value).decode(), True
    else:
        text, known = f"error: there is no tool named '{call.name[:100]}'", False
    return Message(
        role=MessageRole.TOOL, content=text, tool_call_id=call.id, name=call.name, is_error=not known
    )


def nested_count(value: Any, *path: str) -> int:
    """The token count at ``path`` in a usage object, 0 where it is missing."""
    for step in path:
        if not isinstance(value, dict):
            return 0
        value = value.get(step)
    return count_of(value)


def json_kind(value: Any) -> str:
    """JSON's name for the type of ``value``."""
    if value is None:
        return "null"
    kinds: tuple[tuple[type, str], ...] = (
        (bool, "boolean"),
        (str, "string"),
        (int, "number"),
        (float, "number"),
        (list, "list"),
    )
    return next((name for kind, name in kinds if isinstance(value, kind)), "object")
