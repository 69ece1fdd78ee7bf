"""The sequential decision on a stream of numbers in [0, 1], all at once, for long streams.

The same bets, the same sums in the same order and the same precedence as
`safecase.stats.sequential.bounded.BoundedSequentialTest`, which takes one number at a time.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from safecase.engine import RunPlan
from safecase.gate._stream_state import StreamState
from safecase.gate.rule_slices import RuleSlice
from safecase.model import GateRule
from safecase.stats import BoundedGatePlan, BoundedSequentialTest, crosses, log_threshold

_FIRST_LOOK = 4096
"""Values looked at first: most streams decide within them, and the whole path of a million costs seconds."""


def first_bounded_decision(plan: BoundedGatePlan, values: NDArray[np.float64]) -> tuple[str, int]:
    """The first decision along ``values``, shape (n,), and the number of values that it took.

    ``ship``, ``block_proven``, ``futility``, ``exhausted``, or ``open`` where nothing was decided.
    Raises StatisticsError for values outside [0, 1].
    """
    stream = values[: plan.n_max]
    if len(stream) > _FIRST_LOOK:
        kind, n = _look(plan, stream[:_FIRST_LOOK])
        if kind != "open":
            return kind, n
    return _look(plan, stream)


def _look(plan: BoundedGatePlan, values: NDArray[np.float64]) -> tuple[str, int]:
    """The first decision along the values, and after how many of them; where two fall at once,
    a proof comes before futility."""
    if not len(values):
        return "open", 0
    tests = [("ship", plan.ship, plan.alpha), ("block_proven", plan.block, plan.alpha)]
    if plan.futility is not None:
        tests.append(("futility", plan.futility, plan.futility_error))
    paths = [(kind, crosses(bets.log_e_path(values), log_threshold(error))) for kind, bets, error in tests]
    first = min((int(np.argmax(path)) for _, path in paths if path.any()), default=-1)
    if first >= 0:
        return next(kind for kind, path in paths if path[first]), first + 1
    return ("exhausted" if len(values) >= plan.n_max else "open"), len(values)


class BoundedMeanState(StreamState):
    """A slice whose mean is tested by bets while the run is under way; decides as `first_bounded_decision`
    does."""

    def __init__(
        self,
        rule: GateRule,
        rule_slice: RuleSlice,
        plan: RunPlan,
        test: BoundedGatePlan,
        value: Callable[[int, int], tuple[float, bool] | None],
        *,
        waits: bool = False,
        decision: str = "",
    ) -> None:
        """``value``: (draw, outcome code) → (number in [0, 1], whether it counts as an event), None where the
        attempt is no unit of the test. ``waits``: an exhausted test leaves the slice open. ``decision``: what
        is decided before the first attempt."""
        super().__init__(rule, rule_slice, plan)
        self._test = BoundedSequentialTest(test)
        self._value = value
        self._waits = waits
        self.decision = decision

    def _take(self, draw: int, code: int) -> None:
        """Take one attempt; the counts go on behind the decision, which does not change any more."""
        taken = self._value(draw, code)
        if taken is None:
            return
        self.n += 1
        self.events += taken[1]
        if self._test.decision != "continue":
            return
        self._test = self._test.update(taken[0])
        decision = self._test.decision
        if decision != "continue" and not (decision == "exhausted" and self._waits):
            over = decision == "blocked"
            self._decide("block_proven" if over else decision, over=over)
