"""The sequential decision on one stream of yes-or-no events, for both kinds of claim.

Claims about a population read one attempt per family against an e-process with a calibrated
threshold. Claims about this finite suite read attempts in uniform order against a hypergeometric
e-process, and exact counting: when what remains cannot change the answer, the answer is known.

Each test asks for what it rests on: a population claim for independent units, and both for a uniform order.
In another order no prefix stands for the rest, so the whole count decides, or exact counting."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from safecase.stats import (
    Boundaries,
    Mixture,
    StatisticsError,
    block_mixture,
    build_test,
    crosses,
    log_e_without_replacement,
    log_threshold,
    ship_mixture,
    zero_failure_floor,
)

IntArray = NDArray[np.int64]
NEVER = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class StopDecision:
    """A decision and the number of units of the stream that it took."""

    kind: str
    """``ship``, ``futility``, ``block_proven``, ``census``, ``exhausted`` or ``open``."""
    n: int
    events: int
    exceeded: bool = False
    """For ``census``: the count is over what is allowed."""
    certain: bool = False
    """Exact counting decided: what remains of the suite cannot change the answer."""


def allowed_events(bound: float, size: int) -> int:
    """Events that a suite of ``size`` units may hold and still meet ``rate <= bound``."""
    return math.floor(bound * size + 1e-9)


class ProportionTest(Protocol):
    """A test whose decision depends on the number of units and events alone."""

    size: int

    def decide(self, n: int, events: int) -> str | None:
        """The final decision after ``n`` units with ``events`` events, None while open."""

    def first_decision(self, events: NDArray[np.bool_]) -> StopDecision:
        """The first final decision along a prefix of the stream."""

    def exceeds(self, n: int, events: int) -> bool:
        """Whether ``events`` among the first ``n`` units prove the limit to be exceeded, whatever was decided
        before."""

    def ever_exceeds(self, events: NDArray[np.bool_]) -> bool:
        """Whether some beginning of the stream, or all of it, proves the limit to be exceeded."""


@lru_cache(maxsize=256)
def _family_boundaries(bound: float, good: float, size: int, alpha: float, minimum_n: int) -> Boundaries:
    return build_test(bound, good, size, alpha=alpha, minimum_n=minimum_n).boundaries


class FamilyTest:
    """One attempt per family; the claim is about the population that the families stand for.

    Raises StatisticsError where ``size`` families can never ship, and where the units are not independent.
    """

    def __init__(
        self,
        bound: float,
        good: float,
        size: int,
        alpha: float,
        minimum_n: int,
        *,
        uniform: bool,
        independent: bool,
    ) -> None:
        if not independent:
            raise StatisticsError("a claim about a population takes one attempt of each family")
        self.size = size
        self._uniform = uniform
        self.boundaries = _family_boundaries(bound, good, size, alpha, minimum_n)

    def decide(self, n: int, events: int) -> str | None:
        if not self._uniform and n < self.size:
            return None
        decision = self.boundaries.decide(n, events)
        return {"continue": None, "blocked": "block_proven"}.get(decision, decision)

    def first_decision(self, events: NDArray[np.bool_]) -> StopDecision:
        if not self._uniform:
            total, found = len(events), int(events.sum())
            return StopDecision(self.decide(total, found) or "open", total, found)
        decision, n = self.boundaries.first_decision(events.astype(np.int8))
        count = int(events[:n].sum())
        kind = {"continue": "open", "blocked": "block_proven"}.get(decision, decision)
        return StopDecision(kind, n, count)

    def exceeds(self, n: int, events: int) -> bool:
        return (self._uniform or n == self.size) and n > 0 and events >= self.boundaries.block[n]

    def ever_exceeds(self, events: NDArray[np.bool_]) -> bool:
        if not self._uniform:
            return self.exceeds(len(events), int(events.sum()))
        limits = np.asarray(self.boundaries.block[1 : len(events) + 1])
        return bool((np.cumsum(events) >= limits).any())


@dataclass
class SuiteTest:
    """Every attempt of a finite suite; the claim is about this suite.

    ``allowed`` = floor(bound × size): the suite meets the bound where at most so many units are
    events. ``uniform`` says that the order is a uniform permutation; without it only exact counting
    decides.
    """

    size: int
    allowed: int
    alpha: float
    uniform: bool
    minimum_n: int
    ship: Mixture
    block: Mixture
    _ship_points: dict[int, int] = field(default_factory=dict)
    _block_ends: dict[int, int] = field(default_factory=dict)

    @classmethod
    def make(
        cls, bound: float, good: float, size: int, alpha: float, *, uniform: bool, minimum_n: int
    ) -> SuiteTest:
        """The test of "at most ``bound`` of these ``size`` units are events"."""
        limit = min(max(bound, 1.0 / size), 1 - 1e-9)
        design = good if 0 < good < limit else limit / 4
        return cls(
            size=size,
            allowed=allowed_events(bound, size),
            alpha=alpha,
            uniform=uniform,
            minimum_n=min(minimum_n, size),
            ship=ship_mixture(limit, design),
            block=block_mixture(limit),
        )

    def ship_point(self, events: int) -> int:
        """The smallest number of units at which ``events`` events ship; NEVER where none is."""
        if events > self.allowed:
            return NEVER
        if events not in self._ship_points:
            # So many units decide without statistics: even if all others were events, the limit would hold.
            certain = self.size - (self.allowed - events)
            low, high = events - 1, certain
            if self.uniform:
                while high - low > 1:
                    middle = (low + high) // 2
                    low, high = (low, middle) if self._ships(middle, events) else (middle, high)
            self._ship_points[events] = max(high, self.minimum_n, 1)
        return self._ship_points[events]

    def block_end(self, events: int) -> int:
        """The largest number of units at which ``events`` events still prove the block; -1: none."""
        if events > self.allowed:
            return self.size
        # In another order than a uniform one the first units stand for nothing but themselves.
        if not self.uniform or events == 0 or self.allowed >= self.size:
            return -1
        if events not in self._block_ends:
            low, high = events - 1, self.size
            while high - low > 1:
                middle = (low + high) // 2
                low, high = (middle, high) if self._blocks(middle, events) else (low, middle)
            self._block_ends[events] = low if low >= events else -1
        return self._block_ends[events]

    def _ships(self, n: int, events: int) -> bool:
        value = log_e_without_replacement(self.ship, self.size, self.allowed + 1, n, events)
        return bool(crosses(value, log_threshold(self.alpha)))

    def _blocks(self, n: int, events: int) -> bool:
        value = log_e_without_replacement(self.block, self.size, self.allowed, n, events)
        return bool(crosses(value, log_threshold(self.alpha)))

    def decide(self, n: int, events: int) -> str | None:
        if n >= self.ship_point(events):
            return "census" if n == self.size else "ship"
        if n <= self.block_end(events):
            return "census" if n == self.size else "block_proven"
        return "census" if n == self.size else None

    def exceeds(self, n: int, events: int) -> bool:
        return n <= self.block_end(events)

    def ever_exceeds(self, events: NDArray[np.bool_]) -> bool:
        positions = np.flatnonzero(events) + 1
        if len(positions) > self.allowed:
            return True
        if not self.uniform or not len(positions) or self.allowed >= self.size:
            return False
        counts = np.arange(1, len(positions) + 1)
        against = log_e_without_replacement(self.block, self.size, self.allowed, positions, counts)
        return bool(crosses(against, log_threshold(self.alpha)).any())

    def first_decision(self, events: NDArray[np.bool_]) -> StopDecision:
        total = len(events)
        positions = np.flatnonzero(events) + 1
        for count in range(self._first_candidate(positions, total), len(positions) + 1):
            start = int(positions[count - 1]) if count else 0
            end = int(positions[count]) - 1 if count < len(positions) else total
            if count and start <= self.block_end(count):
                return self._stop_at(start, count)
            point = max(self.ship_point(count), start)
            if point <= end and point >= 1:
                return self._stop_at(point, count)
        if total == self.size:
            return self._stop_at(total, len(positions))
        return StopDecision("open", total, len(positions))

    def _first_candidate(self, positions: IntArray, total: int) -> int:
        """The smallest number of events at which a decision falls; all at once, for long streams."""
        counts = np.arange(len(positions) + 1)
        starts = np.concatenate(([0], positions))
        ends = np.concatenate((positions - 1, [total]))
        decided = (counts > self.allowed) | (ends >= self.size - (self.allowed - counts))
        if self.uniform:
            within = counts <= self.allowed
            reached = log_e_without_replacement(self.ship, self.size, self.allowed + 1, ends, counts)
            decided |= within & crosses(reached, log_threshold(self.alpha))
            if self.allowed < self.size:
                against = log_e_without_replacement(self.block, self.size, self.allowed, starts, counts)
                decided |= (counts > 0) & crosses(against, log_threshold(self.alpha))
        found = np.flatnonzero(decided)
        return int(found[0]) if len(found) else len(positions)

    def _stop_at(self, n: int, events: int) -> StopDecision:
        kind = self.decide(n, events) or "open"
        exceeded = events > self.allowed
        certain = exceeded or n >= self.size - (self.allowed - events)
        return StopDecision(kind, n, events, exceeded=exceeded, certain=certain)


def make_test(
    *,
    population: str,
    bound: float,
    good: float,
    size: int,
    confidence: float,
    uniform: bool,
    independent: bool,
    minimum_n: int,
    whole: bool = False,
) -> ProportionTest:
    """The test of "the event rate is at most ``bound``" on a stream of ``size`` planned units.

    ``uniform``, ``independent``: what the stream is, as `safecase.gate.rule_slices.RuleSlice` says it.
    ``whole``: cases of the suite were seen before the run, so that it is met by all of its units alone, and
    no order can matter. Raises StatisticsError where a population claim can never be made with so few
    families, or with such a stream.
    """
    alpha = 1.0 - confidence
    if population == "families":
        if not 0 < bound < 1:
            raise StatisticsError("a claim about a population needs a bound strictly between 0 and 1")
        return FamilyTest(bound, good, size, alpha, minimum_n, uniform=uniform, independent=independent)
    if whole:
        uniform, minimum_n = False, size
    return SuiteTest.make(bound, good, size, alpha, uniform=uniform, minimum_n=minimum_n)


def families_needed(bound: float, confidence: float) -> int:
    """Families without a single event that any method needs to claim ``rate <= bound``."""
    return zero_failure_floor(bound, 1.0 - confidence)


def exceeds_at_last(
    bound: float, alpha: float, events: NDArray[np.bool_], *, size: int, uniform: bool
) -> bool:
    """Whether events of independent units prove "rate > ``bound``", where no test could ever ship.

    In an order that is not ``uniform`` only all ``size`` of them do.
    """
    if not len(events) or not (uniform or len(events) == size):
        return False
    if not 0 < bound < 1:
        return bound <= 0 and bool(events.any())
    n = np.arange(1, len(events) + 1)
    evidence = block_mixture(bound).log_e(n, np.cumsum(events))
    reached = crosses(evidence, log_threshold(alpha))
    return bool(reached.any() if uniform else reached[-1])
