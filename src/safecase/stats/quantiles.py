"""Exact intervals for quantiles (latency, cost) from order statistics, without a distribution assumed."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats._requirements import require_probability
from safecase.stats.intervals import Interval, Side, split_confidence
from safecase.stats.numerics._roots import binomial_cdf


def quantile_interval(
    values: npt.ArrayLike, quantile: float, confidence: float = 0.95, *, side: Side = "both"
) -> Interval:
    """Interval for the `quantile` (0.95 for p95) of the distribution that `values`, shape (n,), come from.

    Limits are order statistics with exact binomial coverage, in the unit of `values`; -inf or +inf where n is
    too small for a finite limit (an upper limit of p95 at 95 % needs 59 values). `value` is the smallest
    observation with at least that share at or below it. +inf values (timeouts) are allowed.
    Raises `EmptyDenominatorError` without values, `StatisticsError` for NaN or a quantile outside (0, 1).
    """
    require_probability("quantile", quantile)
    x = np.sort(np.asarray(values, dtype=np.float64).ravel())
    n = int(x.size)
    if n == 0:
        raise EmptyDenominatorError("no values: a quantile of nothing is undefined")
    if np.isnan(x).any():
        raise StatisticsError("values contain NaN; record a timeout as infinity, not as a missing number")
    lower_alpha, upper_alpha = split_confidence(confidence, side)
    ranks = np.arange(n + 2)
    below = binomial_cdf(ranks - 1, n, quantile)
    lower, upper = -math.inf, math.inf
    if lower_alpha:
        rank = int(ranks[below <= lower_alpha].max(initial=0))
        lower = float(x[rank - 1]) if rank >= 1 else -math.inf
    if upper_alpha:
        # P(at least r values lie under the quantile) = 1 - cdf(r - 1).
        enough = ranks[(1.0 - below <= upper_alpha) & (ranks >= 1)]
        rank = int(enough.min())
        upper = float(x[rank - 1]) if rank <= n else math.inf
    value = float(x[max(0, math.ceil(quantile * n - 1e-9) - 1)])
    return Interval(value, lower, upper, confidence, "order-statistics", n)
