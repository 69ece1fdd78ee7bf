"""Conversations from foreign JSON: messages, tool calls and documents as other tools write them.

Accepted shapes: this package's own, OpenAI chat, Anthropic content blocks, LangChain message dumps, and
AgentDojo records. What cannot be read raises ValueError with its place; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from safecase.base import JsonObject, JsonValue
from safecase.model import ContentPart, Document, Message, MessageRole, ToolCall
from safecase.targets._http.json_body import depth_exceeds, encode, plain

ROLES = {
    "system": MessageRole.SYSTEM,
    "developer": MessageRole.SYSTEM,
    "user": MessageRole.USER,
    "human": MessageRole.USER,
    "assistant": MessageRole.ASSISTANT,
    "ai": MessageRole.ASSISTANT,
    "model": MessageRole.ASSISTANT,
    "tool": MessageRole.TOOL,
    "function": MessageRole.TOOL,
    "tool_result": MessageRole.TOOL,
}


def tool_call(name: str, arguments: Any, identifier: str = "") -> ToolCall:
    """A call with its arguments, which may be an object or JSON text.

    Text that is no JSON object, and structures too deep to store, are kept in ``arguments_text``.
    """
    if arguments is None or arguments == "":
        return ToolCall(name=name, id=identifier)
    if isinstance(arguments, str):
        try:
            parsed = orjson.loads(arguments)
        except orjson.JSONDecodeError:
            parsed = None
        if not isinstance(parsed, dict) or depth_exceeds(parsed):
            return ToolCall(name=name, id=identifier, arguments_text=arguments)
        return ToolCall(name=name, arguments=parsed, id=identifier)
    if isinstance(arguments, Mapping) and not depth_exceeds(arguments):
        return ToolCall(name=name, arguments=_object(arguments), id=identifier)
    return ToolCall(name=name, id=identifier, arguments_text=_as_text(arguments))


def _object(value: Mapping[Any, Any]) -> JsonObject:
    """A mapping as plain JSON."""
    result = plain(dict(value), what="arguments")
    return result if isinstance(result, dict) else {}


def _as_text(value: Any) -> str:
    try:
        return encode(value).decode()
    except (TypeError, RecursionError):
        # Too deep for the serialiser, or no JSON at all: the start of it is still evidence.
        return repr(value)[:10_000]


def parse_tool_call(value: Any, *, what: str) -> ToolCall:
    """One tool call in any of the accepted shapes. Raises ValueError where it names no tool."""
    if isinstance(value, ToolCall):
        return value
    if not isinstance(value, Mapping):
        raise ValueError(f"{what} is a {_kind(value)}, not an object")
    inner = value.get("function")
    source = inner if isinstance(inner, Mapping) else value
    name = source.get("name")
    if name is None and isinstance(inner, str):
        name = inner
    if name is None:
        name = value.get("tool_name", value.get("tool"))
    if not isinstance(name, str) or not name:
        raise ValueError(f"{what} names no tool")
    arguments = next(
        (source[key] for key in ("arguments", "args", "input", "parameters") if key in source), None
    )
    identifier = value.get("id") or value.get("call_id") or ""
    try:
        return tool_call(name, arguments, str(identifier))
    except ValueError as error:
        raise ValueError(f"{what}: {error}") from None


def parse_tool_calls(value: Any, *, what: str) -> tuple[ToolCall, ...]:
    """A list of tool calls; None is an empty list. Raises ValueError."""
    if value is None:
        return ()
    if not _is_list(value):
        raise ValueError(f"{what} is a {_kind(value)}, not a list")
    return tuple(parse_tool_call(item, what=f"{what}[{index}]") for index, item in enumerate(value))


def parse_content(value: Any, *, what: str) -> str | tuple[ContentPart, ...]:
    """Message content: text, or parts of which unknown kinds are kept as their JSON text."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if not _is_list(value):
        return _as_text(value)
    parts: list[ContentPart] = []
    for index, item in enumerate(value):
        if isinstance(item, ContentPart):
            parts.append(item)
        elif isinstance(item, str):
            parts.append(ContentPart(text=item))
        elif isinstance(item, Mapping):
            kind = item.get("type", "text")
            # Calls and results are read elsewhere; thoughts are not said to anybody.
            if kind in ("tool_use", "tool_result", "thinking", "reasoning"):
                continue
            text = item.get("text", item.get("content"))
            if isinstance(text, str):
                parts.append(ContentPart(text=text))
            elif kind in ("image", "audio", "video", "document") and isinstance(item.get("uri"), str):
                parts.append(ContentPart.model_validate(dict(item)))
            else:
                # Kept, so that a reader sees that there was something; cut, because it may be binary data.
                parts.append(ContentPart(type="document", text=_as_text(item)[:2000]))
        else:
            raise ValueError(f"{what}[{index}] is a {_kind(item)}, not a content part")
    if all(part.type == "text" for part in parts):
        return "\n".join(part.text for part in parts)
    return tuple(parts)


def parse_message(value: Any, *, what: str) -> Message:
    """One message in any of the accepted shapes. Raises ValueError where it has no known role."""
    if isinstance(value, Message):
        return value
    if not isinstance(value, Mapping):
        value = _attributes(value, what)
    role = ROLES.get(str(value.get("role", value.get("type", ""))).lower())
    if role is None:
        raise ValueError(f"{what} has no known role (one of {', '.join(ROLES)})")
    content = value.get("content", value.get("text"))
    calls = list(parse_tool_calls(value.get("tool_calls"), what=f"{what}.tool_calls"))
    if _is_list(content):
        calls += [
            parse_tool_call(item, what=f"{what}.content[{index}]")
            for index, item in enumerate(content)
            if isinstance(item, Mapping) and item.get("type") == "tool_use"
        ]
    name = value.get("name") or value.get("tool_call") or ""
    if isinstance(name, Mapping):
        name = name.get("function") or name.get("name") or ""
    return Message(
        role=role,
        content=parse_content(content, what=f"{what}.content"),
        tool_calls=tuple(calls),
        tool_call_id=str(value.get("tool_call_id") or ""),
        name=str(name) if isinstance(name, str) else "",
        is_error=bool(value.get("is_error") or value.get("error") or value.get("status") == "error"),
    )


def parse_messages(value: Any, *, what: str) -> tuple[Message, ...]:
    """A list of messages. Raises ValueError with the place of the first that cannot be read."""
    if not _is_list(value):
        raise ValueError(f"{what} is a {_kind(value)}, not a list")
    return tuple(parse_message(item, what=f"{what}[{index}]") for index, item in enumerate(value))


def parse_document(value: Any, index: int, *, what: str) -> Document:
    """One retrieved document: text, or an object with its text and maybe id, title, source.

    LangChain's ``page_content`` and LlamaIndex's ``node`` are read too. Raises ValueError.
    """
    if isinstance(value, Document):
        return value
    if isinstance(value, str):
        return Document(id=f"document-{index + 1}", text=value)
    if not isinstance(value, Mapping):
        value = _attributes(value, what)
    node = value.get("node")
    if node is not None and not isinstance(node, str):
        inner = node if isinstance(node, Mapping) else _attributes(node, what)
        value = {**value, **inner}
    text = next(
        (
            value[key]
            for key in ("text", "content", "page_content", "snippet")
            if isinstance(value.get(key), str)
        ),
        None,
    )
    if text is None:
        raise ValueError(f"{what} has no text")
    metadata = value.get("metadata")
    more = metadata if isinstance(metadata, Mapping) else {}

    def label(*names: str) -> str:
        for source in (value, more):
            for name in names:
                found = source.get(name)
                if isinstance(found, (str, int)) and not isinstance(found, bool) and found != "":
                    return str(found)
        return ""

    return Document(
        id=label("id", "id_", "node_id", "document_id", "doc_id") or f"document-{index + 1}",
        text=text,
        title=label("title", "name"),
        source=label("source", "url", "uri", "file_name", "file_path"),
        trusted=value.get("trusted") is True,
    )


def parse_documents(value: Any, *, what: str) -> tuple[Document, ...]:
    """A list of documents; None is an empty list. Raises ValueError."""
    if value is None:
        return ()
    if not _is_list(value):
        raise ValueError(f"{what} is a {_kind(value)}, not a list")
    return tuple(parse_document(item, index, what=f"{what}[{index}]") for index, item in enumerate(value))


def parse_trace(trace: Mapping[str, Any]) -> tuple[tuple[Message, ...], tuple[Document, ...], JsonObject]:
    """What a server tells of its inside under ``safecase_trace``: messages, documents, end state.

    ``messages`` are the turn's inner messages; where absent they are made of ``tool_calls``, each with
    ``name``, ``arguments``, ``result`` and ``is_error``. Raises ValueError.
    """
    if depth_exceeds(trace):
        raise ValueError("safecase_trace nests too deep")
    documents = parse_documents(trace.get("documents"), what="safecase_trace.documents")
    state = trace.get("final_state")
    final_state = state if isinstance(state, dict) else {}
    if trace.get("messages") is not None:
        return parse_messages(trace["messages"], what="safecase_trace.messages"), documents, final_state
    messages: list[Message] = []
    calls = trace.get("tool_calls")
    for index, call in enumerate(parse_tool_calls(calls, what="safecase_trace.tool_calls")):
        raw = calls[index] if isinstance(calls, list) else {}
        result: JsonValue = raw.get("result") if isinstance(raw, Mapping) else None
        messages.append(Message(role=MessageRole.ASSISTANT, tool_calls=(call,)))
        messages.append(
            Message(
                role=MessageRole.TOOL,
                content=result if isinstance(result, str) else _as_text(result),
                tool_call_id=call.id,
                name=call.name,
                is_error=isinstance(raw, Mapping) and raw.get("is_error") is True,
            )
        )
    return tuple(messages), documents, final_state


def _attributes(value: Any, what: str) -> dict[str, Any]:
    """Public data of an object such as a LangChain message or a LlamaIndex node."""
    known = (
        "role",
        "type",
        "content",
        "text",
        "tool_calls",
        "tool_call_id",
        "name",
        "status",
        "page_content",
        "metadata",
        "node",
        "id",
        "id_",
        "node_id",
    )
    found = {name: getattr(value, name) for name in known if getattr(value, name, None) is not None}
    found = {name: item for name, item in found.items() if not callable(item)}
    role = found.get("role")
    if role is not None and hasattr(role, "value"):
        found["role"] = role.value
    if not found:
        raise ValueError(f"{what} is a {_kind(value)}, which is not understood")
    return found


def _is_list(value: Any) -> bool:
    return isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray))


def _kind(value: Any) -> str:
    return "null" if value is None else type(value).__name__
