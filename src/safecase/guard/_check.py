"""The seam between the pipeline and its checks."""

from __future__ import annotations

from typing import Protocol, runtime_checkable

from safecase.guard._content import Content
from safecase.model import CheckResult, FlowPoint


@runtime_checkable
class Check(Protocol):
    """Reads one content and says what it found. Built once, used from many threads: keeps no state
    of one message; state of a session is kept behind a lock."""

    version: str
    surfaces: frozenset[FlowPoint]
    """Where the check can look at all."""

    def inspect(self, content: Content) -> CheckResult:
        """Read one content. No network, bounded time."""


@runtime_checkable
class RemoteCheck(Protocol):
    """A check that awaits something outside of the process, a judge for instance; declared remote."""

    version: str
    surfaces: frozenset[FlowPoint]

    async def inspect_async(self, content: Content) -> CheckResult:
        """Read one content."""


class StreamStage(Protocol):
    """Watches one answer while it is being written. Made anew for each answer."""

    def feed(self, chunk: str) -> str:
        """Take the next piece; returns what may go on now. What it holds back comes out later."""

    def finish(self) -> str:
        """The answer is complete; returns what was held back."""

    @property
    def result(self) -> CheckResult:
        """What was found up to now; offsets count from the start of what this stage was fed."""


@runtime_checkable
class StreamingCheck(Check, Protocol):
    """A check that can clear an answer piece by piece, holding back no more than it must."""

    def open_stream(self, content: Content) -> StreamStage:
        """A stage for one answer. ``content.text`` is empty; the rest of it is known already."""


@runtime_checkable
class WindowedCheck(Check, Protocol):
    """A check that needs no more than a passage to see what it looks for, so that an answer can go out
    sentence by sentence. It never replaces text."""

    windowed: bool
    """False for an object that needs the whole answer after all."""
    holdback: int
    """Characters at the end of what was written that are kept back, because what follows may complete a
    find; 0 where a sentence is enough."""


@runtime_checkable
class RestoringCheck(Protocol):
    """A check that replaces values by tokens and knows the way back."""

    def restore(self, session: str, text: str) -> str:
        """``text`` with the session's tokens replaced by what they stand for."""
