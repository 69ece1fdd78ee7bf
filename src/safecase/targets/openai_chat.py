"""OpenAI-compatible chat completions: OpenAI, Azure, vLLM, Ollama, TGI, Mistral, Groq and many more."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal
from urllib.parse import quote

from pydantic import Field, field_validator, model_validator

from safecase.base import JsonObject, JsonValue
from safecase.model import (
    ContentPart,
    Document,
    Message,
    MessageRole,
    TargetRequest,
    ToolCall,
    ToolDefinition,
)
from safecase.targets._chat import (
    ChatOptions,
    ChatTarget,
    ChatTurn,
    Wire,
    blocked_turn,
    default_key_variable,
    is_policy_block,
    json_kind,
    nested_count,
    static_fields,
)
from safecase.targets._conversation import parse_trace, tool_call
from safecase.targets._http.http_errors import HttpFailure
from safecase.targets._http.json_body import encode, text_of
from safecase.targets._http.transport import HttpUrl
from safecase.targets._media import load_media
from safecase.targets._registry import TARGETS, TargetContext

_ECHOED = ("role", "content", "tool_calls", "reasoning_content")
"""What of an answer goes back in the tool loop; strict servers refuse the other fields."""
_RESERVED = ("messages", "model", "stream", "tools")
_AUDIO_FORMATS = {"audio/wav": "wav", "audio/x-wav": "wav", "audio/mpeg": "mp3", "audio/mp3": "mp3"}


class OpenAIChatOptions(ChatOptions):
    """Options of an OpenAI-compatible chat endpoint."""

    base_url: HttpUrl = "https://api.openai.com/v1"
    path: str = Field(default="/chat/completions", pattern=r"^/[^\s?#]*$")
    api_version: str = ""
    """Azure only: the api-version; the path then becomes that of the deployment."""
    deployment: str = ""
    """Azure only: the deployment's name; the model's name where not given."""
    max_tokens: int | None = Field(default=None, ge=1)
    max_completion_tokens: int | None = Field(default=None, ge=1)
    """Newer OpenAI models take this one instead of max_tokens."""
    send_seed: bool = True
    """Send the attempt's seed; switch off for servers that refuse it."""
    seed_field: str = "seed"
    """The seed's name in the body (``random_seed`` at Mistral)."""
    system_role: Literal["system", "developer"] = "system"

    @field_validator("extra_body")
    @classmethod
    def _nothing_reserved(cls, value: JsonObject) -> JsonObject:
        for name in _RESERVED:
            if name in value:
                raise ValueError(f"'{name}' is set by the target itself")
        return value

    @model_validator(mode="after")
    def _one_limit(self) -> OpenAIChatOptions:
        if self.max_tokens is not None and self.max_completion_tokens is not None:
            raise ValueError("give max_tokens or max_completion_tokens, not both")
        if self.deployment and not self.api_version:
            raise ValueError("deployment is Azure's and needs api_version")
        return self


@TARGETS.register("openai_chat", parameters=OpenAIChatOptions)
class OpenAIChatTarget(ChatTarget[OpenAIChatOptions]):
    """A model or application behind the chat-completions protocol."""

    kind: str = "openai_chat"
    provider: str = "OpenAI chat"

    def __init__(self, options: OpenAIChatOptions, context: TargetContext) -> None:
        url, header, prefix = options.base_url + options.path, "Authorization", "Bearer "
        variable = default_key_variable(options, "api.openai.com", "OPENAI_API_KEY")
        if options.api_version:
            deployment = quote(options.deployment or options.model, safe="")
            version = quote(options.api_version, safe="")
            base = options.base_url.removesuffix("/openai")
            url = f"{base}/openai/deployments/{deployment}{options.path}?api-version={version}"
            header, prefix = "api-key", ""
        super().__init__(
            options,
            context,
            url=url,
            secret_headers={header: (variable, prefix)} if variable else {},
        )
        self._head = (
            static_fields(
                {
                    "model": options.model,
                    "temperature": options.temperature,
                    "top_p": options.top_p,
                    "max_tokens": options.max_tokens,
                    "max_completion_tokens": options.max_completion_tokens,
                    **options.extra_body,
                }
            )
            + b',"messages":'
        )
        seeded = options.send_seed and options.seed_field not in options.extra_body
        self._seed = b"," + encode(options.seed_field) + b":%d" if seeded else b""

    def encode(self, messages: Sequence[Message]) -> Wire:
        """Messages as chat-completions objects."""
        return Wire([self._message(message) for message in messages])

    def _message(self, message: Message) -> JsonObject:
        role, content = message.role, message.content
        value: JsonObject = {
            "role": self.options.system_role if role is MessageRole.SYSTEM else role.value,
            "content": content if isinstance(content, str) else [self._part(part) for part in content],
        }
        if message.tool_calls:
            value["tool_calls"] = [_wire_call(call, index) for index, call in enumerate(message.tool_calls)]
            value["content"] = value["content"] or None
        if role is MessageRole.TOOL:
            value["tool_call_id"] = message.tool_call_id
        elif message.name:
            value["name"] = message.name
        return value

    def _part(self, part: ContentPart) -> JsonValue:
        if part.type == "text":
            return {"type": "text", "text": part.text}
        media = load_media(part, self.root)
        if part.type == "image":
            return {"type": "image_url", "image_url": {"url": media.uri}}
        if part.type == "audio" and media.media_type in _AUDIO_FORMATS:
            audio: JsonObject = {"data": media.data, "format": _AUDIO_FORMATS[media.media_type]}
            return {"type": "input_audio", "input_audio": audio}
        if part.type == "audio":
            return {"type": "audio_url", "audio_url": {"url": media.uri}}
        if part.type == "video":
            return {"type": "video_url", "video_url": {"url": media.uri}}
        return {"type": "file", "file": {"filename": media.name, "file_data": media.uri}}

    def encode_results(self, results: Sequence[Message]) -> Sequence[Any]:
        """Tool messages, one each."""
        return [self._message(result) for result in results]

    def body(self, wire: Wire, request: TargetRequest) -> bytes:
        """The request body: static fields, messages, seed, tools."""
        pieces = [self._head, encode(wire.items)]
        if self._seed:
            pieces.append(self._seed % (request.seed & 0x7FFFFFFF))
        if request.tools:
            pieces.append(b',"tools":' + encode([_wire_tool(tool) for tool in request.tools]))
        if request.documents or request.environment:
            pieces.append(self.extra_fields(request))
        pieces.append(b"}")
        return b"".join(pieces)

    def decode(self, payload: dict[str, Any]) -> ChatTurn:
        """The first choice, with tool calls, refusal, reasoning and the server's trace."""
        choices = payload.get("choices")
        if not choices:
            self.refuse_error_body(payload)
            if choices is None:
                raise self.bad_response("the response has no 'choices': this is no chat endpoint")
            raise self.bad_response("the response has an empty list of choices")
        choice = choices[0] if isinstance(choices, list) else None
        raw = choice.get("message") if isinstance(choice, dict) else None
        if not isinstance(choice, dict) or not isinstance(raw, dict):
            raise self.bad_response("the first choice of the response holds no message")
        metadata: dict[str, JsonValue] = {}
        text = self._text(raw, metadata)
        calls = raw.get("tool_calls")
        usage = payload.get("usage")
        inner: tuple[Message, ...] = ()
        documents: tuple[Document, ...] = ()
        final_state: JsonObject = {}
        trace = raw.get("safecase_trace")
        if isinstance(trace, dict):
            inner, documents, final_state = parse_trace(trace)
            if trace.get("demo") is True:
                self.demo = True
                metadata["demo"] = True
        if payload.get("system_fingerprint"):
            metadata["system_fingerprint"] = text_of(payload["system_fingerprint"])
        return ChatTurn(
            message=Message(
                role=MessageRole.ASSISTANT,
                content=text,
                tool_calls=self._calls(calls) if calls else (),
            ),
            finish_reason=text_of(choice.get("finish_reason")),
            model=text_of(payload.get("model")),
            input_tokens=nested_count(usage, "prompt_tokens"),
            output_tokens=nested_count(usage, "completion_tokens"),
            cached_tokens=nested_count(usage, "prompt_tokens_details", "cached_tokens"),
            inner=inner,
            documents=documents,
            final_state=final_state,
            metadata=metadata,
            raw=({name: raw[name] for name in _ECHOED if name in raw},),
        )

    def _text(self, raw: dict[str, Any], metadata: dict[str, JsonValue]) -> str:
        """What the message says; reasoning goes into the metadata, because users do not see it."""
        content = raw.get("content")
        reasoning = raw.get("reasoning_content") or raw.get("reasoning")
        if isinstance(content, list):
            parts = [part for part in content if isinstance(part, dict)]
            content = "\n".join(
                part["text"]
                for part in parts
                if part.get("type", "text") in ("text", "output_text") and isinstance(part.get("text"), str)
            )
            thoughts = [part.get("thinking") for part in parts if part.get("type") == "thinking"]
            reasoning = reasoning or (thoughts if any(thoughts) else None)
        if reasoning:
            metadata["reasoning"] = reasoning if isinstance(reasoning, str) else encode(reasoning).decode()
        refusal = raw.get("refusal")
        if isinstance(refusal, str) and refusal:
            metadata["refusal_field"] = True
            content = content or refusal
        if content is None:
            return ""
        if not isinstance(content, str):
            raise self.bad_response(f"the message's content is a JSON {json_kind(content)}")
        return content

    def _calls(self, calls: Any) -> tuple[ToolCall, ...]:
        """The tool calls of a message. Raises TargetFailure where they have not the provider's form."""
        if not isinstance(calls, list):
            raise self.bad_response(f"tool_calls is a JSON {json_kind(calls)}, not a list")
        found: list[ToolCall] = []
        for index, call in enumerate(calls):
            function = call.get("function") if isinstance(call, dict) else None
            name = function.get("name") if isinstance(function, dict) else None
            if not isinstance(function, dict) or not isinstance(name, str):
                raise self.bad_response(f"tool_calls[{index}] names no function")
            found.append(tool_call(name, function.get("arguments"), text_of(call.get("id"))))
        return tuple(found)

    def blocked(self, error: HttpFailure) -> ChatTurn | None:
        """Azure and others refuse a prompt with status 400: an answer of the system, not a failure."""
        return blocked_turn(error, self.options.model) if is_policy_block(error) else None


def _wire_call(call: ToolCall, index: int) -> JsonObject:
    arguments = call.arguments_text or encode(call.arguments).decode()
    return {
        "id": call.id or f"call_{index + 1}",
        "type": "function",
        "function": {"name": call.name, "arguments": arguments},
    }


def _wire_tool(tool: ToolDefinition) -> JsonObject:
    function: JsonObject = {
        "name": tool.name,
        "parameters": tool.parameters or {"type": "object", "properties": {}},
    }
    if tool.description:
        function["description"] = tool.description
    return {"type": "function", "function": function}
