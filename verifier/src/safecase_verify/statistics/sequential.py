"""Sequential decisions recomputed directly along the attempts, without any table of boundaries.

The gate decides by whole-number boundaries that it computes in advance; here the evidence itself is
evaluated after each attempt and held against its threshold, so that the two can only agree when both
are right.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

from safecase_verify.errors import NotRecomputed

SLACK = 1e-12
"""A threshold that is met up to rounding counts as met."""
FUTILITY_ERROR = 0.08
LEAST_POWER = 0.30
_SHIP_WEIGHTS = (0.25, 0.25, 0.30, 0.20)
"""Error of futility, least conditional power and weights of the ship mixture as docs/methods/gate.md defines
them; written down a second time because nothing is imported from `stats`."""


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
    """The first decision about a finite suite: hypergeometric likelihood ratios and exact counting.

    Ratios only in a ``uniform`` order; counting is right in any.
    """
    if size < 1 or not events:
        return StopDecision("open", len(events))
    allowed = math.floor(bound * size + 1e-9)
    limit = min(max(bound, 1 / size), 1 - 1e-9)
    design = good if 0 < good < limit else limit / 4
    least = max(min(minimum_n, size), 1)
    goal = -math.log(alpha) - SLACK
    tested = uniform and allowed < size
    if tested:
        factorials = _log_factorials(size)
        totals = [min(round(rate * size), allowed) for rate in _ship_rates(limit, design)]
        for_ship = _hypergeometric_evidence(factorials, allowed + 1, totals, _SHIP_WEIGHTS)
        rates = _rates_above(limit, (1.5, 2.5, 5.0, 10.0))
        totals = [min(max(round(rate * size), allowed + 1), size) for rate in rates]
        for_block = _hypergeometric_evidence(factorials, allowed, totals, [1 / len(rates)] * len(rates))
    count = 0
    for n, event in enumerate(events, start=1):
        count += event
        blocked = count > allowed
        shipped = not blocked and n >= size - (allowed - count)
        if tested and not blocked:
            shipped = shipped or for_ship(n, count) >= goal
            # Draws without an event only take evidence from a block.
            blocked = bool(event) and for_block(n, count) >= goal
        shipped = shipped and n >= least
        if n == size:
            return StopDecision("census", size, count > allowed)
        if shipped or blocked:
            return StopDecision("ship" if shipped else "block_proven", n, count > allowed)
    return StopDecision("open", len(events))


def suite_exceeded(events: Sequence[bool], *, bound: float, size: int, alpha: float, uniform: bool) -> bool:
    """Whether some beginning of the events proves that more of a finite suite are events than may be."""
    allowed = math.floor(bound * size + 1e-9)
    if not events or sum(events) > allowed:
        return bool(events)
    if not uniform or allowed >= size:
        return False
    rates = _rates_above(min(max(bound, 1 / size), 1 - 1e-9), (1.5, 2.5, 5.0, 10.0))
    totals = [min(max(round(rate * size), allowed + 1), size) for rate in rates]
    weights = [1 / len(rates)] * len(rates)
    evidence = _hypergeometric_evidence(_log_factorials(size), allowed, totals, weights)
    goal, count = -math.log(alpha) - SLACK, 0
    for n, event in enumerate(events, start=1):
        count += event
        # Draws without an event only take evidence from a block.
        if event and evidence(n, count) >= goal:
            return True
    return False


def _log_factorials(size: int) -> list[float]:
    """log 0!, log 1!, … log size!."""
    return [math.lgamma(number + 1) for number in range(size + 1)]


def _hypergeometric_evidence(
    factorials: Sequence[float], null: int, totals: Sequence[int], weights: Sequence[float]
) -> Callable[[int, int], float]:
    """(n, count) → log of mixture probability over null probability of ``count`` events in ``n`` draws
    without return, out of as many as ``factorials`` reach to."""
    size = len(factorials) - 1

    def log_probability(total: int, n: int, count: int) -> float:
        left, right = total - count, size - total - (n - count)
        if left < 0 or right < 0:
            return -math.inf
        return factorials[total] - factorials[left] + factorials[size - total] - factorials[right]

    def evidence(n: int, count: int) -> float:
        mixed = _log_mean([log_probability(total, n, count) for total in totals], weights)
        # Where neither can be, nothing speaks for the alternative.
        return mixed if mixed == -math.inf else mixed - log_probability(null, n, count)

    return evidence


def _log_evidence(
    null: float, rates: Sequence[float], weights: Sequence[float]
) -> Callable[[int, int], float]:
    """(n, count) → log of the mixture of binomial likelihood ratios against one null rate."""
    held = [math.log1p(-rate) - math.log1p(-null) for rate in rates]
    hit = [math.log(rate) - math.log(null) if rate > 0 else -math.inf for rate in rates]

    def evidence(n: int, count: int) -> float:
        clean = n - count
        return _log_mean(
            [clean * each + (count * event if count else 0.0) for each, event in zip(held, hit, strict=True)],
            weights,
        )

    return evidence


def _log_mean(logs: Sequence[float], weights: Sequence[float]) -> float:
    """log of Σ weight · exp(log)."""
    top = max(logs)
    if top == -math.inf:
        return top
    total = math.fsum(weight * math.exp(log - top) for log, weight in zip(logs, weights, strict=True))
    return top + math.log(total) if total > 0 else -math.inf


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
    evidence = _log_evidence(bound, _ship_rates(bound, good), _SHIP_WEIGHTS)

    def points(threshold: float) -> list[int]:
        """By event count, the fewest units with which the evidence is over the threshold."""
        goal = math.log(threshold) - SLACK
        found: list[int] = []
        for count in range(size + 1):
            if evidence(size, count) < goal:
                break
            low, high = max([count, *found[-1:]]), size
            while low < high:
                middle = (low + high) // 2
                low, high = (low, middle) if evidence(middle, count) >= goal else (middle + 1, high)
            found.append(low)
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
    width = len(points)
    alive = [1.0] + [0.0] * (width - 1) if width else []
    """Probability of each number of events among those who have not shipped."""
    total = 0.0
    held = 1 - rate
    for count, (before, point) in enumerate(pairwise((0, *points))):
        for _ in range(point - before):
            alive = [held * mine + rate * left for mine, left in zip(alive, (0.0, *alive), strict=False)]
        total += math.fsum(alive[: count + 1])
        alive[: count + 1] = [0.0] * (count + 1)
    return total


def _hopeless(points: Sequence[int], size: int, rate: float, minimum_n: int) -> list[int]:
    """For each n: the fewest events from which a system at ``rate`` ships with too little probability."""
    width = len(points) + 1
    found = [size + 1] * (size + 1)
    power = [0.0] * width
    for n in range(size, -1, -1):
        shipped = bisect_right(points, n) if n >= minimum_n else 0
        if n < size:
            power = [
                (1 - rate) * mine + rate * later for mine, later in zip(power, (*power[1:], 0.0), strict=True)
            ]
        power[:shipped] = [1.0] * shipped
        if n < size:
            lost = (count for count, chance in enumerate(power) if chance < LEAST_POWER)
            # Without a failure so far nothing is hopeless.
            found[n] = max(next(lost, size + 1), 1)
    return found


def family_decision(
    events: Sequence[bool],
    *,
    bound: float,
    good: float,
    size: int,
    alpha: float,
    minimum_n: int,
    uniform: bool,
) -> StopDecision:
    """The first decision about the population that the families stand for; ``impossible`` with too few. In an
    order that is not ``uniform`` only all of the families decide.

    Raises NotRecomputed where the plan is too large to check.
    """
    plan = _family_plan(bound, good, size, alpha, minimum_n)
    if plan is None:
        return StopDecision("impossible", len(events))
    rates = _rates_above(bound, (1.5, 2.5, 5.0, 10.0))
    for_block = _log_evidence(bound, rates, [1 / len(rates)] * len(rates))
    rates = _rates_above(bound, (1.0, 1.5, 2.5, 5.0, 10.0))
    for_futility = _log_evidence(good, rates, [1 / len(rates)] * len(rates))
    block_goal, futility_goal = -math.log(alpha) - SLACK, -math.log(FUTILITY_ERROR) - SLACK
    count = 0
    for n, event in enumerate(events[:size], start=1):
        count += event
        if not uniform and n < size:
            continue
        if count < len(plan.ship_points) and n >= max(plan.ship_points[count], minimum_n):
            return StopDecision("ship", n)
        if for_block(n, count) >= block_goal:
            return StopDecision("block_proven", n)
        if for_futility(n, count) >= futility_goal or count >= plan.hopeless[n]:
            return StopDecision("futility", n)
        if n == size:
            return StopDecision("exhausted", n)
    return StopDecision("open", min(len(events), size))


def family_exceeded(events: Sequence[bool], *, bound: float, size: int, alpha: float, uniform: bool) -> bool:
    """Whether some beginning of the events, or all of them, proves a rate over ``bound`` in the
    population."""
    seen = events[:size]
    if not seen or not (uniform or len(seen) == size):
        return False
    if not 0 < bound < 1:
        return bound <= 0 and any(seen)
    rates = _rates_above(bound, (1.5, 2.5, 5.0, 10.0))
    evidence = _log_evidence(bound, rates, [1 / len(rates)] * len(rates))
    goal, count = -math.log(alpha) - SLACK, 0
    for n, event in enumerate(seen, start=1):
        count += event
        if uniform and event and evidence(n, count) >= goal:
            return True
    return not uniform and evidence(len(seen), count) >= goal


def betting_decision(
    values: Sequence[float],
    *,
    size: int,
    alpha: float,
    ship: Sequence[tuple[float, float]],
    block: Sequence[tuple[float, float]],
    futility: Sequence[tuple[float, float]] = (),
    uniform: bool = True,
) -> StopDecision:
    """The first decision of bets on values: each bet (λ, m) multiplies its wealth by 1 + λ (x − m). In an
    order that is not ``uniform`` only all ``size`` values decide."""
    bets = {"ship": ship, "block_proven": block, "futility": futility}
    goals = {"ship": alpha, "block_proven": alpha, "futility": FUTILITY_ERROR}
    wealth = {kind: [0.0] * len(mine) for kind, mine in bets.items() if mine}
    gains: dict[float, dict[str, list[float]]] = {}
    for n, value in enumerate(values, start=1):
        # Few values come, and each many times.
        if value not in gains:
            gains[value] = {kind: [_log_gain(value, *bet) for bet in bets[kind]] for kind in wealth}
        for kind, gained in gains[value].items():
            logs = [before + gain for before, gain in zip(wealth[kind], gained, strict=True)]
            wealth[kind] = logs
            # The mean is never above the best.
            if (not uniform and n < size) or max(logs) < -math.log(goals[kind]) - SLACK:
                continue
            if _log_mean(logs, [1 / len(logs)] * len(logs)) >= -math.log(goals[kind]) - SLACK:
                return StopDecision(kind, n)
        if n >= size:
            return StopDecision("exhausted", n)
    return StopDecision("open", len(values))


def _log_gain(value: float, stake: float, centre: float) -> float:
    factor = 1 + stake * (value - centre)
    return math.log(factor) if factor > 0 else -math.inf


def betting_exceeded(
    values: Sequence[float], *, size: int, alpha: float, bets: Sequence[tuple[float, float]], uniform: bool
) -> bool:
    """Whether bets against a mean under the limit ever win, or, in an order that is not ``uniform``, at
    last."""
    if not values or (not uniform and len(values) < size):
        return False
    goal = -math.log(alpha) - SLACK
    weights = [1 / len(bets)] * len(bets)
    logs = [0.0] * len(bets)
    gains: dict[float, list[float]] = {}
    for value in values[:size]:
        # Few values come, and each many times.
        if value not in gains:
            gains[value] = [_log_gain(value, *bet) for bet in bets]
        logs = [before + gain for before, gain in zip(logs, gains[value], strict=True)]
        if uniform and max(logs) >= goal and _log_mean(logs, weights) >= goal:
            return True
    return not uniform and _log_mean(logs, weights) >= goal
