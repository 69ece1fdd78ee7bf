"""What a check is given to read: one text on one surface, and what is known around it."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property

from safecase.guard._linear.hashing import Features, extract
from safecase.model import Document, FlowPoint, Message, MessageRole, ToolCall
from safecase.text import Reading, Readings, read_all


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
    _features: dict[int, Features] = field(default_factory=dict, init=False, repr=False, compare=False)
    """By the identity of the reading, all of which live as long as the content does."""

    @property
    def asked(self) -> str:
        """What the user said last, "" where nothing is known of it."""
        return next((m.text for m in reversed(self.conversation) if m.role is MessageRole.USER), "")

    @cached_property
    def readings(self) -> Readings:
        """The text as it came and all that it says; made once, shared by all checks."""
        return read_all(self.text)

    def features_of(self, reading: Reading) -> Features:
        """What classifiers read of one of the readings; made once for all of them."""
        made = self._features.get(id(reading))
        if made is None:
            made = self._features[id(reading)] = extract(reading.text)
        return made
