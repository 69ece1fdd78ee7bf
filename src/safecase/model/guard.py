"""What a guard says: surfaces, actions, verdicts with their evidence, and the decision over all of them.

What is made for every message is a plain slotted dataclass, because a live service makes several of
them for each.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Literal

from pydantic import Field, model_validator

from safecase.base import InputError, JsonObject, JsonValue, PythonReference, Record


class FlowPoint(StrEnum):
    """Where in the flow of a conversation a guard looks."""

    USER_INPUT = "user_input"
    UNTRUSTED_CONTENT = "untrusted_content"
    """Retrieved documents and results of tools: data, never instructions."""
    TOOL_CALL = "tool_call"
    MODEL_OUTPUT = "model_output"

    @classmethod
    def parse(cls, text: str) -> FlowPoint:
        """The surface of that name; raises InputError for another word."""
        try:
            return cls(text)
        except ValueError:
            names = ", ".join(item.value for item in cls)
            raise InputError(f"there is no surface '{text}'", hint=names) from None


class GuardAction(StrEnum):
    """What is to happen, from the mildest to the strictest."""

    ALLOW = "allow"
    REDACT = "redact"
    FLAG = "flag"
    REQUIRE_APPROVAL = "require_approval"
    BLOCK = "block"

    @property
    def strictness(self) -> int:
        """0 for allow up to 4 for block; of several actions the strictest wins."""
        return _STRICTNESS[self.value]


_STRICTNESS = {action.value: place for place, action in enumerate(GuardAction)}


class CheckFailure(StrEnum):
    """Why a check could not say anything."""

    ERROR = "error"
    TIMEOUT = "timeout"


@dataclass(frozen=True, slots=True)
class TextSpan:
    """A place in the text as it was received: ``text[start:end]``, and what stands there.

    The text itself is not repeated, so that a log of verdicts never echoes a secret.
    """

    start: int
    end: int
    label: str


@dataclass(frozen=True, slots=True)
class Replacement:
    """What a redaction puts in place of ``text[start:end]``."""

    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class CheckResult:
    """What one check found in one content. ``score`` in [0, 1], or None where the check has no score."""

    action: GuardAction = GuardAction.ALLOW
    score: float | None = None
    reason: str = ""
    """One sentence for a log; never holds the text that was inspected."""
    evidence: tuple[TextSpan, ...] = ()
    replacements: tuple[Replacement, ...] = ()
    """Disjoint, in order of ``start``."""
    details: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class GuardVerdict:
    """One check's result, with who said it, where and how long it took."""

    check: str
    version: str
    surface: FlowPoint
    action: GuardAction
    score: float | None
    reason: str
    evidence: tuple[TextSpan, ...]
    replacements: tuple[Replacement, ...]
    details: Mapping[str, JsonValue]
    latency_seconds: float
    failure: CheckFailure | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON, without the replacements' texts (a token of a vault is nobody else's business)."""
        return {
            "check": self.check,
            "version": self.version,
            "surface": self.surface.value,
            "action": self.action.value,
            "score": self.score,
            "reason": self.reason,
            "evidence": [{"start": e.start, "end": e.end, "label": e.label} for e in self.evidence],
            "details": dict(self.details),
            "latency_ms": round(self.latency_seconds * 1000, 4),
            "failure": self.failure.value if self.failure else None,
        }


@dataclass(frozen=True, slots=True)
class GuardDecision:
    """All verdicts on one content, and what follows from them."""

    surface: FlowPoint
    action: GuardAction
    text: str
    """The text that may go on: redacted where a check asked for it, empty where it is blocked."""
    verdicts: tuple[GuardVerdict, ...]
    latency_seconds: float

    @property
    def blocked(self) -> bool:
        """Nothing may go on."""
        return self.action is GuardAction.BLOCK

    @property
    def allowed(self) -> bool:
        """The text may go on now, redacted or flagged perhaps; False also where approval is awaited."""
        return self.action not in (GuardAction.BLOCK, GuardAction.REQUIRE_APPROVAL)

    @property
    def reasons(self) -> tuple[str, ...]:
        """The reasons of the verdicts that hold the decision's action."""
        return tuple(v.reason for v in self.verdicts if v.action is self.action and v.reason)

    @property
    def failures(self) -> tuple[GuardVerdict, ...]:
        """Verdicts of checks that crashed or ran out of time."""
        return tuple(v for v in self.verdicts if v.failure is not None)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for a log; holds neither the text nor a replacement."""
        return {
            "surface": self.surface.value,
            "action": self.action.value,
            "latency_ms": round(self.latency_seconds * 1000, 4),
            "verdicts": [verdict.to_json() for verdict in self.verdicts],
        }


class GuardCheckConfiguration(Record):
    """One check as a control declares it in its ``configuration``."""

    check: str = ""
    """Kind of check: a name of the guard's registry."""
    python: PythonReference | None = None
    """Or a class of a Python file of the workspace: ``my_checks:NoShouting``."""
    surfaces: tuple[FlowPoint, ...] = ()
    """Where it looks; empty: wherever its kind can."""
    parameters: JsonObject = {}
    on_failure: Literal["closed", "open"] | None = None
    """What a crash or a time-out means: closed blocks, open lets pass; both are counted. None: closed where
    the control serves a sev1 risk, open otherwise."""
    timeout_ms: float | None = Field(default=None, gt=0)
    """Longest time for one content; the check then runs beside the caller's thread. None: no limit, for
    checks whose work is bounded by the length of the text."""
    remote: bool = False
    """The check leaves the process. A check that does and is not declared so is refused."""
    enabled: bool = True

    @model_validator(mode="after")
    def _one_of_both(self) -> GuardCheckConfiguration:
        if bool(self.check) == (self.python is not None):
            raise ValueError("needs either 'check' (a kind) or 'python' (module:class)")
        return self
