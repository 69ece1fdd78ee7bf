"""Anthropic's Messages API."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field, field_validator

from safecase.base import JsonObject, JsonValue
from safecase.model import (
    ContentPart,
    Message,
    MessageRole,
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
    default_key_variable,
    nested_count,
    static_fields,
)
from safecase.targets._conversation import tool_call
from safecase.targets._http.json_body import encode, text_of
from safecase.targets._http.transport import HttpUrl
from safecase.targets._media import load_media, unsupported
from safecase.targets._registry import TARGETS, TargetContext

_RESERVED = ("messages", "system", "model", "stream", "tools", "max_tokens")


class AnthropicMessagesOptions(ChatOptions):
    """Options of the Messages API. It takes no seed."""

    base_url: HttpUrl = "https://api.anthropic.com"
    max_tokens: int = Field(ge=1)
    """Required by the provider."""
    anthropic_version: str = Field(default="2023-06-01", pattern=r"^\d{4}-\d{2}-\d{2}$")

    @field_validator("extra_body")
    @classmethod
    def _nothing_reserved(cls, value: JsonObject) -> JsonObject:
        for name in _RESERVED:
            if name in value:
                raise ValueError(f"'{name}' is set by the target itself")
        return value


@TARGETS.register("anthropic_messages", parameters=AnthropicMessagesOptions)
class AnthropicMessagesTarget(ChatTarget[AnthropicMessagesOptions]):
    """A model behind the Messages API."""

    kind: str = "anthropic_messages"
    provider: str = "Anthropic messages"

    def __init__(self, options: AnthropicMessagesOptions, context: TargetContext) -> None:
        variable = default_key_variable(options, "api.anthropic.com", "ANTHROPIC_API_KEY")
        super().__init__(
            options,
            context,
            url=options.base_url.removesuffix("/v1") + "/v1/messages",
            secret_headers={"x-api-key": (variable, "")} if variable else {},
            headers={"anthropic-version": options.anthropic_version},
        )
        self._head = static_fields(
            {
                "model": options.model,
                "max_tokens": options.max_tokens,
                "temperature": options.temperature,
                "top_p": options.top_p,
                **options.extra_body,
            }
        )

    def encode(self, messages: Sequence[Message]) -> Wire:
        """The system prompt apart; tool results of one round in one user message."""
        system: list[str] = []
        items: list[Any] = []
        pending: list[Message] = []
        for message in messages:
            if message.role is MessageRole.TOOL:
                pending.append(message)
                continue
            items += self.encode_results(pending)
            pending.clear()
            if message.role is MessageRole.SYSTEM:
                system.append(message.text)
            else:
                items.append({"role": message.role.value, "content": self._content(message)})
        items += self.encode_results(pending)
        return Wire(items, "\n\n".join(system))

    def _content(self, message: Message) -> JsonValue:
        content = message.content
        if not message.tool_calls:
            return content if isinstance(content, str) else [self._part(part) for part in content]
        blocks: list[JsonValue] = []
        if isinstance(content, str):
            # Empty text blocks are refused by the provider.
            blocks += [{"type": "text", "text": content}] if content else []
        else:
            blocks += [self._part(part) for part in content]
        for index, call in enumerate(message.tool_calls):
            arguments: JsonObject = call.arguments
            if call.arguments_text:
                arguments = {"arguments_text": call.arguments_text}
            blocks.append(
                {
                    "type": "tool_use",
                    "id": call.id or f"call_{index + 1}",
                    "name": call.name,
                    "input": arguments,
                }
            )
        return blocks

    def _part(self, part: ContentPart) -> JsonValue:
        if part.type == "text":
            return {"type": "text", "text": part.text}
        if part.type not in ("image", "document"):
            raise unsupported(part, self.provider)
        media = load_media(part, self.root)
        source: JsonObject = {"type": "base64", "media_type": media.media_type, "data": media.data}
        if part.type == "document" and media.media_type.startswith("text/"):
            source = {"type": "text", "media_type": "text/plain", "data": media.text()}
        elif part.type == "document" and media.media_type != "application/pdf":
            raise unsupported(part, self.provider, media)
        return {"type": part.type, "source": source}

    def encode_results(self, results: Sequence[Message]) -> Sequence[Any]:
        """One user message with a tool_result block per result."""
        if not results:
            return []
        blocks: list[JsonValue] = []
        for result in results:
            block: JsonObject = {
                "type": "tool_result",
                "tool_use_id": result.tool_call_id,
                "content": result.text,
            }
            if result.is_error:
                block["is_error"] = True
            blocks.append(block)
        return [{"role": "user", "content": blocks}]

    def body(self, wire: Wire, request: TargetRequest) -> bytes:
        """The request body."""
        pieces = [self._head]
        if wire.system:
            pieces.append(b',"system":' + encode(wire.system))
        pieces.append(b',"messages":' + encode(wire.items))
        if request.tools:
            pieces.append(b',"tools":' + encode([_wire_tool(tool) for tool in request.tools]))
        pieces.append(self.extra_fields(request) + b"}")
        return b"".join(pieces)

    def decode(self, payload: dict[str, Any]) -> ChatTurn:
        """Text, tool_use and thinking blocks. A refusal stop becomes ``content_filter``."""
        content = payload.get("content")
        if content is None:
            self.refuse_error_body(payload)
            raise self.bad_response("the response has no 'content': this is no messages endpoint")
        if not isinstance(content, list):
            raise self.bad_response("'content' is no list")
        texts: list[str] = []
        calls: list[ToolCall] = []
        thinking: list[str] = []
        for index, block in enumerate(content):
            if not isinstance(block, dict):
                raise self.bad_response(f"content[{index}] is no object")
            kind = block.get("type")
            if kind == "text" and isinstance(block.get("text"), str):
                texts.append(block["text"])
            elif kind == "tool_use":
                name = block.get("name")
                if not isinstance(name, str):
                    raise self.bad_response(f"content[{index}] names no tool")
                calls.append(tool_call(name, block.get("input"), text_of(block.get("id"))))
            elif kind == "thinking" and isinstance(block.get("thinking"), str):
                thinking.append(block["thinking"])
        metadata: dict[str, JsonValue] = {}
        if thinking:
            metadata["reasoning"] = "\n".join(thinking)
        stop = text_of(payload.get("stop_reason"))
        if stop == "refusal":
            metadata["stop_reason"] = stop
        usage = payload.get("usage")
        cached = nested_count(usage, "cache_read_input_tokens")
        return ChatTurn(
            message=Message(role=MessageRole.ASSISTANT, content="".join(texts), tool_calls=tuple(calls)),
            finish_reason=CONTENT_FILTER if stop == "refusal" else stop,
            model=text_of(payload.get("model")),
            # The provider counts what was read from or written to its cache apart from the rest.
            input_tokens=nested_count(usage, "input_tokens")
            + nested_count(usage, "cache_creation_input_tokens")
            + cached,
            output_tokens=nested_count(usage, "output_tokens"),
            cached_tokens=cached,
            metadata=metadata,
            raw=({"role": "assistant", "content": content},),
        )


def _wire_tool(tool: ToolDefinition) -> JsonObject:
    value: JsonObject = {
        "name": tool.name,
        "input_schema": tool.parameters or {"type": "object", "properties": {}},
    }
    if tool.description:
        value["description"] = tool.description
    return value
