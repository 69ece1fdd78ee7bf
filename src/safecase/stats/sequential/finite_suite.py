"""A gate on a finite suite drawn without replacement: the claim is about this suite, not about a population.

Evidence is a mixture of hypergeometric likelihood ratios over the number of failing cases in the suite; a
full census always decides. Fewer calls than the with-replacement gate of the same limit.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from safecase.base import StatisticsError
from safecase.stats.design import OperatingCharacteristics
from safecase.stats.numerics._special import log_factorial
from safecase.stats.sequential.boundaries import Boundaries
from safecase.stats.sequential.eprocess import (
    FloatArray,
    Mixture,
    block_mixture,
    crosses,
    futility_mixture,
    log_threshold,
    ship_mixture,
)


def log_e_without_replacement(
    mixture: Mixture, suite_size: int, null_failures: int, n: npt.ArrayLike, failures: npt.ArrayLike
) -> FloatArray:
    """Log e-value after `failures` in `n` of `suite_size` cases, drawn uniformly without replacement.

    The null is "at least (below) / at most (above) `null_failures` failing cases in the suite"; alternatives
    are the mixture's rates times the suite size, rounded, at least one case away from the null. `n` and
    `failures` broadcast. +inf where the null has become impossible.
    """
    below = mixture.direction == "below"
    scaled = np.asarray(mixture.alternatives) * suite_size
    if below:
        counts = np.minimum(np.rint(scaled), null_failures - 1)
    else:
        counts = np.minimum(np.maximum(np.rint(scaled), null_failures + 1), suite_size)
    draws = np.asarray(n, dtype=np.float64)
    ones = np.asarray(failures, dtype=np.float64)

    def log_likelihood(total: FloatArray, s: FloatArray, zeros: FloatArray) -> FloatArray:
        possible = (s <= total) & (zeros <= suite_size - total)
        left = np.where(possible, total - s, 0.0)
        right = np.where(possible, suite_size - total - zeros, 0.0)
        logs = (
            log_factorial(total)
            - log_factorial(left)
            + log_factorial(suite_size - total)
            - log_factorial(right)
        )
        return np.asarray(np.where(possible, logs, -np.inf), dtype=np.float64)

    zeros = draws - ones
    null = log_likelihood(np.asarray(float(null_failures)), ones, zeros)
    terms = log_likelihood(counts, ones[..., None], zeros[..., None])
    mixed = np.logaddexp.reduce(terms + np.log(np.asarray(mixture.weights)), axis=-1)
    refuted = zeros > suite_size - null_failures if below else ones > null_failures
    with np.errstate(invalid="ignore"):
        ratio = np.where(np.isneginf(mixed), -np.inf, mixed - null)
    return np.asarray(np.where(refuted, np.inf, ratio), dtype=np.float64)


def finite_suite_boundaries(
    suite_size: int,
    theta0: float,
    theta1: float,
    *,
    alpha: float = 0.05,
    futility_error: float | None = None,
) -> Boundaries:
    """Boundaries of the gate "fewer than theta0 * suite_size cases of this suite fail", up to a census.

    H0 is "at least ceil(theta0 * suite_size) cases fail". `futility_error` adds a stop by reverse evidence
    against "at most floor(theta1 * suite_size) fail". Without it every run ends in a proof, by census at the
    latest. Raises `StatisticsError` unless 0 < theta1 < theta0 < 1 and theta0 * suite_size is at least 1.
    """
    if suite_size < 1:
        raise StatisticsError(f"suite_size must be at least 1, got {suite_size}")
    null = math.ceil(theta0 * suite_size - 1e-9)
    good = math.floor(theta1 * suite_size + 1e-9)
    ship, proof = ship_mixture(theta0, theta1), block_mixture(theta0)
    never = suite_size + 1
    n = np.arange(suite_size + 1)
    limits = np.full(suite_size + 1, -1)
    for s in range(null):
        reached = crosses(log_e_without_replacement(ship, suite_size, null, n, s), log_threshold(alpha)) & (
            n >= s
        )
        limits[reached] = s
    # The gate fails at `null` failing cases or more, so the block proof is against "at most null - 1".
    block = _stops(proof, suite_size, null - 1, log_threshold(alpha))
    futility = np.full(suite_size + 1, never)
    if futility_error is not None:
        futility = _stops(futility_mixture(theta0, theta1), suite_size, good, log_threshold(futility_error))
    return Boundaries(suite_size, tuple(limits.tolist()), tuple(futility.tolist()), tuple(block.tolist()))


def finite_suite_characteristics(
    boundaries: Boundaries, suite_size: int, failing: npt.ArrayLike
) -> OperatingCharacteristics:
    """Exact behaviour of `boundaries` on suites with `failing` failing cases each, shape (T,).

    `rates` of the result are failing / suite_size. Raises `StatisticsError` for counts out of range.
    """
    count = np.atleast_1d(np.asarray(failing, dtype=np.float64))
    if not np.all((count >= 0) & (count <= suite_size)) or boundaries.n_max > suite_size:
        raise StatisticsError(f"failing must lie in 0..{suite_size} and n_max not exceed the suite")
    stop = np.minimum(boundaries.futility, boundaries.block)
    size = int(min(boundaries.n_max, stop.max())) + 2
    alive = np.zeros((size, count.size))
    alive[0] = 1.0
    ship, futility, blocked, calls = (np.zeros(count.size) for _ in range(4))
    s = np.arange(size)[:, None]
    for n in range(1, boundaries.n_max + 1):
        calls += alive.sum(axis=0)
        chance = np.clip((count - s) / (suite_size - n + 1), 0.0, 1.0)
        step = alive * (1.0 - chance)
        step[1:] += (alive * chance)[:-1]
        ships = boundaries.ship[n] + 1
        ship += step[:ships].sum(axis=0)
        step[:ships] = 0.0
        proven = step[boundaries.block[n] :].sum(axis=0)
        futility += step[stop[n] :].sum(axis=0) - proven
        blocked += proven
        step[stop[n] :] = 0.0
        alive = step
    return OperatingCharacteristics(count / suite_size, ship, futility, blocked, alive.sum(axis=0), calls)


def _stops(mixture: Mixture, suite_size: int, null: int, threshold: float) -> npt.NDArray[np.int64]:
    """For each n the fewest events that reach the threshold; more than there can be where none do."""
    n = np.arange(suite_size + 1)
    limits = np.full(suite_size + 1, suite_size + 1, dtype=np.int64)
    for s in range(null + 1, -1, -1):
        reached = crosses(log_e_without_replacement(mixture, suite_size, null, n, s), threshold) & (n >= s)
        limits[reached] = s
    return limits
