"""Sequential decisions recomputed directly along the attempts, without any table of boundaries.

The gate decides by whole-number boundaries that it computes in advance; here the evidence itself is
evaluated after each attempt and held against its threshold, so that the two can only agree when both
are right.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float64]
SLACK = 1e-12
"""A threshold that is met up to rounding counts as met."""
FUTILITY_ERROR = 0.08
LEAST_POWER = 0.30
_SHIP_WEIGHTS = (0.25, 0.25, 0.30, 0.20)
"""Error of futility, least conditional power and weights of the ship mixture as docs/methods/gate.md defines
them; written down a second time because nothing is imported from `stats`."""


class NotRecomputed(Exception):
    """This independent code has no method for the rule; the message says why."""


@dataclass(frozen=True)
class StopDecision:
    """What was decided, after how many units; ``exceeded`` says that a census was over its limit."""

    kind: str
    n: int
    exceeded: bool = False

    @property
    def status(self) -> str:
        """The rule status that follows."""
        if self.kind == "ship" or (self.kind == "census" and not self.exceeded):
            return "met"
        return "not_met" if self.kind in ("block_proven", "census") else "insufficient_evidence"


def _ship_rates(limit: float, design: float) -> tuple[float, ...]:
    return 0.0, design / 2, design, min(2 * design, (limit + design) / 2)


def _rates_above(limit: float, multiples: Sequence[float]) -> tuple[float, ...]:
    rates = [multiple * limit for multiple in multiples if multiple * limit < 1]
    return tuple(rates) if rates and rates[-1] > limit else (*rates, (1 + limit) / 2)


def suite_decision(
    events: Sequence[bool],
    *,
    bound: float,
    good: float,
    size: int,
    alpha: float,
    minimum_n: int,
    uniform: bool,
) -> StopDecision:
    """The first decision about a finite suite: hypergeometric likelihood ratios and exact counting."""
    seen = np.asarray(events, dtype=np.int64)
    if size < 1 or not len(seen):
        return StopDecision("open", len(seen))
    n = np.arange(1, len(seen) + 1)
    count = np.cumsum(seen)
    allowed = math.floor(bound * size + 1e-9)
    limit = min(max(bound, 1 / size), 1 - 1e-9)
    design = good if 0 < good < limit else limit / 4
    least = max(min(minimum_n, size), 1)
    blocked = count > allowed
    certain = n >= size - (allowed - count)
    shipped = (count <= allowed) & certain
    if uniform and allowed < size:
        goal = -math.log(alpha) - SLACK
        totals = [min(round(rate * size), allowed) for rate in _ship_rates(limit, design)]
        ratio = _hypergeometric_evidence(n, count, size, allowed + 1, totals, _SHIP_WEIGHTS)
        shipped |= (count <= allowed) & (ratio >= goal)
        rates = _rates_above(limit, (1.5, 2.5, 5.0, 10.0))
        totals = [min(max(round(rate * size), allowed + 1), size) for rate in rates]
        ratio = _hypergeometric_evidence(n, count, size, allowed, totals, [1 / len(rates)] * len(rates))
        blocked |= (count > 0) & (ratio >= goal)
    shipped &= n >= least
    final = np.flatnonzero(blocked | shipped | (n == size))
    if not len(final):
        return StopDecision("open", len(seen))
    first = int(final[0])
    exceeded = bool(count[first] > allowed)
    if first + 1 == size:
        return StopDecision("census", size, exceeded)
    return StopDecision("ship" if shipped[first] else "block_proven", first + 1, exceeded)


def _hypergeometric_evidence(
    n: NDArray[np.int64],
    count: NDArray[np.int64],
    size: int,
    null: int,
    totals: Sequence[int],
    weights: Sequence[float],
) -> FloatArray:
    """Log of mixture probability over null probability of ``count`` events in ``n`` draws without return."""
    from scipy.special import gammaln

    def log_probability(total: int) -> FloatArray:
        possible = (count <= total) & (n - count <= size - total)
        left = np.where(possible, total - count, 0)
        right = np.where(possible, size - total - (n - count), 0)
        logs = gammaln(total + 1) - gammaln(left + 1) + gammaln(size - total + 1) - gammaln(right + 1)
        return np.asarray(np.where(possible, logs, -np.inf), dtype=np.float64)

    mixed = np.full(len(n), -np.inf)
    for total, weight in zip(totals, weights, strict=True):
        mixed = np.logaddexp(mixed, math.log(weight) + log_probability(total))
    against = log_probability(null)
    with np.errstate(invalid="ignore"):
        ratio = mixed - against
    # Where neither can be, nothing speaks for the alternative.
    return np.asarray(np.where(np.isneginf(mixed), -np.inf, ratio), dtype=np.float64)


def _log_evidence(
    n: NDArray[np.int64],
    count: NDArray[np.int64],
    null: float,
    rates: Sequence[float],
    weights: Sequence[float],
) -> FloatArray:
    """Log of the mixture of binomial likelihood ratios against one null rate."""
    mixed = np.full(np.broadcast(n, count).shape, -np.inf)
    for rate, weight in zip(rates, weights, strict=True):
        held = (n - count) * (math.log1p(-rate) - math.log1p(-null))
        hit = count * (math.log(rate) - math.log(null)) if rate > 0 else np.where(count > 0, -np.inf, 0.0)
        mixed = np.logaddexp(mixed, math.log(weight) + held + hit)
    return mixed


@dataclass(frozen=True)
class _FamilyPlan:
    """Ship points by event count, and the count from which on shipping is too unlikely, by n."""

    ship_points: tuple[int, ...]
    hopeless: tuple[int, ...]


@lru_cache(maxsize=128)
def _family_plan(bound: float, good: float, size: int, alpha: float, minimum_n: int) -> _FamilyPlan | None:
    """None where the claim can never be made with so few families."""
    if not (0 < bound < 1 and 0 < good < bound):
        return None
    floor = max(1, math.ceil(math.log(alpha) / math.log1p(-bound) - 1e-9), minimum_n)
    if size < floor:
        return None
    # Steps in each round of the search below. Chosen without measurement: this may be slow, not endless.
    if size * max(1.0, size * bound) > 5e7:
        raise NotRecomputed(f"a population claim over {size} families is too large for this check")
    rates = _ship_rates(bound, good)
    columns: list[FloatArray] = []
    for count in range(size + 1):
        n = np.arange(count, size + 1)
        column = _log_evidence(n, np.full(len(n), count), bound, rates, _SHIP_WEIGHTS)
        if column[-1] < -SLACK:
            break
        columns.append(column)

    def points(threshold: float) -> list[int]:
        found = []
        for count, column in enumerate(columns):
            place = int(np.searchsorted(column, math.log(threshold) - SLACK))
            if place == len(column):
                break
            found.append(count + place)
        return found

    low, high = 1.0, 1 / alpha
    # Fine enough for the whole numbers that come out: ship points move by far larger steps.
    while high - low > 1e-7 * high:
        middle = (low + high) / 2
        reached = [max(point, min(minimum_n, size)) for point in points(middle)]
        low, high = (low, middle) if _reach_probability(reached, bound) <= alpha + SLACK else (middle, high)
    ship_points = points(high)
    if not ship_points:
        return None
    return _FamilyPlan(tuple(ship_points), tuple(_hopeless(ship_points, size, good, minimum_n)))


def _reach_probability(points: Sequence[int], rate: float) -> float:
    """Probability that independent draws at ``rate`` ever stand at or under the ship points."""
    from scipy.stats import binom

    width = len(points)
    alive = np.zeros(width)
    if width:
        alive[0] = 1.0
    total, before = 0.0, 0
    for count, point in enumerate(points):
        step = binom.pmf(np.arange(min(width, point - before + 1)), point - before, rate)
        alive = np.convolve(alive, step)[:width]
        before = point
        total += float(alive[: count + 1].sum())
        alive[: count + 1] = 0.0
    return total


def _hopeless(points: Sequence[int], size: int, rate: float, minimum_n: int) -> list[int]:
    """For each n: the fewest events from which a system at ``rate`` ships with too little probability."""
    width = len(points) + 1
    marks = np.asarray(points)
    found = [size + 1] * (size + 1)
    power = np.zeros(width)
    for n in range(size, -1, -1):
        shipped = int(np.searchsorted(marks, n, side="right")) if n >= minimum_n else 0
        if n < size:
            later = np.append(power[1:], 0.0)
            power = (1 - rate) * power + rate * later
        power[:shipped] = 1.0
        low = np.flatnonzero(power < LEAST_POWER)
        if n < size and len(low):
            found[n] = int(low[0])
    return found


def family_decision(
    events: Sequence[bool], *, bound: float, good: float, size: int, alpha: float, minimum_n: int
) -> StopDecision:
    """The first decision about the population that the families stand for; ``impossible`` with too few.

    Raises NotRecomputed where the plan is too large to check.
    """
    plan = _family_plan(bound, good, size, alpha, minimum_n)
    if plan is None:
        return StopDecision("impossible", len(events))
    seen = np.asarray(events[:size], dtype=np.int64)
    n = np.arange(1, len(seen) + 1)
    count = np.cumsum(seen)
    marks = np.asarray([*plan.ship_points, size + 1])
    shipped = (n >= marks[np.minimum(count, len(marks) - 1)]) & (n >= minimum_n)
    rates = _rates_above(bound, (1.5, 2.5, 5.0, 10.0))
    evidence = _log_evidence(n, count, bound, rates, [1 / len(rates)] * len(rates))
    blocked = evidence >= -math.log(alpha) - SLACK
    rates = _rates_above(bound, (1.0, 1.5, 2.5, 5.0, 10.0))
    evidence = _log_evidence(n, count, good, rates, [1 / len(rates)] * len(rates))
    futile = (evidence >= -math.log(FUTILITY_ERROR) - SLACK) | (count >= np.asarray(plan.hopeless)[n])
    final = np.flatnonzero(shipped | blocked | futile | (n == size))
    if not len(final):
        return StopDecision("open", len(seen))
    first = int(final[0])
    for kind, reached in (("ship", shipped), ("block_proven", blocked), ("futility", futile)):
        if reached[first]:
            return StopDecision(kind, first + 1)
    return StopDecision("exhausted", first + 1)


def betting_decision(
    values: Sequence[float],
    *,
    size: int,
    alpha: float,
    ship: Sequence[tuple[float, float]],
    block: Sequence[tuple[float, float]],
    futility: Sequence[tuple[float, float]] = (),
) -> StopDecision:
    """The first decision of bets on values: each bet (λ, m) multiplies its wealth by 1 + λ (x − m)."""
    wealth = {
        "ship": [0.0] * len(ship),
        "block_proven": [0.0] * len(block),
        "futility": [0.0] * len(futility),
    }
    bets = {"ship": ship, "block_proven": block, "futility": futility}
    goals = {"ship": alpha, "block_proven": alpha, "futility": FUTILITY_ERROR}
    for n, value in enumerate(values, start=1):
        for kind, mine in bets.items():
            for place, (stake, centre) in enumerate(mine):
                factor = 1 + stake * (value - centre)
                wealth[kind][place] += math.log(factor) if factor > 0 else -math.inf
        for kind, logs in wealth.items():
            top = max(logs, default=-math.inf)
            if top == -math.inf:
                continue
            mean = top + math.log(math.fsum(math.exp(item - top) for item in logs) / len(logs))
            if mean >= -math.log(goals[kind]) - SLACK:
                return StopDecision(kind, n)
        if n >= size:
            return StopDecision("exhausted", n)
    return StopDecision("open", len(values))
