"""What Python code hands back, read as a TargetReply: text, mapping, messages, framework objects."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import Any

from safecase.base import JsonObject, JsonValue, replace_surrogates
from safecase.model import ContentPart, Document, Message, MessageRole, TargetReply, ToolCall, Usage
from safecase.targets._conversation import parse_content, parse_documents, parse_messages, parse_tool_calls
from safecase.targets._http.json_body import count_of, plain, text_of
from safecase.targets._http.keys import KnownKeys

TEXT_KEYS = ("text", "content", "answer", "response", "output", "output_text", "result", "completion")
DOCUMENT_KEYS = ("documents", "source_documents", "source_nodes", "context", "contexts", "sources")
_STATE_KEYS = ("final_state", "state")
_KNOWN = frozenset(
    {
        *TEXT_KEYS,
        *DOCUMENT_KEYS,
        *_STATE_KEYS,
        "messages",
        "tool_calls",
        "model",
        "usage",
        "usage_metadata",
        "finish_reason",
        "metadata",
    }
)


def read_reply(value: Any, *, sent: int = 0) -> TargetReply:
    """``value`` as a reply. ``sent`` is the number of messages that went in.

    A list of messages that begins with what was sent (LangGraph's way) loses that beginning. Raises
    ValueError that says what was handed back where it is nothing that can be read.
    """
    if isinstance(value, TargetReply):
        return value
    if isinstance(value, str):
        return TargetReply(messages=(_assistant(value),), usage=Usage(calls=1))
    if value is None:
        raise ValueError("it returned None instead of an answer")
    if isinstance(value, Message):
        return TargetReply(messages=(_clean(value),), usage=Usage(calls=1))
    if isinstance(value, Mapping):
        return _from_mapping(value, sent)
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray)):
        return TargetReply(messages=_turn(value, sent), usage=Usage(calls=1))
    if inspect.isgenerator(value) or inspect.isasyncgen(value):
        raise ValueError("it returned a generator; streaming answers are not read, join them first")
    return _from_object(value)


def without_keys(reply: TargetReply, keys: KnownKeys) -> TargetReply:
    """The reply with every key masked; itself where it holds none."""
    if not keys:
        return reply
    data = reply.model_dump(mode="json", warnings=False)
    masked = keys.mask(data)
    return reply if masked == data else TargetReply.model_validate(masked)


def _assistant(content: str | tuple[ContentPart, ...], calls: tuple[ToolCall, ...] = ()) -> Message:
    """What the application said, as a message that can be stored as UTF-8."""
    if isinstance(content, str):
        content = replace_surrogates(str(content))
    return Message(role=MessageRole.ASSISTANT, content=content, tool_calls=calls)


def _clean(message: Message) -> Message:
    """The message without lone surrogates."""
    if not isinstance(message.content, str):
        return message
    text = replace_surrogates(message.content)
    return message if text == message.content else message.model_copy(update={"content": text})


def _turn(value: Any, sent: int) -> tuple[Message, ...]:
    """The new messages; an application may hand back the whole conversation."""
    messages = tuple(_clean(item) for item in parse_messages(value, what="messages"))
    if len(messages) > sent and any(item.role is MessageRole.USER for item in messages[:sent]):
        messages = messages[sent:]
    if not messages:
        raise ValueError("it returned an empty list of messages")
    return messages


def _from_mapping(value: Mapping[Any, Any], sent: int) -> TargetReply:
    calls = parse_tool_calls(value.get("tool_calls"), what="tool_calls")
    key = next((name for name in TEXT_KEYS if value.get(name) is not None), None)
    if value.get("messages") is not None:
        messages = _turn(value["messages"], sent)
    elif key is not None:
        answer = value[key]
        if isinstance(answer, Mapping):
            return _from_mapping(answer, sent)
        messages = (_assistant(_content(answer, key), calls),)
    elif calls:
        messages = (_assistant("", calls),)
    else:
        keys = ", ".join(sorted(str(name) for name in value)) or "none"
        raise ValueError(
            f"it returned a mapping without an answer (keys: {keys}); use one of {', '.join(TEXT_KEYS)}"
        )
    documents: tuple[Document, ...] = ()
    source = next((name for name in DOCUMENT_KEYS if isinstance(value.get(name), (list, tuple))), None)
    if source is not None:
        documents = parse_documents(value[source], what=source)
    state: Any = next((value[name] for name in _STATE_KEYS if value.get(name) is not None), {})
    metadata = dict(_json_object(value.get("metadata"), "metadata"))
    metadata.update({str(name): _json(item, str(name)) for name, item in value.items() if name not in _KNOWN})
    return TargetReply(
        messages=messages,
        documents=documents,
        final_state=_json_object(state, "final_state"),
        finish_reason=text_of(value.get("finish_reason")),
        model=text_of(value.get("model")),
        usage=_usage(value.get("usage", value.get("usage_metadata"))),
        metadata=metadata,
    )


def _content(value: Any, what: str) -> str | tuple[ContentPart, ...]:
    """The content of a reply: text, parts, or an object that has some."""
    if isinstance(value, str):
        return value
    if isinstance(value, (list, tuple)):
        return parse_content(value, what=what)
    inner = getattr(value, "content", None)
    if isinstance(inner, str):
        return inner
    return str(plain(value, what=what))


def _json(value: Any, what: str) -> JsonValue:
    """Extra output as JSON; what has no such form by its type's name."""
    try:
        return plain(value, what=what)
    except ValueError:
        # Extra output that nobody asked for must not turn a good answer into a failure.
        return f"({type(value).__name__})"


def _json_object(value: Any, what: str) -> JsonObject:
    if value is None:
        return {}
    result = plain(value, what=what)
    if not isinstance(result, dict):
        raise ValueError(f"{what} is a {type(value).__name__}, not an object")
    return result


def _usage(value: Any) -> Usage:
    """Usage by the names of either large provider; one call at least was made."""
    if not isinstance(value, Mapping):
        dump = getattr(value, "model_dump", None)
        value = dump() if callable(dump) else {}
    return Usage(
        input_tokens=count_of(value.get("input_tokens", value.get("prompt_tokens"))),
        output_tokens=count_of(value.get("output_tokens", value.get("completion_tokens"))),
        cached_tokens=count_of(value.get("cached_tokens")),
        calls=max(1, count_of(value.get("calls"))),
    )


def _from_object(value: Any) -> TargetReply:
    """LangChain messages (``content``), LlamaIndex responses (``response``, ``source_nodes``), ``text``."""
    for name in ("content", "response", "text", "output", "message"):
        answer = getattr(value, name, None)
        if answer is None or callable(answer):
            continue
        if name == "message" and not isinstance(answer, str):
            answer = getattr(answer, "content", None)
        if not isinstance(answer, (str, list, tuple)):
            continue
        about = getattr(value, "response_metadata", None)
        about = about if isinstance(about, Mapping) else {}
        nodes = getattr(value, "source_nodes", None)
        return TargetReply(
            messages=(
                _assistant(
                    parse_content(answer, what=name),
                    parse_tool_calls(getattr(value, "tool_calls", None) or None, what="tool_calls"),
                ),
            ),
            documents=parse_documents(nodes, what="source_nodes") if isinstance(nodes, (list, tuple)) else (),
            finish_reason=text_of(about.get("finish_reason", about.get("stop_reason"))),
            model=text_of(about.get("model_name", about.get("model"))),
            usage=_usage(getattr(value, "usage_metadata", None) or getattr(value, "usage", None)),
        )
    raise ValueError(f"it returned a {type(value).__name__}, which is no answer that can be read")
