"""The records of a pack, as far as anything is computed from them.

A second hand at the formats of `safecase`: nothing is imported from there, and a test holds the names of the
fields equal on both sides. Digests are taken over the JSON as it stands, so they cover what is not read here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, ClassVar, Literal

from safecase_verify.errors import CheckFailed
from safecase_verify.reading._fields import read_record
from safecase_verify.reading.canonical import digest

Severity = Literal["sev1", "sev2", "sev3", "sev4"]
Status = Literal["met", "not_met", "insufficient_evidence", "not_configured"]
Recommendation = Literal["go", "go_with_conditions", "no_go", "insufficient_evidence", "not_configured"]
Purpose = Literal["open", "certification", "exploratory"]

SEVERITY_WEIGHTS: Mapping[str, float] = {"sev1": 1.0, "sev2": 0.4, "sev3": 0.1, "sev4": 0.02}
"""Weight of a failure in severity-weighted rates, worst first."""
MANIFEST_VERSION = 3
"""The one version of the run's manifest that is read."""
_QUANTITIES = ("latency_", "cost_")
"""How the names of metrics begin that are no share, so that no limit of theirs is empty."""
_WORDS = ("title", "owner")
_WORDS_OF_RULES = ("title", "rationale")
"""What is told about a gate and decides nothing; manifests hold it masked."""
_FROM_THE_NONCE = frozenset(
    ("seed", "nonce", "nonce_source", "registrar_proof", "draw_order_digest", "plan_digest")
)
"""What of a manifest was fixed only after the nonce was drawn."""


@dataclass(frozen=True)
class Expectation:
    """What must hold of a transcript: a scorer by name."""

    UNREAD: ClassVar = ("parameters",)
    scorer: str


@dataclass(frozen=True)
class TaxonomyReference:
    """One entry of one version of one public framework."""

    framework: str
    version: str
    id: str

    def __str__(self) -> str:
        version = f"@{self.version}" if self.version else ""
        return f"{self.framework}{version}:{self.id}"


@dataclass(frozen=True)
class Case:
    """One thing that was tried."""

    UNREAD: ClassVar = (
        "title", "messages", "documents", "tools", "environment", "benign_twin", "reference", "metadata",
    )  # fmt: skip
    id: str
    suite: str
    risk: str
    severity: Severity
    attack: str | None
    harm: str
    purpose: Literal["harm", "use"]
    capability: str | None
    language: str
    modality: str
    family: str
    journey: str
    source: str
    expect: tuple[Expectation, ...]
    group: str
    held_out: bool
    tags: tuple[str, ...]
    taxonomy: tuple[TaxonomyReference, ...]
    converters: tuple[str, ...]

    @property
    def benign(self) -> bool:
        """True where no attack is made."""
        return self.attack is None


@dataclass(frozen=True)
class JudgeCorrection:
    """How a rule corrects for the error of its scorers."""

    UNREAD: ClassVar = ("assumption",)
    method: Literal["none", "rogan_gladen", "two_phase", "planted_recall"]
    labels: str


@dataclass(frozen=True)
class GateRule:
    """One criterion of a gate."""

    UNREAD: ClassVar = ("title", "power", "rationale")
    NAMES: ClassVar = {"rule_class": "class"}
    id: str
    metric: str
    select: str
    per: Literal["none", "risk", "suite", "attack", "harm", "language", "severity", "family", "group"]
    comparator: Literal["<=", ">="]
    bound: float | None
    good: float | None
    confidence: float
    population: Literal["suite", "families"]
    minimum_n: int
    maximum_n: int | None
    error_budget: float
    undetermined_budget: float
    rule_class: Literal["floor", "bounded", "advisory"]
    k: int | None
    margin: float | None
    judge_correction: JudgeCorrection
    requires_calibrated_scorers: bool

    @property
    def empty_limit(self) -> bool:
        """Whether every system meets the limit: at most 100 %, or at least 0 %."""
        if self.bound is None or self.metric.startswith(_QUANTITIES):
            return False
        return self.bound >= 1 if self.comparator == "<=" else self.bound <= 0

    def __post_init__(self) -> None:
        """Refuse numbers outside of what the methods are defined for."""
        if not 0.5 < self.confidence < 1:
            raise CheckFailed(f"the rule {self.id[:80]} has a confidence outside of (1/2, 1)")
        if self.minimum_n < 1 or (self.maximum_n or 1) < 1 or (self.k or 1) < 1:
            raise CheckFailed(f"the rule {self.id[:80]} counts from less than one")


@dataclass(frozen=True)
class CoverageRequirement:
    """What must have been tested at all before a gate can say go."""

    risks_at_least: Severity | None
    held_out_share: float


@dataclass(frozen=True)
class Gate:
    """The rules of one release decision."""

    UNREAD: ClassVar = ("title", "tier", "owner")
    id: str
    rules: tuple[GateRule, ...]
    coverage: CoverageRequirement
    selection: str
    raw: Mapping[str, Any] = field(init=False, default_factory=dict)
    """The gate as it stands in the manifest."""

    @property
    def digest(self) -> str:
        """Digest of all that decides; words for people are no part of it."""
        found = {name: value for name, value in self.raw.items() if name not in _WORDS}
        return digest(found | {"rules": [_without_words(rule) for rule in self.raw["rules"]]})


def _without_words(rule: Mapping[str, Any]) -> dict[str, Any]:
    """A rule as far as it decides."""
    found = {name: value for name, value in rule.items() if name not in _WORDS_OF_RULES}
    correction = rule["judge_correction"]
    return found | {
        "judge_correction": {name: value for name, value in correction.items() if name != "assumption"}
    }


@dataclass(frozen=True)
class SystemVersion:
    """The version of the system that was called."""

    system: str
    components: Mapping[str, str]

    @property
    def fingerprint(self) -> str:
        """Digest over the components."""
        return digest({"system": self.system, "components": dict(self.components)})


@dataclass(frozen=True)
class SuiteReference:
    """A suite at one version, and how many of its cases were planned."""

    id: str
    version: str
    cases: int


@dataclass(frozen=True)
class ScorerReference:
    """A scorer as it was used."""

    UNREAD: ClassVar = ("kind", "parameters", "own_code", "surroundings", "judge_model")
    name: str
    version: str
    card_digest: str


@dataclass(frozen=True)
class ScorerPerformance:
    """Confusion counts of a scorer on labelled data; ``violated`` is the positive class."""

    UNREAD: ClassVar = (
        "undetermined", "sensitivity", "specificity", "precision", "false_omission", "cohen_kappa",
        "krippendorff_alpha",
    )  # fmt: skip
    category: str
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int


@dataclass(frozen=True)
class ScorerCard:
    """How good a scorer was found to be."""

    UNREAD: ClassVar = (
        "scorer_version", "parameters", "labels", "labels_digest", "label_meaning", "measured", "tuned_on",
        "held_out", "human_agreement", "notes",
    )  # fmt: skip
    scorer: str
    performance: tuple[ScorerPerformance, ...]

    def overall(self) -> ScorerPerformance | None:
        """The counts over all labelled data, or None where the card has none."""
        return next((item for item in self.performance if item.category == "all"), None)


@dataclass(frozen=True)
class Baseline:
    """The earlier run that a regression rule compares with."""

    UNREAD: ClassVar = ("system_version",)
    run_id: str
    manifest_digest: str


@dataclass(frozen=True)
class Limits:
    """How hard the target was driven."""

    UNREAD: ClassVar = (
        "requests_per_minute", "tokens_per_minute", "timeout_seconds", "tries", "backoff_seconds",
        "backoff_ceiling_seconds", "maximum_calls", "maximum_cost_usd", "maximum_response_bytes",
    )  # fmt: skip
    concurrency: int


@dataclass(frozen=True)
class RunSettings:
    """How the run was carried out."""

    UNREAD: ClassVar = (
        "guard", "guard_without", "vulnerabilities", "cache", "cache_repeats", "executor",
    )  # fmt: skip
    limits: Limits
    complete: bool
    scorer_concurrency: int


@dataclass(frozen=True)
class RegistrarProof:
    """What a registrar gave together with the nonce."""

    registrar: str
    public_key: str
    signature: str


@dataclass(frozen=True)
class Predecessor:
    """A run that stood at an end of the chain when another began."""

    run_id: str
    manifest_digest: str
    result_digest: str


@dataclass(frozen=True)
class RunManifest:
    """What was planned before the first call."""

    UNREAD: ClassVar = (
        "safecase_version", "target_name", "target_kind", "target_fingerprint", "environment",
    )  # fmt: skip
    schema_version: int
    run_id: str
    created_at: datetime
    system: SystemVersion
    demo: bool
    suites: tuple[SuiteReference, ...]
    selection: str
    purpose: Purpose
    line: str
    try_number: int
    open_families: tuple[str, ...]
    one_per_family: bool
    cases_digest: str
    seed: int
    nonce: str
    nonce_source: Literal["own", "registrar"]
    registrar_proof: RegistrarProof | None
    repeats: int
    planned: int
    draw_order: str
    draw_order_digest: str
    plan_digest: str
    gates: tuple[Gate, ...]
    scorers: tuple[ScorerReference, ...]
    scorer_cards: tuple[ScorerCard, ...]
    baseline: Baseline | None
    predecessors: tuple[Predecessor, ...]
    candidate: str
    notes: tuple[str, ...]
    settings: RunSettings
    raw: Mapping[str, Any] = field(init=False, default_factory=dict)
    """The manifest as it stands in the pack."""

    @property
    def digest(self) -> str:
        """Content digest, which the successor in the chain names."""
        return digest(self.raw)

    @property
    def draft_digest(self) -> str:
        """Digest of all that was fixed before the nonce was drawn: the plan without its order."""
        return digest({name: value for name, value in self.raw.items() if name not in _FROM_THE_NONCE})


def read_manifest(value: Any, place: str) -> RunManifest:
    """A manifest. Raises CheckFailed where it does not read, or is of another version."""
    version = value.get("schema_version") if isinstance(value, dict) else None
    if version != MANIFEST_VERSION or type(version) is not int:
        raise CheckFailed(
            f"this manifest is of version {str(version)[:20]}, and version {MANIFEST_VERSION} is read here",
            where=place,
        )
    manifest = read_record(RunManifest, value, place)
    _keep(manifest, value)
    for gate, raw in zip(manifest.gates, value["gates"], strict=True):
        _keep(gate, raw)
    return manifest


@dataclass(frozen=True)
class Estimate:
    """A recorded value with its interval."""

    UNREAD: ClassVar = ("confidence", "method", "events", "families", "judge_corrected", "unit")
    value: float
    lower: float
    upper: float
    n: int


@dataclass(frozen=True)
class CategoryResult:
    """What a verdict says of one category of one rule."""

    UNREAD: ClassVar = ("sentence",)
    category: str
    status: Status
    estimate: Estimate | None
    decided_at: int | None
    decision: str
    attempts: int
    errors: int
    undetermined: int
    worst_cases: tuple[str, ...]
    details: Mapping[str, Any]


@dataclass(frozen=True)
class RuleResult:
    """What a verdict says of one rule."""

    UNREAD: ClassVar = ("sentence",)
    rule: GateRule
    status: Status
    categories: tuple[CategoryResult, ...]
    uncalibrated_scorers: tuple[str, ...]


@dataclass(frozen=True)
class StaleEvidence:
    """A reason why the evidence does not speak for the present system."""

    what: str
    recorded: str
    present: str


@dataclass(frozen=True)
class Verdict:
    """What the tool recommended."""

    UNREAD: ClassVar = ("reasons", "gaps", "acceptances", "selection", "notes", "waits")
    kind: Recommendation
    gate: str
    gate_digest: str
    run_id: str
    system_version: str
    conditions: tuple[str, ...]
    rules: tuple[RuleResult, ...]
    stale: tuple[StaleEvidence, ...]
    demo: bool
    purpose: Purpose
    line: str
    try_number: int
    open_families: tuple[str, ...]
    sealed: bool
    refusals: tuple[str, ...]
    blocked_before: tuple[str, ...]
    attempts: int
    errors: int
    undetermined: int
    raw: Mapping[str, Any] = field(init=False, default_factory=dict)
    """The verdict as it stands in the pack."""

    @property
    def digest(self) -> str:
        """Content digest, which the signed statement names."""
        return digest(self.raw)


def read_verdict(value: Any, place: str) -> Verdict:
    """A verdict. Raises CheckFailed where it does not read."""
    verdict = read_record(Verdict, value, place)
    _keep(verdict, value)
    return verdict


@dataclass(frozen=True)
class PackedWorkspace:
    """What the workspace files in a pack declare, as the writer of the pack resolved them (`workspace.json`).

    The files themselves are YAML; ``safecase verify`` reads them and holds this against them.
    """

    schema_version: Literal[1] = 1
    risks: Mapping[str, Severity] | None = None
    """Risk → severity; None where no file declares a risk."""
    gates: Mapping[str, str | None] = field(default_factory=dict)
    """Gate → content digest; None where the gate does not read."""
    templated: tuple[str, ...] = ()
    """Gates that extend a built-in template, which another version of safecase may word otherwise."""
    unreadable: tuple[str, ...] = ()
    """Files that are no workspace YAML."""


def _keep(record: Any, raw: Any) -> None:
    """Put the JSON beside the frozen record that was read from it."""
    object.__setattr__(record, "raw", raw)
