"""What was said and done in one attempt: messages, tool calls, retrieved documents, end state."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum

from safecase.base import JsonObject, JsonValue, Record


class MessageRole(StrEnum):
    """Who speaks."""

    SYSTEM = "system"
    USER = "user"
    ASSISTANT = "assistant"
    TOOL = "tool"


class ContentPart(Record):
    """One part of a message. Text stands inline; media stand by reference with their digest."""

    type: str = "text"
    """``text``, ``image``, ``audio``, ``video`` or ``document``."""
    text: str = ""
    media_type: str = ""
    uri: str = ""
    """Path relative to the workspace, or a data: URI."""
    digest: str = ""


class ToolCall(Record):
    """A call that the system under test made, with its arguments as parsed JSON."""

    name: str
    arguments: JsonObject = {}
    id: str = ""
    arguments_text: str = ""
    """The raw argument text, kept where it did not parse as a JSON object."""


class ToolDefinition(Record):
    """A tool offered to the system under test: name, purpose and JSON Schema of its arguments."""

    name: str
    description: str = ""
    parameters: JsonObject = {}


class Document(Record):
    """A retrieved or supplied document. Untrusted unless said otherwise."""

    id: str
    text: str
    title: str = ""
    source: str = ""
    trusted: bool = False


class Message(Record):
    """One turn of a conversation."""

    role: MessageRole
    content: str | tuple[ContentPart, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str = ""
    name: str = ""
    is_error: bool = False
    """For a tool message: the tool reported a failure."""

    @property
    def text(self) -> str:
        """The message's text, parts joined by line breaks."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content if part.text)


class Usage(Record):
    """Tokens and money of one attempt. ``cost_usd`` is None where no price is known."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    calls: int = 0
    cost_usd: float | None = None


class Transcript(Record):
    """The whole conversation of one attempt, prompts included."""

    messages: tuple[Message, ...] = ()
    documents: tuple[Document, ...] = ()
    """Everything that the system retrieved or was given, in order."""
    final_state: JsonObject = {}
    """The environment's state after the last turn, where the target can tell it."""
    finish_reason: str = ""
    """The provider's word for why the last answer ended; ``content_filter`` marks a block."""
    model: str = ""
    """The model id that the provider resolved the request to."""
    metadata: dict[str, JsonValue] = {}

    @property
    def response(self) -> str:
        """The text of the last assistant message, empty where there is none."""
        for message in reversed(self.messages):
            if message.role is MessageRole.ASSISTANT:
                return message.text
        return ""

    @property
    def responses(self) -> tuple[str, ...]:
        """The text of each assistant message, in order."""
        return tuple(message.text for message in self.messages if message.role is MessageRole.ASSISTANT)

    @property
    def prompt(self) -> str:
        """The text of the last user message, empty where there is none."""
        for message in reversed(self.messages):
            if message.role is MessageRole.USER:
                return message.text
        return ""

    def tool_calls(self) -> Iterator[ToolCall]:
        """Each tool call in the order in which it was made."""
        for message in self.messages:
            yield from message.tool_calls
