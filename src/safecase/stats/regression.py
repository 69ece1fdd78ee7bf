"""Has the new version become worse? Paired with the cached results of the baseline, sequentially.

For case t in draw order, D_t = Y_t - b_t, with Y_t the new outcome (1 is a violation) and b_t the
baseline's mean over its cached repeats of the same case. Shipping means rejecting "mean increase >= delta"
with the bets 1 + lambda (delta - D); futility rejects "mean increase <= 0". Pairing removes the variance
between cases, and the cached baseline costs no call; no normal approximation is involved (one measured 10.6
% false ship at 5 %).
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats._requirements import require_probability
from safecase.stats.design import FUTILITY_ERROR
from safecase.stats.intervals import Interval
from safecase.stats.numerics._roots import bracketed_root
from safecase.stats.sequential.bounded import BoundedGatePlan
from safecase.stats.sequential.eprocess import Mixture

REGRESSION_BETS = (0.3, 0.6, 0.97)
"""lambda of the bets 1 + lambda (delta - D), equally weighted."""


def regression_gate(
    delta: float, n_max: int, *, alpha: float = 0.05, futility_error: float | None = 0.08
) -> BoundedGatePlan:
    """The gate "the violation rate rose by less than `delta`" on observations of `paired_observation`.

    `delta` in (0, 1), in probability; `n_max` new calls at most. In terms of X = (1 + D) / 2 in [0, 1] the
    nulls are "mean X >= (1 + delta) / 2" (ship), "mean X <= 1/2" (futility: no increase at all) and "mean X
    <= (1 + delta) / 2" (block: proven regression). ``futility_error`` None: never stop for futility, where a
    suite that is run whole is told by its mean anyway. Use with `BoundedSequentialTest`. Raises
    `StatisticsError` for arguments out of range.
    """
    require_probability("delta", delta)
    limit = (1.0 + delta) / 2.0
    weights = (1.0 / len(REGRESSION_BETS),) * len(REGRESSION_BETS)

    def alternatives(null: float, direction: int) -> tuple[float, ...]:
        # A bet lambda on D is a bet 2 lambda on X, the alternative null + 2 lambda null (1 - null).
        cap = 1.0 if direction < 0 else 1.0 / (2.0 * null)
        return tuple(null + direction * 2 * c * cap * null * (1 - null) for c in REGRESSION_BETS)

    return BoundedGatePlan(
        theta0=limit,
        alpha=alpha,
        n_max=n_max,
        ship=Mixture(limit, alternatives(limit, -1), weights),
        block=Mixture(limit, alternatives(limit, +1), weights),
        futility=None if futility_error is None else Mixture(0.5, alternatives(0.5, +1), weights),
        futility_error=FUTILITY_ERROR if futility_error is None else futility_error,
    )


def paired_observation(outcome: float, baseline: float) -> float:
    """X = (1 + outcome - baseline) / 2 in [0, 1], the unit that `regression_gate` bets on.

    `outcome`: 0 or 1 (or a mean) of the new version; `baseline`: the cached mean on the same case, or one
    fresh outcome of the baseline for an unpaired comparison. Raises `StatisticsError` outside [0, 1].
    """
    if not (0.0 <= outcome <= 1.0 and 0.0 <= baseline <= 1.0):
        raise StatisticsError(f"outcome and baseline must lie in [0, 1], got {outcome!r} and {baseline!r}")
    return (1.0 + outcome - baseline) / 2.0


def increase_interval(differences: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """The mean of `differences` D = outcome − baseline, shape (n,), in [-1, 1], with the limits that the bets
    of `regression_gate` prove: valid at every stopping time, and under the margin exactly where the gate
    ships.

    Each limit by itself holds with `confidence`, as the gate's decision does, so both together hold with
    ``2 confidence − 1``, which is the level of the interval. Raises `EmptyDenominatorError` without
    differences, `StatisticsError` for one outside [-1, 1].
    """
    d = np.asarray(differences, dtype=np.float64).ravel()
    if d.size == 0:
        raise EmptyDenominatorError("no pairs: the mean over an empty denominator is undefined")
    if not np.all((d >= -1) & (d <= 1)):
        raise StatisticsError("differences of rates must be numbers in [-1, 1]")
    alpha = 1.0 - require_probability("confidence", confidence)
    levels, counts = np.unique(d, return_counts=True)
    bets = np.asarray(REGRESSION_BETS)[:, None]
    goal = math.log(len(REGRESSION_BETS)) - math.log(alpha)

    def below(delta: float) -> float:
        stakes = bets / (1.0 + max(0.0, -delta))
        return float(np.logaddexp.reduce(np.log1p(stakes * (delta - levels)) @ counts)) - goal

    def above(delta: float) -> float:
        stakes = bets / (1.0 + delta)
        return float(np.logaddexp.reduce(np.log1p(stakes * (levels - delta)) @ counts)) - goal

    mean = float(d.mean())
    upper = bracketed_root(below, mean, 1.0, tolerance=1e-12) if below(mean) < 0 < below(1.0) else 1.0
    least, lower = -1.0 + 1e-9, -1.0
    if mean > least and above(mean) < 0 < above(least):
        lower = bracketed_root(above, least, mean, tolerance=1e-12)
    return Interval(mean, min(lower, mean), max(upper, mean), 2 * confidence - 1, "betting", int(d.size))


def increase(mean_observation: float) -> float:
    """The increase in violation rate, in [-1, 1], that a mean of `paired_observation` stands for."""
    return 2.0 * mean_observation - 1.0
