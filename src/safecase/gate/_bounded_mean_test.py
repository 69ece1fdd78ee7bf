"""The sequential decision on a stream of numbers in [0, 1], all at once, for long streams.

The same bets, the same sums in the same order and the same precedence as
`safecase.stats.sequential.bounded.BoundedSequentialTest`, which takes one number at a time.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safecase.engine import RunPlan
from safecase.gate._settlement import CONTRADICTED, contradiction_note
from safecase.gate._stream_state import StreamState
from safecase.gate.outcomes import HELD
from safecase.gate.rule_slices import RuleSlice
from safecase.model import GateRule, RuleStatus
from safecase.stats import BoundedGatePlan, BoundedSequentialTest, crosses, log_threshold

FloatArray = NDArray[np.float64]

_FIRST_LOOK = 4096
"""Values looked at first: most streams decide within them, and the whole path of a million costs seconds."""


@dataclass(frozen=True)
class MeanStream:
    """The numbers of one slice, in draw order, all in [0, 1]."""

    values: FloatArray
    """Shape (n,): up to the first unit that was not made, what stayed without an answer counted as bad."""
    sure: FloatArray
    """Shape (n,): the same, what stayed without an answer counted as good: what violations alone show."""
    everything: FloatArray
    """Shape (m,), m >= n: as ``values``, of all units made, gaps or not."""
    surely: FloatArray
    """Shape (m,): as ``sure``, of all units made."""
    uniform: bool
    """Whether they come in a uniform order; in another one no beginning stands for the rest."""


@dataclass(frozen=True)
class MeanJudgement:
    """What the test of a mean says, held against all attempts made."""

    decision: str
    """As of `first_bounded_decision`, or `CONTRADICTED`."""
    n: int
    status: RuleStatus
    note: str = ""
    proven: bool = False
    """Violations alone prove the limit to be exceeded."""
    everything: bool = False
    """The numbers are those of all attempts made."""

    @property
    def decided_at(self) -> int | None:
        """Units taken by a decision that fell along the stream."""
        return (
            self.n if self.decision in ("ship", "block_proven", "futility") and not self.everything else None
        )


def first_bounded_decision(plan: BoundedGatePlan, values: FloatArray, *, uniform: bool) -> tuple[str, int]:
    """The first decision along ``values``, shape (n,), and the number of values that it took.

    ``ship``, ``block_proven``, ``futility``, ``exhausted``, or ``open`` where nothing was decided. Where the
    order is not ``uniform`` only the whole stream decides. Raises StatisticsError for values outside [0, 1].
    """
    stream = values[: plan.n_max]
    if not uniform:
        return _decide_at_end(plan, stream)
    if len(stream) > _FIRST_LOOK:
        kind, n = _look(plan, stream[:_FIRST_LOOK])
        if kind != "open":
            return kind, n
    return _look(plan, stream)


def judge_mean(plan: BoundedGatePlan, stream: MeanStream, *, counts_whole: bool) -> MeanJudgement:
    """The first decision, and what all attempts made say to it: they can take a yes away, never a no.

    ``counts_whole``: the claim is about the planned units alone and no number is negative, so that a sum over
    what the whole of them may come to is certain.
    """
    decision, n = first_bounded_decision(plan, stream.values, uniform=stream.uniform)
    status = {"ship": RuleStatus.MET, "block_proven": RuleStatus.NOT_MET}.get(
        decision, RuleStatus.INSUFFICIENT
    )
    most = plan.theta0 * plan.n_max + 1e-9
    sure = counts_whole and float(stream.surely.sum()) > most
    proven = sure or _ever_exceeds(plan, stream.sure, uniform=stream.uniform)
    if status is RuleStatus.NOT_MET:
        return MeanJudgement(decision, n, status, proven=proven)
    certain = counts_whole and float(stream.everything.sum()) > most
    made = len(stream.everything)
    if certain or proven or _ever_exceeds(plan, stream.values, uniform=stream.uniform):
        kind = CONTRADICTED if status is RuleStatus.MET else "block_proven"
        return MeanJudgement(kind, made, RuleStatus.NOT_MET, proven=proven, everything=True)
    later = made - n
    if status is RuleStatus.MET and later and float(stream.everything.mean()) > plan.theta0 + 1e-12:
        note = contradiction_note(later)
        return MeanJudgement(CONTRADICTED, made, RuleStatus.INSUFFICIENT, note, everything=True)
    return MeanJudgement(decision, n, status)


def _ever_exceeds(plan: BoundedGatePlan, values: FloatArray, *, uniform: bool) -> bool:
    """Whether some beginning of the stream, or all of it, proves the mean to be over the limit."""
    stream = values[: plan.n_max]
    if not len(stream) or (not uniform and len(stream) < plan.n_max):
        return False
    path = crosses(plan.block.log_e_path(stream), log_threshold(plan.alpha))
    return bool(path.any() if uniform else path[-1])


def _tests(plan: BoundedGatePlan, values: FloatArray) -> list[tuple[str, NDArray[np.bool_]]]:
    """Each decision, in its order of precedence, and after which values it stands."""
    tests = [("ship", plan.ship, plan.alpha), ("block_proven", plan.block, plan.alpha)]
    if plan.futility is not None:
        tests.append(("futility", plan.futility, plan.futility_error))
    return [(kind, crosses(bets.log_e_path(values), log_threshold(error))) for kind, bets, error in tests]


def _look(plan: BoundedGatePlan, values: FloatArray) -> tuple[str, int]:
    """The first decision along the values, and after how many of them; where two fall at once,
    a proof comes before futility."""
    if not len(values):
        return "open", 0
    paths = _tests(plan, values)
    first = min((int(np.argmax(path)) for _, path in paths if path.any()), default=-1)
    if first >= 0:
        return next(kind for kind, path in paths if path[first]), first + 1
    return ("exhausted" if len(values) >= plan.n_max else "open"), len(values)


def _decide_at_end(plan: BoundedGatePlan, values: FloatArray) -> tuple[str, int]:
    if len(values) < plan.n_max:
        return "open", len(values)
    return next((kind for kind, path in _tests(plan, values) if path[-1]), "exhausted"), len(values)


class BoundedMeanState(StreamState):
    """A slice whose mean is tested by bets while the run is under way; decides as `first_bounded_decision`
    does."""

    def __init__(
        self,
        rule: GateRule,
        rule_slice: RuleSlice,
        plan: RunPlan,
        test: BoundedGatePlan,
        value: Callable[[int, int], tuple[float, float] | None],
        *,
        decision: str = "",
    ) -> None:
        """``value``: (draw, outcome code) → the number in [0, 1], what stayed without an answer counted as
        bad and as good; None where the attempt is no unit of the test. ``decision``: what is decided before
        the first attempt."""
        super().__init__(rule, rule_slice, plan)
        self._plan = test
        self._test = BoundedSequentialTest(test)
        self._sure = [0.0] * len(test.block.alternatives)
        self._value = value
        self._uniform = rule_slice.uniform
        self.decision = decision

    def _take(self, draw: int, code: int) -> None:
        """Take one attempt; what violations alone prove is looked for behind the decision too."""
        taken = self._value(draw, code)
        if taken is None:
            return
        self.n += 1
        self.events += code != HELD
        # In an order that is not uniform the evaluation decides at the end, and until then all is asked for.
        if not self._uniform:
            return
        factors = self._plan.block.log_factors(taken[1]).tolist()
        self._sure = [wealth + factor for wealth, factor in zip(self._sure, factors, strict=True)]
        evidence = self._plan.block.combine(self._sure)
        self.proven = self.proven or bool(crosses(evidence, log_threshold(self._plan.alpha)))
        if self._test.decision != "continue":
            return
        self._test = self._test.update(taken[0])
        decision = self._test.decision
        if decision != "continue":
            over = decision == "blocked"
            self._decide("block_proven" if over else decision, over=over)
