"""Integer stopping boundaries of a sequential test on 0/1 data.

Evidence in 0/1 data depends on (n, failures) alone and is monotone in both, so every decision can be written
down in whole numbers before the first call. A replay compares integers: it is bit-identical on any machine,
whatever its logarithms round to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from safecase.base import StatisticsError
from safecase.stats.sequential.eprocess import FloatArray, IntArray, Mixture, crosses

StopDecision = Literal["continue", "ship", "futility", "blocked", "exhausted"]
"""What a sequential test says after a draw; all but ``continue`` are final.

``ship``: the rate is below the limit, at the declared confidence. ``blocked``: proven above the limit.
``futility``: not proven above, but not worth more calls. ``exhausted``: the planned calls are used up
without proof either way. Only ``ship`` is a pass.
"""

DECISIONS: tuple[StopDecision, ...] = ("continue", "ship", "futility", "blocked", "exhausted")


@dataclass(frozen=True)
class Boundaries:
    """When to stop after n draws with s failures, for n = 0..n_max (tuples of length n_max + 1).

    `ship[n]`: the largest s that ships, -1 if none does. `futility[n]`, `block[n]`: the smallest s that
    stops, n_max + 1 if none does. Where two apply, ship comes before blocked, and blocked before futility.
    """

    n_max: int
    ship: tuple[int, ...]
    futility: tuple[int, ...]
    block: tuple[int, ...]

    def __post_init__(self) -> None:
        if self.n_max < 1:
            raise StatisticsError(f"n_max must be at least 1, got {self.n_max}")
        lengths = {len(self.ship), len(self.futility), len(self.block)}
        if lengths != {self.n_max + 1}:
            raise StatisticsError(f"boundaries need n_max + 1 = {self.n_max + 1} entries each, got {lengths}")

    @cached_property
    def ship_points(self) -> tuple[int, ...]:
        """For s = 0, 1, ...: the smallest n that ships with s failures, as far as any n <= n_max does."""
        limits = np.asarray(self.ship)
        reachable = range(int(limits.max()) + 1)
        return tuple(int(np.argmax(limits >= s)) for s in reachable)

    def decide(self, n: int, failures: int, *, futility: bool = True) -> StopDecision:
        """The decision after `n` draws with `failures` failures; `futility=False` overrides that stop.

        Overriding futility never raises the probability of shipping above alpha. Raises `StatisticsError`
        unless 0 <= failures <= n <= n_max.
        """
        if not 0 <= failures <= n <= self.n_max:
            raise StatisticsError(f"need 0 <= failures <= n <= {self.n_max}, got {failures} of {n}")
        if failures <= self.ship[n]:
            return "ship"
        if failures >= self.block[n]:
            return "blocked"
        if futility and failures >= self.futility[n]:
            return "futility"
        return "exhausted" if n == self.n_max else "continue"

    def first_decision(self, outcomes: npt.ArrayLike) -> tuple[StopDecision, int]:
        """The first final decision along 0/1 `outcomes` in draw order, and the number of draws it took.

        Vectorised form of repeated `decide`. ("continue", len(outcomes)) if none is reached. Outcomes beyond
        n_max are not looked at. Raises `StatisticsError` if an outcome is neither 0 nor 1.
        """
        x = np.asarray(outcomes)
        if x.ndim != 1 or (x.size and not np.all((x == 0) | (x == 1))):
            raise StatisticsError("outcomes must be a one-dimensional array of 0 and 1")
        x = x[: self.n_max].astype(np.int64)
        n = np.arange(1, x.size + 1)
        s = np.cumsum(x)
        ship, futility, block = self._arrays
        final = (s <= ship[n]) | (s >= block[n]) | (s >= futility[n]) | (n == self.n_max)
        if not final.any():
            return "continue", int(x.size)
        first = int(np.argmax(final))
        return self.decide(first + 1, int(s[first])), first + 1

    @cached_property
    def _arrays(self) -> tuple[IntArray, IntArray, IntArray]:
        """The three boundaries as arrays: ship, futility, block."""
        return (
            np.asarray(self.ship, dtype=np.int64),
            np.asarray(self.futility, dtype=np.int64),
            np.asarray(self.block, dtype=np.int64),
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data (integers and lists) from which `from_dict` rebuilds equal boundaries."""
        return {
            "n_max": self.n_max,
            "ship": list(self.ship),
            "futility": list(self.futility),
            "block": list(self.block),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> Boundaries:
        """The inverse of `to_dict`."""
        return cls(int(data["n_max"]), tuple(data["ship"]), tuple(data["futility"]), tuple(data["block"]))


def ship_points(mixture: Mixture, log_threshold: float, n_max: int) -> IntArray:
    """For s = 0, 1, ...: the smallest n <= n_max at which s failures reach the threshold.

    `mixture` must bet below its null. The array ends with the last s for which such an n exists; it may be
    empty. Strictly increasing.
    """
    if mixture.direction != "below":
        raise StatisticsError("ship points need a mixture of alternatives below the null")
    counts = np.arange(n_max + 1)
    reached = crosses(mixture.log_e(n_max, counts), log_threshold)
    s = counts[: int(np.argmin(reached)) if not reached.all() else n_max + 1]
    low, high = s - 1, np.full(s.shape, n_max)
    while np.any(high - low > 1):
        middle = (low + high) // 2
        enough = crosses(mixture.log_e(np.maximum(middle, s), s), log_threshold) & (middle >= s)
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.asarray(high, dtype=np.int64)


def limits_from_points(points: Sequence[int] | IntArray, n_max: int, minimum_n: int = 1) -> IntArray:
    """Largest shipping s for n = 0..n_max (-1: none), from ship points; nothing ships before `minimum_n`."""
    limits = np.searchsorted(np.asarray(points, dtype=np.int64), np.arange(n_max + 1), side="right") - 1
    limits[: min(minimum_n, n_max + 1)] = -1
    return np.asarray(limits, dtype=np.int64)


def stop_limits(mixture: Mixture, log_threshold: float, n_max: int) -> IntArray:
    """Smallest s reaching the threshold for n = 0..n_max; n_max + 1 where no s <= n does.

    `mixture` must bet above its null.
    """
    if mixture.direction != "above":
        raise StatisticsError("stop limits need a mixture of alternatives above the null")
    never = n_max + 1
    reached = crosses(mixture.log_e(n_max, np.arange(n_max + 1)), log_threshold)
    highest = int(np.argmax(reached)) if reached.any() else n_max
    s = np.arange(highest + 1)
    # Largest n (at least s) at which s failures still stop; s - 1 where they never do.
    low, high = s - 1, np.full(s.shape, n_max + 1)
    while np.any(high - low > 1):
        middle = (low + high) // 2
        enough = crosses(mixture.log_e(middle, s), log_threshold)
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    last = np.where(low >= s, low, -1)
    n = np.arange(n_max + 1)
    limits = np.searchsorted(last, n, side="left")
    return np.asarray(np.where((limits <= highest) & (limits <= n), limits, never), dtype=np.int64)


def conditional_power(limits: IntArray, n_max: int, rate: float) -> FloatArray:
    """P(ship by n_max | n draws, s failures) at a true `rate`, ignoring stops for futility.

    `limits` are the largest shipping s for n = 0..n_max. Result: shape (n_max + 1, S) for s = 0..S-1, where
    S - 1 is the first s that can never ship. Backward dynamic programme; exact.
    """
    size = int(limits.max()) + 2
    power = np.zeros((n_max + 1, size))
    value = (np.arange(size) <= limits[n_max]).astype(np.float64)
    power[n_max] = value
    for n in range(n_max - 1, -1, -1):
        value = (1.0 - rate) * value
        value[:-1] += rate * power[n + 1, 1:]
        value[: limits[n] + 1] = 1.0
        power[n] = value
    return power


def conditional_power_limits(limits: IntArray, n_max: int, rate: float, least: float) -> IntArray:
    """Smallest s for n = 0..n_max at which `conditional_power` falls under `least`; n_max + 1 if none."""
    low = conditional_power(limits, n_max, rate) < least
    found = np.where(low.any(axis=1), np.argmax(low, axis=1), n_max + 1)
    found[n_max] = n_max + 1
    return np.asarray(found, dtype=np.int64)
