"""Google's Gemini API (generateContent)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from urllib.parse import quote

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
from safecase.targets._media import load_media
from safecase.targets._registry import TARGETS, TargetContext

_RESERVED = ("contents", "systemInstruction", "tools", "generationConfig")
BLOCKED = frozenset(
    {
        "SAFETY",
        "RECITATION",
        "BLOCKLIST",
        "PROHIBITED_CONTENT",
        "SPII",
        "IMAGE_SAFETY",
        "IMAGE_PROHIBITED_CONTENT",
        "IMAGE_RECITATION",
        "MODEL_ARMOR",
    }
)
"""Finish and block reasons that mean: withheld by the provider's safety system."""


class GoogleGeminiOptions(ChatOptions):
    """Options of the Gemini API."""

    base_url: HttpUrl = "https://generativelanguage.googleapis.com"
    api_version: str = Field(default="v1beta", pattern=r"^v\d+[a-z0-9]*$")
    max_output_tokens: int | None = Field(default=None, ge=1)
    send_seed: bool = True
    generation_config: JsonObject = {}
    """Further fields of generationConfig."""

    @field_validator("extra_body")
    @classmethod
    def _nothing_reserved(cls, value: JsonObject) -> JsonObject:
        for name in _RESERVED:
            if name in value:
                hint = "; use generation_config" if name == "generationConfig" else ""
                raise ValueError(f"'{name}' is set by the target itself{hint}")
        return value


@TARGETS.register("google_gemini", parameters=GoogleGeminiOptions)
class GoogleGeminiTarget(ChatTarget[GoogleGeminiOptions]):
    """A model behind generateContent."""

    kind: str = "google_gemini"
    provider: str = "Google Gemini"

    def __init__(self, options: GoogleGeminiOptions, context: TargetContext) -> None:
        variable = default_key_variable(options, "generativelanguage.googleapis.com", "GEMINI_API_KEY")
        model = quote(options.model.removeprefix("models/"), safe="")
        super().__init__(
            options,
            context,
            url=f"{options.base_url}/{options.api_version}/models/{model}:generateContent",
            secret_headers={"x-goog-api-key": (variable, "")} if variable else {},
        )
        config = static_fields(
            {
                "temperature": options.temperature,
                "topP": options.top_p,
                "maxOutputTokens": options.max_output_tokens,
                **options.generation_config,
            }
        )
        self._seeded = options.send_seed and "seed" not in options.generation_config
        comma = b"," if self._seeded and config != b"{" else b""
        self._config = b',"generationConfig":' + config + comma
        self._rest = b"".join(
            b"," + encode(name) + b":" + encode(value) for name, value in options.extra_body.items()
        )

    def encode(self, messages: Sequence[Message]) -> Wire:
        """Contents with the roles ``user`` and ``model``; the system prompt apart."""
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
                role = "model" if message.role is MessageRole.ASSISTANT else "user"
                items.append({"role": role, "parts": self._parts(message)})
        items += self.encode_results(pending)
        return Wire(items, "\n\n".join(system))

    def _parts(self, message: Message) -> list[JsonValue]:
        content = message.content
        parts: list[JsonValue] = []
        if isinstance(content, str):
            parts += [{"text": content}] if content or not message.tool_calls else []
        else:
            parts += [self._part(part) for part in content]
        for index, call in enumerate(message.tool_calls):
            function: JsonObject = {"name": call.name, "args": call.arguments}
            part: JsonObject = {"functionCall": function}
            if index == 0:
                # Newer models refuse history whose first call lacks a signature; scripted history has
                # none, and this is the value that the provider documents for calls it did not make.
                part["thoughtSignature"] = "skip_thought_signature_validator"
            parts.append(part)
        return parts

    def _part(self, part: ContentPart) -> JsonValue:
        if part.type == "text":
            return {"text": part.text}
        media = load_media(part, self.root)
        return {"inlineData": {"mimeType": media.media_type, "data": media.data}}

    def encode_results(self, results: Sequence[Message]) -> Sequence[Any]:
        """One user content with a functionResponse part per result."""
        if not results:
            return []
        parts: list[JsonValue] = []
        for result in results:
            response: JsonObject = {"error" if result.is_error else "result": result.text}
            function: JsonObject = {"name": result.name, "response": response}
            if result.tool_call_id:
                function["id"] = result.tool_call_id
            parts.append({"functionResponse": function})
        return [{"role": "user", "parts": parts}]

    def body(self, wire: Wire, request: TargetRequest) -> bytes:
        """The request body."""
        pieces = [b'{"contents":', encode(wire.items)]
        if wire.system:
            pieces.append(b',"systemInstruction":' + encode({"parts": [{"text": wire.system}]}))
        if request.tools:
            tools = [{"functionDeclarations": [_wire_tool(tool) for tool in request.tools]}]
            pieces.append(b',"tools":' + encode(tools))
        pieces.append(self._config)
        pieces.append(b'"seed":%d}' % (request.seed & 0x7FFFFFFF) if self._seeded else b"}")
        pieces.append(self._rest + self.extra_fields(request) + b"}")
        return b"".join(pieces)

    def decode(self, payload: dict[str, Any]) -> ChatTurn:
        """The first candidate; a blocked prompt or answer becomes ``content_filter``."""
        candidates = payload.get("candidates")
        feedback = payload.get("promptFeedback")
        block = text_of(feedback.get("blockReason")) if isinstance(feedback, dict) else ""
        if not candidates:
            if not block:
                self.refuse_error_body(payload)
                raise self.bad_response("the response has no candidates")
            return self._turn(payload, Message(role=MessageRole.ASSISTANT), block, {"blocked": "prompt"})
        candidate = candidates[0] if isinstance(candidates, list) else None
        if not isinstance(candidate, dict):
            raise self.bad_response("'candidates' holds no candidate")
        content = candidate.get("content")
        parts = content.get("parts") if isinstance(content, dict) else None
        finish = text_of(candidate.get("finishReason"))
        texts: list[str] = []
        thoughts: list[str] = []
        calls: list[ToolCall] = []
        for index, part in enumerate(parts if isinstance(parts, list) else []):
            if not isinstance(part, dict):
                raise self.bad_response(f"parts[{index}] is no object")
            function = part.get("functionCall")
            if isinstance(part.get("text"), str):
                (thoughts if part.get("thought") is True else texts).append(part["text"])
            elif isinstance(function, dict):
                name = function.get("name")
                if not isinstance(name, str):
                    raise self.bad_response(f"parts[{index}] names no function")
                calls.append(tool_call(name, function.get("args"), text_of(function.get("id"))))
        metadata: dict[str, JsonValue] = {}
        if thoughts:
            metadata["reasoning"] = "\n".join(thoughts)
        message = Message(role=MessageRole.ASSISTANT, content="".join(texts), tool_calls=tuple(calls))
        turn = self._turn(payload, message, finish, metadata)
        turn.raw = (content,) if isinstance(content, dict) else ()
        return turn

    def _turn(
        self, payload: dict[str, Any], message: Message, reason: str, metadata: dict[str, JsonValue]
    ) -> ChatTurn:
        blocked = reason in BLOCKED or "blocked" in metadata
        if blocked:
            metadata["provider_code"] = reason
        usage = payload.get("usageMetadata")
        return ChatTurn(
            message=message,
            finish_reason=CONTENT_FILTER if blocked else reason,
            model=text_of(payload.get("modelVersion")),
            input_tokens=nested_count(usage, "promptTokenCount"),
            output_tokens=nested_count(usage, "candidatesTokenCount")
            + nested_count(usage, "thoughtsTokenCount"),
            cached_tokens=nested_count(usage, "cachedContentTokenCount"),
            metadata=metadata,
        )


def _wire_tool(tool: ToolDefinition) -> JsonObject:
    value: JsonObject = {"name": tool.name, "description": tool.description}
    if tool.parameters.get("properties"):
        value["parameters"] = tool.parameters
    return value
