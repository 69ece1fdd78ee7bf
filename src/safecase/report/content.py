"""What a report is made of. Everything is computed elsewhere; this room only lays it out."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from safecase.model import Attempt, Case, Decision, Risk, RunManifest, ScorerCard, System, Verdict
from safecase.report.charts.trade_off import TradeOffPoint


@dataclass(frozen=True, slots=True)
class WorstTranscript:
    """An attempt that readers should see, with its case and the reason why it is shown."""

    attempt: Attempt
    case: Case
    why: str


@dataclass(frozen=True, slots=True)
class CoverageRow:
    """How much of one risk was tried, and what came of it."""

    risk: Risk
    cases: int
    families: int
    attempts: int
    violated: int
    undetermined: int
    errors: int
    held_out: int
    languages: tuple[str, ...]
    skipped: int = 0


@dataclass(frozen=True, slots=True)
class ResidualRisk:
    """A risk that remains, who accepted it and until when."""

    risk: Risk
    note: str
    acceptance: str = ""


@dataclass(frozen=True, slots=True)
class DecisionShown:
    """What was decided on the verdict of the page."""

    decision: Decision
    names: tuple[str, ...]
    """Who signed: person, role, and whether the name is a signature or a claim."""
    state: str = ""
    """Why it is not in force; empty where it is."""


@dataclass(frozen=True, slots=True)
class ReportContent:
    """Everything that a report shows."""

    title: str
    system: System
    manifest: RunManifest
    verdict: Verdict
    made_at: datetime
    worst: tuple[WorstTranscript, ...] = ()
    coverage: tuple[CoverageRow, ...] = ()
    residual: tuple[ResidualRisk, ...] = ()
    trade_offs: tuple[TradeOffPoint, ...] = ()
    cards: tuple[ScorerCard, ...] = ()
    uncalibrated: tuple[str, ...] = ()
    decisions: tuple[DecisionShown, ...] = ()
    rule_changes: tuple[str, ...] = ()
    """What changed of the rules since people last decided on this line, a line each."""
    redactions: dict[str, int] = field(default_factory=dict)
    planned: int = 0
    recorded: int = 0
    skipped: int = 0
    cost_usd: float | None = None
    latency_note: str = ""
