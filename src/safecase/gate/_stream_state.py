"""One slice of a rule while a run is under way."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from safecase.engine import RunPlan
from safecase.gate._settlement import Tally, shortfall
from safecase.gate.outcomes import ERROR, UNDETERMINED
from safecase.gate.rule_slices import RuleSlice
from safecase.model import GateRule

_ANSWERS = ("ship", "block_proven", "census")
"""Decisions that answer the rule; the others say that no number of attempts will."""


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
        self.proven = False
        """Violations alone prove the limit to be exceeded."""
        self._over = False
        self._enough = enough

    @property
    def decided(self) -> bool:
        """True where more attempts cannot change the slice's answer, or need not.

        An answer that too many errors, or too few attempts, hold back waits for more of them: the first
        attempt of a run may be an error, and the budget is one for the whole."""
        if self.seen >= self.size or self.proven:
            return True
        if self.rule.bound is None and self.rule.margin is None:
            return True
        if self.decision:
            return self.decision not in _ANSWERS or not self._held_back()
        return self._enough is not None and self.seen >= self._enough

    @property
    def failed(self) -> bool:
        """Whether the limit is exceeded, which may stop the run.

        Failures of the technique stop a slice as violations would, but they prove nothing.
        """
        return self.proven or (self._over and not self._held_back())

    def observe(self, draw: int, code: int) -> None:
        """Take the next unit of the stream."""
        self.seen += 1
        self.errors += code == ERROR
        self.undetermined += code == UNDETERMINED
        self._take(draw, code)

    def _take(self, draw: int, code: int) -> None:
        """Feed the test; rules without one only count."""

    def _decide(self, decision: str, *, over: bool) -> None:
        """Set the first decision; ``over``: the limit is exceeded."""
        self.decision = decision
        self._over = over

    def _held_back(self) -> bool:
        return bool(shortfall(self.rule, Tally(self.seen, self.errors, self.undetermined)))

    def line(self) -> str:
        """Where the slice stands, for the progress display."""
        name = "" if self.name == "all" else f"{self.name}: "
        state = self.decision.replace("_", " ") or ("done" if self.decided else "open")
        return f"{name}{self.events} of {self.n or self.seen}, {state}"
