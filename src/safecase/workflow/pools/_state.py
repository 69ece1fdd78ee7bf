"""How a workspace's families stand today: open or sealed, rule by rule, and how many tries they carry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from safecase.base import Record
from safecase.engine import RunPlan, build_plan
from safecase.gate import about_population, failure_bound, families_by_slice
from safecase.model import Case, Gate, GateRule, RuleClass
from safecase.records import Past, RunHistory
from safecase.stats import error_of_try, tries_carried, zero_failure_floor
from safecase.workflow._project import Project
from safecase.workspace import declared_open, declares_pools

# What is counted here does not depend on the order.
_ANY_SEED = 0


class SliceTries(Record):
    """What one slice of a rule about the population can still be asked."""

    category: str
    sealed: int
    """Families that nobody has seen."""
    open: int
    needed: int
    """Sealed families, none failing, that the next try takes."""
    last_try: int
    """The last try of the line that they can carry; 0 where not even the first."""


class RuleTries(Record):
    """How many tries the sealed pool still carries for one rule."""

    gate: str
    rule: str
    binding: bool
    bound: float
    next_try: int
    error: float
    """What the next try may spend: the rule's error over k (k + 1)."""
    slices: tuple[SliceTries, ...]

    @property
    def tries_left(self) -> int:
        """Tries that every slice still carries, the next one included."""
        last = min(item.last_try for item in self.slices)
        return max(last - self.next_try + 1, 0)

    @property
    def worn_out(self) -> bool:
        """Whether no try can meet the rule any more."""
        return self.tries_left == 0


class RiskPool(Record):
    """The families of one risk."""

    risk: str
    sealed: int
    open: int
    public: int
    """Of the sealed ones, those that anybody can read elsewhere."""


class PoolReport(Record):
    """The pools of a workspace, as `check` and `plan` tell them."""

    declared: bool
    line: str
    next_try: int
    risks: tuple[RiskPool, ...]
    rules: tuple[RuleTries, ...]


@dataclass(frozen=True)
class PoolState:
    """The families of a workspace by what was seen of them."""

    project: Project
    history: RunHistory
    cases: tuple[Case, ...]

    @cached_property
    def past(self) -> Past:
        """All that the ledger holds."""
        return Past(self.history)

    @cached_property
    def shown(self) -> frozenset[str]:
        """Families whose results somebody has seen."""
        return self.past.exposure.open_families(self.cases)

    @cached_property
    def open_families(self) -> frozenset[str]:
        """Families for development: declared open, or seen."""
        families = {case.family for case in self.cases}
        return self.shown | (declared_open(self.project.workspace) & families)

    @cached_property
    def open_cases(self) -> tuple[Case, ...]:
        """The cases of open families."""
        return tuple(case for case in self.cases if case.family in self.open_families)

    @cached_property
    def sealed_cases(self) -> tuple[Case, ...]:
        """The cases of sealed families."""
        return tuple(case for case in self.cases if case.family not in self.open_families)

    @property
    def line(self) -> str:
        """The release line of the workspace."""
        return self.project.workspace.system.release_line

    @cached_property
    def next_try(self) -> int:
        """Which try of the line the next certification would be."""
        return self.past.try_number(self.line, self.sealed_cases or self.cases)

    def members(self) -> tuple[Case, ...]:
        """The cases that a certification chooses from: of each sealed family those that no run has sent.

        Where all members of a family were sent, all of them.
        """
        exposure = self.past.exposure
        fresh = {case.family for case in self.sealed_cases if not exposure.was_used(case)}
        return tuple(
            case for case in self.sealed_cases if case.family not in fresh or not exposure.was_used(case)
        )

    def rule_tries(self, gates: Sequence[Gate]) -> tuple[RuleTries, ...]:
        """Each rule about the population, with what its sealed families carry."""
        if not self.cases:
            return ()
        plan = build_plan(self.cases, seed=_ANY_SEED, repeats=1)
        found = (self._tries(gate, rule, plan) for gate in gates for rule in gate.rules)
        return tuple(item for item in found if item is not None)

    def _tries(self, gate: Gate, rule: GateRule, plan: RunPlan) -> RuleTries | None:
        bound = failure_bound(rule)
        if bound is None or not 0 < bound < 1 or not about_population(rule):
            return None
        error = 1 - rule.confidence
        slices = tuple(
            SliceTries(
                category=item.name,
                sealed=item.sealed,
                open=item.shown,
                needed=max(zero_failure_floor(bound, error_of_try(error, self.next_try)), rule.minimum_n),
                last_try=tries_carried(item.sealed, bound, error) if item.sealed >= rule.minimum_n else 0,
            )
            for item in families_by_slice(rule, plan, self.open_families)
        )
        if not slices:
            return None
        return RuleTries(
            gate=gate.id,
            rule=rule.id,
            binding=rule.rule_class is not RuleClass.ADVISORY,
            bound=bound,
            next_try=self.next_try,
            error=error_of_try(error, self.next_try),
            slices=slices,
        )

    def risk_pools(self) -> tuple[RiskPool, ...]:
        """The families of each risk that has cases, by risk."""
        public = self.project.workspace.public_families
        families: dict[str, set[str]] = {}
        for case in self.cases:
            families.setdefault(case.risk, set()).add(case.family)
        return tuple(
            RiskPool(
                risk=risk,
                sealed=len(found - self.open_families),
                open=len(found & self.open_families),
                public=len((found - self.open_families) & public),
            )
            for risk, found in sorted(families.items())
        )

    def report(self, gates: Sequence[Gate]) -> PoolReport:
        """All of it."""
        return PoolReport(
            declared=declares_pools(self.project.workspace),
            line=self.line,
            next_try=self.next_try,
            risks=self.risk_pools(),
            rules=self.rule_tries(gates),
        )
