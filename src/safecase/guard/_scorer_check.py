"""A scorer as a check: what measures an answer in an evaluation guards it in production, by the same code."""

from __future__ import annotations

from collections.abc import Awaitable
from dataclasses import replace
from functools import lru_cache
from typing import Literal

from safecase.base import InputError
from safecase.guard._content import Content
from safecase.model import (
    Case,
    CheckResult,
    Expectation,
    FlowPoint,
    GuardAction,
    HarmClass,
    Message,
    MessageRole,
    OutcomeKind,
    Score,
    Scorer,
    Severity,
    TextSpan,
    Transcript,
)

Action = Literal["block", "flag", "require_approval"]
_MOST_EVIDENCE = 32
"""Spans of a verdict: enough to see why, few enough for a log. Chosen without measurement."""


class ScorerCheck:
    """Acts where the scorer finds the answer violated; an undetermined answer passes without a score."""

    surfaces = frozenset({FlowPoint.MODEL_OUTPUT})

    def __init__(
        self, scorer: Scorer, *, action: Action = "block", windowed: bool = False, holdback: int = 0
    ) -> None:
        self._scorer = scorer
        self._action = GuardAction(action)
        self.version = f"{scorer.name}-{scorer.version}"
        self.windowed = windowed
        """True: a passage with what stands before it is enough to see what the scorer looks for."""
        self.holdback = holdback
        """Characters at the end of what was written that are kept back on a stream."""

    def inspect(self, content: Content) -> CheckResult:
        """Score the answer in its conversation."""
        score = self._scorer.score(_case(), transcript_of(content))
        if isinstance(score, Awaitable):
            raise InputError(f"scorer '{self._scorer.name}' asks a model: declare it as a remote check")
        return result_of(score, self._action, content)


class RemoteScorerCheck:
    """The same for a scorer that asks a judge; its refusal or unreadable answer is no verdict."""

    surfaces = frozenset({FlowPoint.MODEL_OUTPUT})

    def __init__(self, scorer: Scorer, *, action: Action = "block") -> None:
        self._scorer = scorer
        self._action = GuardAction(action)
        self.version = f"{scorer.name}-{scorer.version}"

    async def inspect_async(self, content: Content) -> CheckResult:
        """Ask the judge. Raises RuntimeError where it gave no verdict, so that the failure is counted."""
        score = self._scorer.score(_case(), transcript_of(content))
        if isinstance(score, Awaitable):
            score = await score
        if score.outcome is OutcomeKind.UNDETERMINED:
            raise RuntimeError("the judge gave no verdict")
        return result_of(score, self._action, content)


@lru_cache(maxsize=1)
def _case() -> Case:
    """Scorers read a case for its expectations; live traffic has none."""
    return Case(
        id="live", suite="live", risk="live", severity=Severity.SEV2, family="live",
        harm=HarmClass.UNSAFE_INSTRUCTION_FOLLOWING,
        messages=(Message(role=MessageRole.USER, content=""),),
        expect=(Expectation(scorer="live"),),
    )  # fmt: skip


def transcript_of(content: Content) -> Transcript:
    """The conversation with the content as its last answer."""
    messages = content.conversation
    if content.system_prompt and not any(m.role is MessageRole.SYSTEM for m in messages):
        messages = (Message(role=MessageRole.SYSTEM, content=content.system_prompt), *messages)
    answer = Message(role=MessageRole.ASSISTANT, content=content.text)
    return Transcript(messages=(*messages, answer), documents=content.documents)


def invert_score(found: CheckResult) -> CheckResult:
    """The result with its score turned round: a scorer's 1 is good, a guard's is bad."""
    return found if found.score is None else replace(found, score=1 - found.score)


def result_of(score: Score, action: GuardAction, content: Content) -> CheckResult:
    """What a score means for a guard. The scorer's explanation may quote, so only its label is told."""
    if score.outcome is not OutcomeKind.VIOLATED:
        return CheckResult(score=score.value if score.outcome is OutcomeKind.HELD else None)
    size = len(content.text)
    spans = tuple(
        TextSpan(item.start, min(item.end, size), score.label or score.scorer)
        for item in score.evidence[:_MOST_EVIDENCE]
        if 0 <= item.start < item.end and item.start < size
    )
    label = (score.label or "violated").replace("_", " ")
    return CheckResult(
        action,
        score.value,
        f"{score.scorer.replace('_', ' ')}: {label}",
        spans or (TextSpan(0, size, score.label or score.scorer),),
    )
