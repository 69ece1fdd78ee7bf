"""What every metric does: demand, evaluate, watch a run."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from safecase.model import GateRule, MetricDeclaration

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from safecase.engine import RunPlan, SummaryColumns
    from safecase.gate._stream_state import StreamState
    from safecase.gate.baseline import BaselineRun
    from safecase.gate.labels import Labels
    from safecase.gate.rule_slices import RuleSlice
    from safecase.model import CategoryResult, Risk, ScorerCard


@dataclass(frozen=True, kw_only=True)
class RunReading:
    """What a metric may read of a run, and beside it."""

    plan: RunPlan
    columns: SummaryColumns
    by_draw: NDArray[np.int8]
    """Outcome codes by draw, shape (planned,), `safecase.gate.outcomes.MISSING` where none was made."""
    baseline: BaselineRun | None = None
    baseline_rates: Mapping[str, float] = field(default_factory=dict)
    """Case digest → mean violation in the baseline run."""
    risks: Sequence[Risk] = ()
    """The workspace's risks."""
    cards: Sequence[ScorerCard] = ()
    """The cards of the scorers behind the rule."""
    labels: Mapping[str, Labels] = field(default_factory=dict)
    """File, as the rule names it → human labels of attempts."""


@dataclass(frozen=True, kw_only=True)
class Metric(MetricDeclaration, ABC):
    """A metric that the gate can evaluate."""

    def limit(self, rule: GateRule) -> float | None:
        """The limit that the rule sets; None where it sets none."""
        return rule.bound

    def demand(self, rule: GateRule) -> str:
        """What a rule asks for, as a clause without a full stop."""
        limit = self.limit(rule)
        return "No limit is set for this rule" if limit is None else self.clause(rule, limit)

    @abstractmethod
    def clause(self, rule: GateRule, limit: float) -> str:
        """What a rule with this limit asks for, as a clause without a full stop."""

    @abstractmethod
    def evaluate(self, rule: GateRule, rule_slice: RuleSlice, reading: RunReading) -> CategoryResult:
        """What the records say about one slice of a rule, with its sentence."""

    @abstractmethod
    def stream(
        self,
        rule: GateRule,
        slices: Sequence[RuleSlice],
        plan: RunPlan,
        baseline_rates: Mapping[str, float] | None,
    ) -> Sequence[StreamState] | None:
        """The state of each slice while a run is under way; None where the rule asks for no attempt of its
        own.

        It must decide where `evaluate` decides. ``baseline_rates`` is None where no baseline run is at hand.
        """
