"""OpenAI's Responses API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field, field_validator

from safecase.base import JsonObject, JsonValue
from safecase.model import (
    ContentPart,
    FailureKind,
    Message,
    MessageRole,
    TargetFailure,
    TargetRequest,
    ToolCall,
    ToolDefinition,
)
from safecase.targets._chat import (
    CONTENT_FILTER,
    ChatOptions,
    ChatTarget,
    ChatTurn,
    Wire,
    blocked_turn,
    default_key_variable,
    is_policy_block,
    nested_count,
    static_fields,
)
from safecase.targets._conversation import tool_call
from safecase.targets._http.http_errors import HttpFailure, error_code, error_text
from safecase.targets._http.json_body import encode, text_of
from safecase.targets._http.transport import HttpUrl
from safecase.targets._media import load_media, unsupported
from safecase.targets._registry import TARGETS, TargetContext

_RESERVED = ("input", "instructions", "model", "stream", "tools", "previous_response_id", "background")


class OpenAIResponsesOptions(ChatOptions):
    """Options of the Responses API. It takes no seed."""

    base_url: HttpUrl = "https://api.openai.com/v1"
    max_output_tokens: int | None = Field(default=None, ge=1)
    store: bool = False
    """Whether the provider keeps the response."""

    @field_validator("extra_body")
    @classmethod
    def _nothing_reserved(cls, value: JsonObject) -> JsonObject:
        for name in _RESERVED:
            if name in value:
                raise ValueError(f"'{name}' is set by the target itself")
        return value


@TARGETS.register("openai_responses", parameters=OpenAIResponsesOptions)
class OpenAIResponsesTarget(ChatTarget[OpenAIResponsesOptions]):
    """A model behind the Responses API; the conversation is sent in full each time."""

    kind: str = "openai_responses"
    provider: str = "OpenAI responses"

    def __init__(self, options: OpenAIResponsesOptions, context: TargetContext) -> None:
        variable = default_key_variable(options, "api.openai.com", "OPENAI_API_KEY")
        super().__init__(
            options,
            context,
            url=options.base_url + "/responses",
            secret_headers={"Authorization": (variable, "Bearer ")} if variable else {},
        )
        self._head = static_fields(
            {
                "model": options.model,
                "temperature": options.temperature,
                "top_p": options.top_p,
                "max_output_tokens": options.max_output_tokens,
                "store": options.store,
                **options.extra_body,
            }
        )

    def encode(self, messages: Sequence[Message]) -> Wire:
        """System messages become the instructions, everything else input items."""
        system: list[str] = []
        items: list[JsonValue] = []
        for message in messages:
            if message.role is MessageRole.SYSTEM:
                system.append(message.text)
            elif message.role is MessageRole.TOOL:
                items += self.encode_results([message])
            else:
                items += self._items(message)
        return Wire(items, "\n\n".join(system))

    def _items(self, message: Message) -> list[JsonValue]:
        """A message as input items, of which a tool call is one of its own."""
        content = message.content
        assistant = message.role is MessageRole.ASSISTANT
        items: list[JsonValue] = []
        if content or not message.tool_calls:
            value: JsonValue = (
                content
                if isinstance(content, str)
                else [self._part(part, assistant=assistant) for part in content]
            )
            items.append({"role": message.role.value, "content": value})
        for index, call in enumerate(message.tool_calls):
            items.append(
                {
                    "type": "function_call",
                    "call_id": call.id or f"call_{index + 1}",
                    "name": call.name,
                    "arguments": call.arguments_text or encode(call.arguments).decode(),
                }
            )
        return items

    def _part(self, part: ContentPart, *, assistant: bool) -> JsonValue:
        if part.type == "text":
            return {"type": "output_text" if assistant else "input_text", "text": part.text}
        media = load_media(part, self.root)
        if part.type == "image":
            return {"type": "input_image", "image_url": media.uri}
        if part.type == "document":
            return {"type": "input_file", "filename": media.name, "file_data": media.uri}
        raise unsupported(part, self.provider)

    def encode_results(self, results: Sequence[Message]) -> Sequence[Any]:
        """Function-call outputs."""
        return [
            {"type": "function_call_output", "call_id": result.tool_call_id, "output": result.text}
            for result in results
        ]

    def body(self, wire: Wire, request: TargetRequest) -> bytes:
        """The request body."""
        pieces = [self._head]
        if wire.system:
            pieces.append(b',"instructions":' + encode(wire.system))
        pieces.append(b',"input":' + encode(wire.items))
        if request.tools:
            pieces.append(b',"tools":' + encode([_wire_tool(tool) for tool in request.tools]))
        pieces.append(self.extra_fields(request) + b"}")
        return b"".join(pieces)

    def decode(self, payload: dict[str, Any]) -> ChatTurn:
        """The output items: text, refusals, function calls, reasoning summaries."""
        status = text_of(payload.get("status"))
        if status == "failed" or payload.get("output") is None:
            self._refuse_failed(payload)
            raise self.bad_response("the response has no 'output': this is no responses endpoint")
        output = payload["output"]
        if not isinstance(output, list):
            raise self.bad_response("'output' is no list")
        texts: list[str] = []
        calls: list[ToolCall] = []
        metadata: dict[str, JsonValue] = {}
        reasoning: list[str] = []
        for index, item in enumerate(output):
            if not isinstance(item, dict):
                raise self.bad_response(f"output[{index}] is no object")
            kind = item.get("type")
            if kind == "message":
                texts += self._texts(item, metadata)
            elif kind == "function_call":
                name = item.get("name")
                if not isinstance(name, str):
                    raise self.bad_response(f"output[{index}] names no function")
                calls.append(tool_call(name, item.get("arguments"), text_of(item.get("call_id"))))
            elif kind == "reasoning":
                reasoning += _parts(item.get("summary"), "text") + _parts(item.get("content"), "text")
        if reasoning:
            metadata["reasoning"] = "\n".join(reasoning)
        details = payload.get("incomplete_details")
        reason = text_of(details.get("reason")) if isinstance(details, dict) else ""
        usage = payload.get("usage")
        return ChatTurn(
            message=Message(role=MessageRole.ASSISTANT, content="\n".join(texts), tool_calls=tuple(calls)),
            finish_reason=CONTENT_FILTER if reason == CONTENT_FILTER else reason or status,
            model=text_of(payload.get("model")),
            input_tokens=nested_count(usage, "input_tokens"),
            output_tokens=nested_count(usage, "output_tokens"),
            cached_tokens=nested_count(usage, "input_tokens_details", "cached_tokens"),
            metadata=metadata,
            raw=output,
        )

    def _texts(self, item: dict[str, Any], metadata: dict[str, JsonValue]) -> list[str]:
        """What an output item says, a refusal included."""
        refusals = _parts(item.get("content"), "refusal")
        if refusals:
            metadata["refusal_field"] = True
        return _parts(item.get("content"), "text") + refusals

    def _refuse_failed(self, payload: dict[str, Any]) -> None:
        if error_code(payload) == "rate_limit_exceeded":
            raise TargetFailure(
                f"rate limit reached: {error_text(payload, b'')}",
                kind=FailureKind.RATE_LIMITED,
                retryable=True,
            )
        self.refuse_error_body(payload)

    def blocked(self, error: HttpFailure) -> ChatTurn | None:
        """A prompt that the provider's usage policy refuses is an answer of the system."""
        if not is_policy_block(error):
            return None
        return blocked_turn(error, self.options.model)


def _parts(value: Any, field: str) -> list[str]:
    """The texts under ``field`` in a list of content parts."""
    if not isinstance(value, list):
        return []
    return [part[field] for part in value if isinstance(part, dict) and isinstance(part.get(field), str)]


def _wire_tool(tool: ToolDefinition) -> JsonObject:
    value: JsonObject = {
        "type": "function",
        "name": tool.name,
        "parameters": tool.parameters or {"type": "object", "properties": {}},
        # Strict schemas forbid what many tools have; the tools are sent as the case declares them.
        "strict": False,
    }
    if tool.description:
        value["description"] = tool.description
    return value
