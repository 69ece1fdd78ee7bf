"""Tries at a case while a run is under way: none more where one has succeeded."""

from __future__ import annotations

import numpy as np

from safecase.engine import RunPlan
from safecase.gate._stream_state import StreamState
from safecase.gate.outcomes import VIOLATED
from safecase.gate.rule_slices import RuleSlice
from safecase.model import GateRule


class TriesState(StreamState):
    """The first k tries of each case, up to its first success."""

    def __init__(self, rule: GateRule, rule_slice: RuleSlice, plan: RunPlan) -> None:
        super().__init__(rule, rule_slice, plan)
        self._case_index = plan.case_index
        self.units &= plan.repeat < (rule.k or 1)
        self.size = int(self.units.sum())
        # A share of these very cases is known to be too high before all of them were tried.
        cases = len(np.unique(plan.case_index[self.units]))
        suite = rule.population == "suite" and rule.bound is not None
        self._allowed = (rule.bound or 0.0) * cases + 1e-9 if suite else float("inf")

    def _take(self, draw: int, code: int) -> None:
        """Count an attempt; where one succeeds, the later tries of its case are no units any more."""
        self.n += 1
        if code != VIOLATED:
            return
        self.events += 1
        self.proven = self.events > self._allowed
        later = self.units & (self._case_index == self._case_index[draw])
        later[: draw + 1] = False
        self.units &= ~later
        self.size -= int(later.sum())
