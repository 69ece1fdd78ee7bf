"""What a check is given to read: one text on one surface, and what is known around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from safecase.guard._views import Views, make_views
from safecase.model import Document, FlowPoint, Message, MessageRole, ToolCall


@dataclass
class Content:
    """One text to be inspected. Checks read it and never change it."""

    surface: FlowPoint
    text: str
    conversation: tuple[Message, ...] = ()
    """Earlier messages of the conversation, oldest first, without this one."""
    documents: tuple[Document, ...] = ()
    """What was retrieved or supplied for the answer: the ground of groundedness."""
    system_prompt: str = ""
    tool_call: ToolCall | None = None
    """For `Surface.TOOL_CALL`; ``text`` then holds the arguments as JSON."""
    session: str = ""
    """Names the session, for budgets and conversation-level scores; empty: a session of its own."""
    segment: str = ""
    """The group of users, for thresholds by segment."""
    language: str = ""
    """BCP 47 tag where the caller knows it."""
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def asked(self) -> str:
        """What the user said last, "" where nothing is known of it."""
        return next((m.text for m in reversed(self.conversation) if m.role is MessageRole.USER), "")

    @cached_property
    def views(self) -> Views:
        """The original and the normalised views of the text; made once, shared by all checks."""
        return make_views(self.text)
