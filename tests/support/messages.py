"""Messages and conversations."""

from __future__ import annotations

from typing import Any

from safecase.base import JsonObject
from safecase.model import ContentPart, Message, MessageRole, ToolCall, Transcript


def user(content: str | tuple[ContentPart, ...]) -> Message:
    """What a person says."""
    return Message(role=MessageRole.USER, content=content)


def assistant(text: str = "", *calls: ToolCall) -> Message:
    """What the system answers, with the tools that it calls."""
    return Message(role=MessageRole.ASSISTANT, content=text, tool_calls=calls)


def calling(*calls: tuple[str, JsonObject]) -> Message:
    """An answer that only calls tools, each given as its name and its arguments."""
    return assistant(
        "",
        *(
            ToolCall(name=name, arguments=arguments, id=f"call-{index}")
            for index, (name, arguments) in enumerate(calls)
        ),
    )


def used(name: str, result: str, /, *, error: bool = False, **arguments: Any) -> tuple[Message, Message]:
    """A call of a tool and the result that came back."""
    call = ToolCall(name=name, arguments=arguments, id=f"{name}1")
    return (
        assistant("", call),
        Message(role=MessageRole.TOOL, content=result, tool_call_id=call.id, is_error=error),
    )


def transcript(*answers: str | Message, prompt: str = "A question", **fields: Any) -> Transcript:
    """A conversation that a prompt began, with one message for each answer."""
    messages = [assistant(answer) if isinstance(answer, str) else answer for answer in answers]
    return Transcript(messages=(user(prompt), *messages), **fields)
