"""What a release must show: gates and their rules."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import Field, model_validator

from safecase.base import Identifier, JsonValue, Record, digest
from safecase.model.metric import METRICS, LimitRange, MetricDeclaration, MetricName
from safecase.model.vocabulary import Comparator, ReleaseTier, RuleClass, Severity

PerCategory = Literal["none", "risk", "suite", "attack", "harm", "language", "severity", "family", "group"]


class JudgeCorrection(Record):
    """How a rule corrects for the error of the scorers behind it, and what it assumes."""

    method: Literal["none", "rogan_gladen", "two_phase", "planted_recall"] = "none"
    assumption: str = ""
    """Printed in the evidence, because a correction is only as good as its assumption."""
    labels: str = ""
    """For ``two_phase``: CSV file of human labels of the run's attempts, relative to the workspace."""

    @model_validator(mode="after")
    def _labelled(self) -> JudgeCorrection:
        """Refuse a labels file where none is read, and one outside of the workspace."""
        if self.labels and self.method != "two_phase":
            raise ValueError("'labels' goes with method two_phase alone")
        parts = self.labels.replace("\\", "/").split("/")
        if self.labels.startswith("/") or ".." in parts or ":" in self.labels:
            raise ValueError("'labels' is a file inside of the workspace")
        return self


class GateRule(Record):
    """One criterion. An unset bound gives *not configured*, never a pass."""

    id: Identifier
    title: str = ""
    metric: MetricName
    select: str = ""
    """Selector of the cases that the rule is about; empty means all that the metric applies to."""
    per: PerCategory = "none"
    """Split into categories, each of which must meet the bound (intersection–union)."""
    comparator: Comparator = Comparator.AT_MOST
    bound: float | None = None
    good: float | None = None
    """The rate of a system that ought to ship; the plan gives it ``power``. Default: bound / 4."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    power: float = Field(default=0.9, gt=0.5, lt=1)
    population: Literal["suite", "families"] = "suite"
    """What the claim is about: this finite suite, or the population its families were drawn from."""
    minimum_n: int = Field(default=1, ge=1)
    maximum_n: int | None = Field(default=None, ge=1)
    error_budget: float = Field(default=0.02, ge=0, le=1)
    """Largest share of attempts that may be errors before the rule says insufficient evidence."""
    undetermined_budget: float = Field(default=0.05, ge=0, le=1)
    rule_class: RuleClass = Field(default=RuleClass.BOUNDED, alias="class")
    k: int | None = Field(default=None, ge=1)
    """Tries per case, for metrics that need them."""
    margin: float | None = Field(default=None, ge=0)
    """For metrics that compare with a baseline run: the increase, in rate, that must be excluded."""
    judge_correction: JudgeCorrection = JudgeCorrection()
    requires_calibrated_scorers: bool = False
    rationale: str = ""

    @property
    def empty_limit(self) -> bool:
        """Whether every system meets the limit: at most 100 %, or at least 0 %."""
        if self.bound is None or METRICS.get(self.metric).limits is LimitRange.QUANTITY:
            return False
        return self.bound >= 1 if self.comparator is Comparator.AT_MOST else self.bound <= 0

    @model_validator(mode="after")
    def _coherent(self) -> GateRule:
        """Refuse what the rule's metric cannot be asked for."""
        metric = METRICS.get(self.metric)
        if metric.needs_tries and self.k is None:
            raise ValueError(f"metric {metric.name} needs k")
        if self.comparator is not metric.comparator:
            raise ValueError(f"metric {metric.name} needs comparator '{metric.comparator.value}'")
        _check_limit(metric, "bound", self.bound)
        if metric.needs_baseline:
            _check_limit(metric, "margin", self.margin)
        if self.bound is not None and self.good is not None:
            at_most = metric.comparator is Comparator.AT_MOST
            if at_most and self.good >= self.bound:
                raise ValueError("'good' must be smaller than 'bound'")
            if not at_most and self.good <= self.bound:
                raise ValueError("'good' must be larger than 'bound'")
        return self


def _check_limit(metric: MetricDeclaration, name: str, limit: float | None) -> None:
    """A limit outside of its range would be met, or missed, by every system."""
    if limit is None:
        return
    if metric.limits is LimitRange.QUANTITY:
        if limit < 0:
            raise ValueError(f"'{name}' must not be negative")
    elif not 0 <= limit <= 1:
        raise ValueError(f"'{name}' is a share between 0 and 1, got {limit:g}: write 0.02 for 2 %")
    elif metric.limits is LimitRange.INSIDE and limit in (0, 1):
        raise ValueError(f"'{name}' of {metric.name} must lie strictly between 0 and 1")


class CoverageRequirement(Record):
    """What must have been tested at all before the gate can say go."""

    risks_at_least: Severity | None = Severity.SEV2
    """Every risk this severe or worse must have a case that was run (orphan risks fail the gate)."""
    held_out_share: float = Field(default=0.0, ge=0, le=1)


GATE_WORDS = frozenset({"title", "owner", "rationale", "assumption"})
"""Fields of a gate, of its rules and of their corrections that tell people something and decide nothing."""


class Gate(Record):
    """The rules of one release decision."""

    id: Identifier
    title: str = ""
    tier: ReleaseTier | None = None
    """The release tier that the gate serves; None serves all."""
    rules: tuple[GateRule, ...] = Field(min_length=1)
    coverage: CoverageRequirement = CoverageRequirement()
    owner: str = ""
    selection: str = ""
    """Selector of the cases that the gate is about; empty: all. A run of fewer cases decides nothing."""

    @property
    def digest(self) -> str:
        """Digest of all that decides; a changed rule after seeing data is a new candidate and says so.

        Words for people (titles, rationales, the owner) are no part of it: manifests hold them masked.
        """
        return digest(_without_words(self.model_dump(mode="json", by_alias=True)))


def _without_words(value: JsonValue) -> JsonValue:
    """A gate as JSON without its words, at whatever depth."""
    if isinstance(value, dict):
        return {name: _without_words(item) for name, item in value.items() if name not in GATE_WORDS}
    return [_without_words(item) for item in value] if isinstance(value, list) else value


def declared_selection(gates: Sequence[Gate]) -> str:
    """The selector of all cases that gates are about together; empty: all, as soon as one of them says so."""
    wanted = dict.fromkeys(gate.selection for gate in gates)
    return "" if "" in wanted else " ".join(wanted)
