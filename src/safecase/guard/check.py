"""The seam between the pipeline and its checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from safecase.guard.content import Content
from safecase.model.base import JsonObject
from safecase.model.guard import CheckResult, Surface
from safecase.model.protocols import Target
from safecase.model.registry import Registry


@runtime_checkable
class Check(Protocol):
    """Reads one content and says what it found. Built once, used from many threads: keeps no state
    of one message; state of a session is kept behind a lock."""

    version: str
    surfaces: frozenset[Surface]
    """Where the check can look at all."""

    def inspect(self, content: Content) -> CheckResult:
        """Read one content. No network, bounded time."""


@runtime_checkable
class RemoteCheck(Protocol):
    """A check that awaits something outside of the process, a judge for instance; declared remote."""

    version: str
    surfaces: frozenset[Surface]

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


@dataclass(frozen=True)
class CheckContext:
    """What a check may need to know when it is built."""

    root: Path = field(default_factory=Path)
    """Folder that the parameters' relative paths start from; nothing outside of it is read."""
    canaries: tuple[str, ...] = ()
    system_prompt: str = ""
    judges: Mapping[str, Target] = field(default_factory=dict)
    """Target id → target, for the checks that ask a model."""


class CheckFactory(Protocol):
    """Builds a check from the parameters that a workspace or a caller declares."""

    def __call__(self, parameters: JsonObject, context: CheckContext) -> Check | RemoteCheck:
        """Raises InputError where the parameters are wrong."""


guard_checks: Registry[CheckFactory] = Registry(
    "guard check",
    {
        "harm": "safecase.guard.harm.check:build",
        "injection": "safecase.guard.injection.check:build",
        "escalation": "safecase.guard.injection.escalation:build",
        "neural_injection": "safecase.guard.injection.neural:build",
        "pii": "safecase.guard.pii.check:build",
        "secrets": "safecase.guard.pii.secrets:build",
        "leak": "safecase.guard.output.leak:build",
        "exfiltration": "safecase.guard.output.exfiltration:build",
        "policy_categories": "safecase.guard.output.policy_categories:build",
        "groundedness": "safecase.guard.output.groundedness:build",
        "hidden_text": "safecase.guard.hidden_text:build",
        "high_stakes_advice": "safecase.guard.output.advice:build",
        "ai_disclosure": "safecase.guard.output.disclosure:build",
        "json_schema": "safecase.guard.output.structured:build",
        "judge": "safecase.guard.output.judge:build",
        "tool_policy": "safecase.guard.tools.check:build",
    },
)
"""Kinds of checks by name; outside packages add theirs by the entry-point group ``safecase.guard_check``."""
