"""The seam between the pipeline and its checks."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, runtime_checkable

from safecase.base import JsonObject, Registry
from safecase.guard._content import Content
from safecase.model import CheckResult, FlowPoint, Target


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


CHECKS: Registry[CheckFactory] = Registry(
    "guard check",
    {
        "harm": "safecase.guard.harm.harm:build",
        "injection": "safecase.guard.injection.injection:build",
        "escalation": "safecase.guard.injection.escalation:build",
        "neural_injection": "safecase.guard.injection.neural_injection:build",
        "pii": "safecase.guard.personal_data.pii:build",
        "secrets": "safecase.guard.personal_data.secrets:build",
        "leak": "safecase.guard.leaks.leak:build",
        "exfiltration": "safecase.guard.links.exfiltration:build",
        "policy_categories": "safecase.guard.harm.policy_categories:build",
        "groundedness": "safecase.guard.grounding.groundedness:build",
        "hidden_text": "safecase.guard.hidden_text.hidden_text:build",
        "high_stakes_advice": "safecase.guard.advice.high_stakes_advice:build",
        "ai_disclosure": "safecase.guard.advice.ai_disclosure:build",
        "json_schema": "safecase.guard.structure.json_schema:build",
        "judge": "safecase.guard.judges.judge:build",
        "tool_policy": "safecase.guard.tools.tool_policy:build",
    },
)
"""Kinds of checks by name; outside packages add theirs by the entry-point group ``safecase.guard_check``."""
