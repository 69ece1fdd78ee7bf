"""Planning of a gate before the first call: thresholds, sizes and what they cost, exactly.

Everything here is a dynamic programme over (calls, failures): no simulation, no normal approximation. The
calibrated threshold replaces Ville's 1/alpha by the smallest c with P(the evidence ever reaches c within N
calls) <= alpha at the limit itself. It is valid for pre-registered N and 0/1 draws whenever every conditional
violation rate is at least theta0 under the null, whatever the dependence (by coupling).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt

from safecase.base import StatisticsError
from safecase.stats._requirements import require_probability
from safecase.stats.numerics._roots import binomial_cdf
from safecase.stats.numerics._special import log_factorial
from safecase.stats.sequential.boundaries import (
    Boundaries,
    conditional_power_limits,
    limits_from_points,
    ship_points,
    stop_limits,
)
from safecase.stats.sequential.eprocess import (
    TIE_EPSILON,
    FloatArray,
    IntArray,
    Mixture,
    block_mixture,
    futility_mixture,
    log_threshold,
    ship_mixture,
)

FUTILITY_ERROR = 0.08
"""Default bound on P(the reverse e-process stops a system that meets the design rate)."""

LEAST_CONDITIONAL_POWER = 0.30
"""Default: stop when a system at the design rate would ship from here with less than this probability."""


@dataclass(frozen=True)
class OperatingCharacteristics:
    """What a rule does at each true rate; arrays of shape (T,), probabilities in [0, 1], calls in draws."""

    rates: FloatArray
    ship: FloatArray
    futility: FloatArray
    blocked: FloatArray
    exhausted: FloatArray
    expected_calls: FloatArray


@dataclass(frozen=True)
class GatePlan:
    """A sequential gate "rate <= theta0", fixed before the first draw.

    `theta1`: design rate of a system that deserves to ship. `alpha`: bound on P(ship) at or above theta0.
    `futility_error`: bound on P(the reverse e-process stops) at or below theta1; None if it is switched off.
    `threshold`: e-value that ships, 1/alpha or smaller if `calibrated`. `n_max`: draws at most. `ship`,
    `futility`, `block`: the three e-processes. `boundaries`: the same in whole numbers, which decide.
    """

    theta0: float
    theta1: float
    alpha: float
    futility_error: float | None
    least_conditional_power: float
    minimum_n: int
    n_max: int
    threshold: float
    calibrated: bool
    ship: Mixture
    futility: Mixture
    block: Mixture
    boundaries: Boundaries

    def to_dict(self) -> dict[str, Any]:
        """Plain data, boundaries included, so that a replay needs no recomputation."""
        return {
            "theta0": self.theta0,
            "theta1": self.theta1,
            "alpha": self.alpha,
            "futility_error": self.futility_error,
            "least_conditional_power": self.least_conditional_power,
            "minimum_n": self.minimum_n,
            "n_max": self.n_max,
            "threshold": self.threshold,
            "calibrated": self.calibrated,
            "ship": self.ship.to_dict(),
            "futility": self.futility.to_dict(),
            "block": self.block.to_dict(),
            "boundaries": self.boundaries.to_dict(),
        }

    @classmethod
    def from_dict(cls, data: dict[str, Any]) -> GatePlan:
        """The inverse of `to_dict`."""
        fields = dict(data)
        for name in ("ship", "futility", "block"):
            fields[name] = Mixture.from_dict(data[name])
        fields["boundaries"] = Boundaries.from_dict(data["boundaries"])
        return cls(**fields)


def zero_failure_floor(theta0: float, alpha: float) -> int:
    """Draws without a failure needed by any method to claim "rate <= theta0" at confidence 1 - alpha.

    ceil(ln(1/alpha) / -ln(1 - theta0)): 149 for 2 %, 59 for 5 %, at 95 %. Also the floor on human-verified
    labels, and on independent families, of an assumption-free claim.
    """
    ratio = log_threshold(alpha) / -math.log1p(-require_probability("theta0", theta0))
    return max(1, math.ceil(ratio - 1e-9))


def crossing_probability(points: IntArray, rate: float) -> float:
    """P(some n has at most s failures with n >= points[s]) for 0/1 draws at `rate`; exact.

    `points` are ship points: non-decreasing, one for each s = 0, 1, ...
    """
    if len(points) == 0:
        return 0.0
    size = len(points)
    k = np.arange(size)
    log_odds = k * math.log(rate)
    of_events = log_factorial(k)
    alive = np.zeros(size)
    alive[0] = 1.0
    total, previous = 0.0, 0
    for s, point in enumerate(np.asarray(points).tolist()):
        draws = point - previous
        previous = point
        feasible = np.minimum(k, draws)
        log_pmf = (
            log_factorial(draws)
            - of_events
            - log_factorial(draws - feasible)
            + log_odds
            + (draws - k) * math.log1p(-rate)
        )
        pmf = np.where(k <= draws, np.exp(log_pmf), 0.0)
        alive = np.convolve(alive, pmf)[:size]
        total += float(alive[: s + 1].sum())
        alive[: s + 1] = 0.0
    return total


@lru_cache(maxsize=256)
def calibrated_threshold(mixture: Mixture, alpha: float, n_max: int, minimum_n: int = 1) -> float:
    """Smallest c with P(e-value reaches c within n_max 0/1 draws) <= alpha at the null rate of `mixture`.

    Never above 1/alpha. Found by bisection to a relative 1e-7, on the safe side; a probability of alpha up to
    rounding (`TIE_EPSILON`) is alpha, as with one draw at 90 % and alpha = 10 %. The claim needs n_max fixed
    in advance and binary draws; otherwise use 1/alpha. Raises `StatisticsError` for arguments out of range.
    """
    require_probability("alpha", alpha)
    if n_max < 1:
        raise StatisticsError(f"n_max must be at least 1, got {n_max}")
    low, high = 1.0, 1.0 / alpha
    while high - low > 1e-7 * high:
        middle = (low + high) / 2
        points = np.maximum(ship_points(mixture, math.log(middle), n_max), min(minimum_n, n_max))
        if crossing_probability(points, mixture.null) <= alpha + TIE_EPSILON:
            high = middle
        else:
            low = middle
    return high


@lru_cache(maxsize=256)
def build_test(
    theta0: float,
    theta1: float,
    n_max: int,
    *,
    alpha: float = 0.05,
    calibrated: bool = True,
    futility_error: float | None = FUTILITY_ERROR,
    least_conditional_power: float = LEAST_CONDITIONAL_POWER,
    minimum_n: int = 1,
    ship: Mixture | None = None,
) -> GatePlan:
    """The sequential gate "rate <= theta0" with at most `n_max` draws.

    `futility_error=None` switches the reverse e-process off, `least_conditional_power=0` the look-ahead (a
    value near 0 leaves plain curtailment: stop when shipping is impossible). `ship` replaces the default
    mixture against theta0. Nothing ships before `minimum_n` draws.
    Raises `StatisticsError` if arguments are out of range or no outcome within n_max could ever ship.
    """
    require_probability("alpha", alpha)
    if futility_error is not None:
        require_probability("futility_error", futility_error)
    if not 0 <= least_conditional_power < 1:
        raise StatisticsError(f"least_conditional_power must be in [0, 1), got {least_conditional_power}")
    mixture = ship or ship_mixture(theta0, theta1)
    if mixture.null != theta0:
        raise StatisticsError(f"the ship mixture bets against {mixture.null}, not against theta0 = {theta0}")
    reverse, proof = futility_mixture(theta0, theta1), block_mixture(theta0)
    floor = max(zero_failure_floor(theta0, alpha), minimum_n)
    if n_max < floor:
        raise StatisticsError(
            f"n_max = {n_max} can never ship: {floor} draws are needed even without a single failure "
            f"to claim a rate <= {theta0} at confidence {1 - alpha:g}"
        )
    threshold = calibrated_threshold(mixture, alpha, n_max, minimum_n) if calibrated else 1.0 / alpha
    points = ship_points(mixture, math.log(threshold), n_max)
    if len(points) == 0:
        raise StatisticsError(f"n_max = {n_max} can never ship at threshold {threshold:.4g}; plan more draws")
    limits = limits_from_points(points, n_max, minimum_n)
    stop = np.full(n_max + 1, n_max + 1, dtype=np.int64)
    if futility_error is not None:
        stop = np.minimum(stop, stop_limits(reverse, log_threshold(futility_error), n_max))
    if least_conditional_power > 0:
        # So long as nothing failed the question is open, however few draws somebody planned.
        hopeless = conditional_power_limits(limits, n_max, theta1, least_conditional_power)
        stop = np.minimum(stop, np.maximum(hopeless, 1))
    proven = stop_limits(proof, log_threshold(alpha), n_max)
    boundaries = Boundaries(n_max, tuple(limits.tolist()), tuple(stop.tolist()), tuple(proven.tolist()))
    return GatePlan(
        theta0=theta0,
        theta1=theta1,
        alpha=alpha,
        futility_error=futility_error,
        least_conditional_power=least_conditional_power,
        minimum_n=minimum_n,
        n_max=n_max,
        threshold=threshold,
        calibrated=calibrated,
        ship=mixture,
        futility=reverse,
        block=proof,
        boundaries=boundaries,
    )


@lru_cache(maxsize=128)
def plan_gate(
    theta0: float,
    theta1: float,
    *,
    alpha: float = 0.05,
    power: float = 0.90,
    calibrated: bool = True,
    futility_error: float | None = FUTILITY_ERROR,
    least_conditional_power: float = LEAST_CONDITIONAL_POWER,
    minimum_n: int = 1,
    n_limit: int = 20_000,
) -> GatePlan:
    """The gate "rate <= theta0" with the smallest n_max that ships a theta1 system with probability `power`.

    Power is nearly, not exactly, monotone in n_max; the result reaches it and n_max - 1 does not. Raises
    `StatisticsError` if arguments are out of range or `n_limit` draws do not reach the power.
    """
    require_probability("power", power)

    def attempt(n_max: int) -> GatePlan:
        return build_test(
            theta0,
            theta1,
            n_max,
            alpha=alpha,
            calibrated=calibrated,
            futility_error=futility_error,
            least_conditional_power=least_conditional_power,
            minimum_n=minimum_n,
        )

    def reaches(n_max: int) -> bool:
        try:
            plan = attempt(n_max)
        except StatisticsError:
            return False
        return bool(operating_characteristics(plan.boundaries, [theta1]).ship[0] >= power)

    ship_mixture(theta0, theta1)
    unreachable = (
        f"no gate of at most n_limit = {n_limit} draws ships a system at {theta1} with power {power} "
        f"against the limit {theta0}; widen the gap between theta1 and theta0 or raise n_limit"
    )
    if _approximate_sample_size(theta0, theta1, alpha, power) > n_limit:
        raise StatisticsError(unreachable)
    fixed = fixed_sample_size(theta0, theta1, alpha=alpha, power=power)[0]
    low, high = max(zero_failure_floor(theta0, alpha), minimum_n) - 1, max(2 * fixed, minimum_n + 1)
    while not reaches(high):
        low, high = high, high + max(1, high // 2)
        if high > n_limit:
            raise StatisticsError(unreachable)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if reaches(middle) else (middle, high)
    return attempt(high)


def operating_characteristics(boundaries: Boundaries, rates: npt.ArrayLike) -> OperatingCharacteristics:
    """Exact behaviour of `boundaries` under independent 0/1 draws at each true rate, shape (T,).

    P(ship), P(futility), P(blocked), P(exhausted), expected number of draws. Forward dynamic programme.
    """
    theta = np.atleast_1d(np.asarray(rates, dtype=np.float64))
    if theta.ndim != 1 or not np.all((theta >= 0) & (theta <= 1)):
        raise StatisticsError("rates must be a one-dimensional array of numbers between 0 and 1")
    n_max = boundaries.n_max
    stop = np.minimum(boundaries.futility, boundaries.block)
    size = int(min(n_max, stop.max())) + 2
    alive = np.zeros((size, theta.size))
    alive[0] = 1.0
    ship, futility, blocked, calls = (np.zeros(theta.size) for _ in range(4))
    up, stay = theta[None, :], 1.0 - theta[None, :]
    for n in range(1, n_max + 1):
        calls += alive.sum(axis=0)
        step = alive * stay
        step[1:] += alive[:-1] * up
        ships = boundaries.ship[n] + 1
        if ships > 0:
            ship += step[:ships].sum(axis=0)
            step[:ships] = 0.0
        blocks, stops = boundaries.block[n], int(stop[n])
        if stops < size:
            blocked_mass = step[blocks:].sum(axis=0) if blocks < size else 0.0
            futility += step[stops:].sum(axis=0) - blocked_mass
            blocked += blocked_mass
            step[stops:] = 0.0
        alive = step
    return OperatingCharacteristics(theta, ship, futility, blocked, alive.sum(axis=0), calls)


def chance_to_ship(plan: GatePlan, rates: npt.ArrayLike) -> FloatArray:
    """P(ship) of `plan` at each true rate, shape (T,): to be stated before the run."""
    return operating_characteristics(plan.boundaries, rates).ship


def fixed_ship_points(theta0: float, alpha: float, count: int) -> IntArray:
    """Smallest n for s = 0..count-1 whose one-sided Clopper-Pearson upper bound is <= theta0.

    149, 236, 313, 386, 456 for 2 % at 95 %.
    """
    require_probability("theta0", theta0)
    require_probability("alpha", alpha)
    s = np.arange(count)
    low = np.full(count, zero_failure_floor(theta0, alpha) - 1, dtype=np.int64)
    high = np.full(count, int((count + 10) / theta0 + 4 * math.sqrt(count + 10) * 4 / theta0), dtype=np.int64)
    while np.any(binomial_cdf(s, high, theta0) > alpha):
        high *= 2
    while np.any(high - low > 1):
        middle = (low + high) // 2
        enough = binomial_cdf(s, middle, theta0) <= alpha
        low, high = np.where(enough, low, middle), np.where(enough, middle, high)
    return np.asarray(high, dtype=np.int64)


@lru_cache(maxsize=256)
def fixed_sample_size(
    theta0: float, theta1: float, *, alpha: float = 0.05, power: float = 0.90
) -> tuple[int, int]:
    """(n, largest shipping number of failures) of the smallest exact fixed-size test.

    Size alpha at theta0, power at theta1. Raises `StatisticsError` unless 0 < theta1 < theta0 < 1.
    """
    ship_mixture(theta0, theta1)
    require_probability("power", power)
    if _approximate_sample_size(theta0, theta1, alpha, power) > 1e7:
        raise StatisticsError(
            f"theta1 = {theta1} is too close to theta0 = {theta0}: over 10 million draws needed"
        )
    batch, start = 16, 0
    while True:
        points = fixed_ship_points(theta0, alpha, start + batch)[start:]
        enough = binomial_cdf(np.arange(start, start + batch), points, theta1) >= power
        if enough.any():
            first = int(np.argmax(enough))
            return int(points[first]), start + first
        start, batch = start + batch, batch * 2


def _approximate_sample_size(theta0: float, theta1: float, alpha: float, power: float) -> float:
    """Normal approximation, only to reject hopeless plans before the exact search."""
    from scipy.special import ndtri

    spread = ndtri(1 - alpha) * math.sqrt(theta0 * (1 - theta0)) + ndtri(power) * math.sqrt(
        theta1 * (1 - theta1)
    )
    return float((spread / (theta0 - theta1)) ** 2)


def fixed_boundaries(n: int, max_failures: int, *, curtailed: bool = False) -> Boundaries:
    """The fixed rule "ship iff at most `max_failures` in `n`"; `curtailed` stops once that is settled."""
    if not 0 <= max_failures < n:
        raise StatisticsError(f"max_failures must lie in 0..{n - 1}, got {max_failures}")
    calls = np.arange(n + 1)
    never = n + 1
    ship = np.full(n + 1, -1)
    ship[n] = max_failures
    stop = np.full(n + 1, never)
    if curtailed:
        ship = np.maximum(max_failures - (n - calls), -1)
        stop[:] = max_failures + 1
    return Boundaries(n, tuple(ship.tolist()), tuple(stop.tolist()), (never,) * (n + 1))
