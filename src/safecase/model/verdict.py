"""What the records say about a gate's rules, and the verdict."""

from __future__ import annotations

from safecase.base import JsonValue, Record
from safecase.model.estimate import Estimate
from safecase.model.rule import GateRule
from safecase.model.vocabulary import RuleStatus, RunPurpose, VerdictKind


class CategoryResult(Record):
    """What the records say about one category of one rule."""

    category: str
    status: RuleStatus
    estimate: Estimate | None = None
    decided_at: int | None = None
    """Attempts consumed, in draw order, when the category was decided; None where it was not."""
    decision: str = ""
    """``ship``, ``futility``, ``block_proven``, ``census``, ``exhausted``, ``fixed``..."""
    attempts: int = 0
    errors: int = 0
    undetermined: int = 0
    sentence: str = ""
    worst_cases: tuple[str, ...] = ()
    details: dict[str, JsonValue] = {}


class RuleResult(Record):
    """What the records say about one rule, with a sentence that a manager can repeat."""

    rule: GateRule
    status: RuleStatus
    sentence: str
    categories: tuple[CategoryResult, ...] = ()
    uncalibrated_scorers: tuple[str, ...] = ()


class StaleEvidence(Record):
    """A reason why recorded evidence does not speak for the present system (GAT-15)."""

    what: str
    recorded: str
    present: str


class Verdict(Record):
    """The tool's recommendation. A person decides, and never the one who recommended."""

    kind: VerdictKind
    gate: str
    gate_digest: str
    run_id: str
    system_version: str
    reasons: tuple[str, ...]
    conditions: tuple[str, ...] = ()
    rules: tuple[RuleResult, ...] = ()
    stale: tuple[StaleEvidence, ...] = ()
    demo: bool = False
    """True where the target was the built-in demo: no evidence about any model."""
    purpose: RunPurpose = RunPurpose.OPEN
    line: str = "main"
    try_number: int = 1
    """Which try of its release line the run is, counted anew from the chain; 1 is the first."""
    open_families: tuple[str, ...] = ()
    """Families of the run that somebody had seen before it began, beyond those that its manifest names."""
    selection: str = ""
    """The cases that the run was narrowed to, as a selector; empty: all."""
    notes: tuple[str, ...] = ()
    """What a reader of the claim must know of the runs before this one and of their records."""
    attempts: int = 0
    errors: int = 0
    undetermined: int = 0
