"""What the records say about a gate's rules, and the verdict."""

from __future__ import annotations

from safecase.base import JsonValue, Record, digest
from safecase.model.decisions.acceptance import Acceptance
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
    gaps: tuple[str, ...] = ()
    """What the gate's coverage requirement misses, each as a sentence."""
    acceptances: tuple[Acceptance, ...] = ()
    """Exceptions in force that the recommendation rests on."""
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
    sealed: bool = False
    """A certification's verdict: one word. Its rules and counts are sealed with its results."""
    refusals: tuple[str, ...] = ()
    """Why the run decides nothing, whatever it showed."""
    waits: bool = False
    """Whether a rule that binds waits for families that nobody has seen."""
    blocked_before: tuple[str, ...] = ()
    """Earlier runs of the same candidate that a rule of the gate blocked."""
    attempts: int = 0
    errors: int = 0
    undetermined: int = 0

    @property
    def basis(self) -> str:
        """Digest of what people decide on: all that was found, without what exceptions make of it.

        A decision names it. It stays the same when an exception that the decision grants comes into force,
        and on a machine whose store holds fewer of the runs before.
        """
        concluded = {"kind", "reasons", "conditions", "acceptances", "notes"}
        if self.sealed:
            # Of a sealed verdict its one word is all that there is to decide on.
            concluded -= {"kind"}
        return digest(self.model_dump(mode="json", by_alias=True, exclude=concluded))
