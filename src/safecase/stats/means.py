"""Limits on the mean of values in [0, 1] without assumptions on their distribution: betting.

A limit is where the betting evidence against "mean >= theta" reaches 1/alpha; it holds at every stopping
time. Unlike the normal approximation it never has zero width, and it stays valid for rare large severities.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats.intervals import Interval, Side, split_confidence
from safecase.stats.numerics._roots import bracketed_root
from safecase.stats.sequential.eprocess import FloatArray

SEVERITY_FRACTIONS = (0.3, 0.6, 0.98)
"""Bets, as fractions of the largest admissible one, that suit a mean near zero."""

MEAN_FRACTIONS = (0.02, 0.05, 0.1, 0.2, 0.35, 0.6, 0.98)
"""Bets, as fractions of the largest admissible one, for a mean anywhere in [0, 1]."""


def betting_mean(
    values: npt.ArrayLike,
    confidence: float = 0.95,
    *,
    side: Side = "both",
    fractions: Sequence[float] = MEAN_FRACTIONS,
) -> Interval:
    """Interval for the mean of `values` in [0, 1], shape (n,), valid at every stopping time.

    Mixture of constant bets ``1 + c (theta - x) / (1 - theta)`` over `fractions` c in (0, 1), equally
    weighted (Waudby-Smith & Ramdas, arXiv:2010.09686). Raises `EmptyDenominatorError` without values and
    `StatisticsError` for values outside [0, 1] or not numbers.
    """
    x = np.asarray(values, dtype=np.float64).ravel()
    if x.size == 0:
        raise EmptyDenominatorError("no values: the mean over an empty denominator is undefined")
    if not np.all((x >= 0) & (x <= 1)):
        raise StatisticsError("values must be numbers in [0, 1]; scale severities by their maximum")
    if not all(0 < c < 1 for c in fractions):
        raise StatisticsError(f"fractions must lie strictly between 0 and 1, got {tuple(fractions)}")
    lower_alpha, upper_alpha = split_confidence(confidence, side)
    levels, counts = np.unique(x, return_counts=True)
    bets = np.asarray(fractions, dtype=np.float64)
    upper = _upper(levels, counts, bets, upper_alpha) if upper_alpha else 1.0
    lower = 1.0 - _upper(1.0 - levels, counts, bets, lower_alpha) if lower_alpha else 0.0
    mean = float(x.mean())
    return Interval(mean, min(lower, mean), max(upper, mean), confidence, "betting", int(x.size))


def severity_mean_bound(severities: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """Upper bound on the mean severity per draw; `severities` in [0, 1], 0 where nothing was violated.

    Keep a separate 0/1 gate on the top severity: a weighted mean can trade one catastrophe for many
    nuisances. Raises as `betting_mean`.
    """
    return betting_mean(severities, confidence, side="upper", fractions=SEVERITY_FRACTIONS)


def _upper(levels: FloatArray, counts: npt.NDArray[np.int64], bets: FloatArray, alpha: float) -> float:
    """The upper limit of the mean: the root of the mixture of bets against ever larger means."""
    goal = -math.log(alpha) + math.log(bets.size)

    def gap(theta: float) -> float:
        gains = np.log1p(bets[:, None] * (theta - levels) / (1.0 - theta))
        return float(np.logaddexp.reduce(gains @ counts)) - goal

    low, high = float(levels @ counts / counts.sum()), 1.0 - 1e-9
    if gap(high) <= 0 or low >= high:
        return 1.0
    return bracketed_root(gap, low, high, tolerance=1e-12) if gap(low) < 0 else low
