"""One slice of a rule while a run is under way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from safecase.engine import RunPlan
from safecase.gate._budgets import budget_note
from safecase.gate.outcomes import ERROR, UNDETERMINED
from safecase.gate.rule_slices import RuleSlice
from safecase.model import GateRule


class StreamState:
    """Where one slice of a rule stands; asks for all of its attempts, or for the first ``enough`` of them."""

    def __init__(
        self, rule: GateRule, rule_slice: RuleSlice, plan: RunPlan, *, enough: int | None = None
    ) -> None:
        self.rule = rule
        self.name = rule_slice.name
        self.units: NDArray[np.bool_] = np.zeros(len(plan), dtype=np.bool_)
        self.units[rule_slice.draws] = True
        self.size = len(rule_slice.draws)
        self.seen = self.errors = self.undetermined = 0
        self.n = 0
        self.events = 0
        self.decision = ""
        self.failed = False
        self._enough = enough

    @property
    def decided(self) -> bool:
        """True where more attempts cannot change the slice's answer."""
        if self.decision or self.seen >= self.size:
            return True
        if self.rule.bound is None and self.rule.margin is None:
            return True
        return self._enough is not None and self.seen >= self._enough

    def observe(self, draw: int, code: int) -> None:
        """Take the next unit of the stream."""
        self.seen += 1
        self.errors += code == ERROR
        self.undetermined += code == UNDETERMINED
        if not self.decision:
            self._take(draw, code)

    def _take(self, draw: int, code: int) -> None:
        """Feed the test; rules without one only count."""

    def _decide(self, decision: str, *, over: bool) -> None:
        """Set the decision; ``over``: the limit is exceeded, which may stop the run."""
        self.decision = decision
        # Failures of the technique stop a slice as violations would, but they prove nothing.
        self.failed = over and not budget_note(self.rule, self.seen, self.errors, self.undetermined)

    def line(self) -> str:
        """Where the slice stands, for the progress display."""
        name = "" if self.name == "all" else f"{self.name}: "
        state = self.decision.replace("_", " ") or ("done" if self.decided else "open")
        return f"{name}{self.events} of {self.n or self.seen}, {state}"
