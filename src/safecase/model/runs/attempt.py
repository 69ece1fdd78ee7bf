"""What happened when a case was tried: scores, the outcome, and the attempt that holds them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from safecase.base import JsonValue, Record
from safecase.model.runs.failures import FailureKind
from safecase.model.runs.transcript import Transcript, Usage
from safecase.model.vocabulary import AttackClass, ErrorOrigin, HarmClass, OutcomeKind, Severity


class ScoreSpan(Record):
    """The piece of a transcript that a score rests on.

    ``start`` and ``end`` are character offsets into the text of message ``message``; -1 means the
    evidence is not a piece of text (a tool call, the end state).
    """

    message: int = -1
    start: int = -1
    end: int = -1
    text: str = ""
    """The piece itself, shortened and with secrets masked."""


class Score(Record):
    """One scorer's reading of one transcript. ``undetermined`` is an answer; a guess is not."""

    scorer: str
    scorer_version: str
    outcome: OutcomeKind
    value: float | None = None
    """The scorer's own continuous value where it has one (overlap, probability, confidence)."""
    label: str = ""
    """A finer class where the scorer has one: ``full_refusal``, ``partial_refusal``..."""
    explanation: str = ""
    evidence: tuple[ScoreSpan, ...] = ()
    judge_model: str = ""
    """The judge's resolved model id, where a judge decided."""
    judge_is_target: bool = False
    usage: Usage | None = None
    metadata: dict[str, JsonValue] = {}


class AttemptError(Record):
    """Why an attempt has no verdict: who failed, how, after how many tries."""

    origin: ErrorOrigin
    kind: FailureKind
    message: str
    tries: int = 1


class PlannedAttempt(Record):
    """One place in the draw order."""

    draw: int
    """Position in the pre-registered draw order, from 0."""
    case_id: str
    repeat: int = 0
    seed: int = 0

    @property
    def id(self) -> str:
        """``case#repeat``, unique in a run."""
        return f"{self.case_id}#{self.repeat}"


class Attempt(Record):
    """One case × one repeat × one target version, as it stands in the run log."""

    draw: int
    case_id: str
    case_digest: str
    repeat: int = 0
    seed: int = 0
    outcome: OutcomeKind
    scores: tuple[Score, ...] = ()
    error: AttemptError | None = None
    transcript: Transcript = Transcript()
    started_at: datetime
    latency_ms: float = 0.0
    """Wall time that the target took, retries and queueing excluded."""
    usage: Usage = Usage()
    cached: bool = False

    @property
    def id(self) -> str:
        """``case#repeat``, unique in a run."""
        return f"{self.case_id}#{self.repeat}"


class AttemptSummary(Record):
    """The columns that gates compute on: an attempt without its transcript, joined to its case."""

    draw: int
    case_id: str
    repeat: int
    family: str
    suite: str
    risk: str
    severity: Severity
    attack: AttackClass | None
    harm: HarmClass
    language: str
    benign: bool
    group: str = ""
    held_out: bool = False
    tags: tuple[str, ...] = ()
    outcome: OutcomeKind
    error_origin: ErrorOrigin | None = None
    scorers: tuple[str, ...] = ()
    label: str = ""
    value: float | None = None
    latency_ms: float = 0.0
    input_tokens: int = 0
    output_tokens: int = 0
    cost_usd: float | None = None
    cached: bool = False


def combine_outcomes(outcomes: Sequence[OutcomeKind]) -> OutcomeKind:
    """The outcome of a case with several expectations: all must hold.

    One violation decides. Without one, an error or an undetermined score leaves the case open,
    because the missing answer might have been a violation. Raises ValueError on no outcomes.
    """
    if not outcomes:
        raise ValueError("a case without a score has no outcome")
    for kind in (OutcomeKind.VIOLATED, OutcomeKind.ERROR, OutcomeKind.UNDETERMINED):
        if kind in outcomes:
            return kind
    return OutcomeKind.HELD
