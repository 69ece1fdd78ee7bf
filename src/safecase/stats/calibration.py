"""Calibration of stated confidence or of a scorer's probability.

At under 5 % prevalence the expected calibration error is dominated by nearly empty top bins: read the
Brier score and the bins with their exact intervals.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats.intervals import Interval, clopper_pearson
from safecase.stats.sequential.eprocess import FloatArray


@dataclass(frozen=True)
class ReliabilityBin:
    """One bin [lower, upper) of stated probability (the last includes 1): its mean and the observed rate."""

    lower: float
    upper: float
    mean_probability: float
    observed: Interval


def brier_score(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> float:
    """Mean squared difference of stated probability and 0/1 outcome, shape (n,) each; 0 is best.

    Raises `EmptyDenominatorError` without values, `StatisticsError` for values out of range.
    """
    p, y = _checked(probabilities, outcomes)
    return float(np.mean((p - y) ** 2))


def reliability_bins(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, bins: int = 10, confidence: float = 0.95
) -> tuple[ReliabilityBin, ...]:
    """Equal-width bins of stated probability with the exact interval of the observed rate; no empty bins.

    Arguments and errors as `brier_score`.
    """
    p, y = _checked(probabilities, outcomes)
    if bins < 1:
        raise StatisticsError(f"bins must be at least 1, got {bins}")
    place = np.minimum((p * bins).astype(np.int64), bins - 1)
    result = []
    for b in range(bins):
        inside = place == b
        n = int(inside.sum())
        if n:
            observed = clopper_pearson(int(y[inside].sum()), n, confidence)
            result.append(ReliabilityBin(b / bins, (b + 1) / bins, float(p[inside].mean()), observed))
    return tuple(result)


def expected_calibration_error(
    probabilities: npt.ArrayLike, outcomes: npt.ArrayLike, *, bins: int = 10
) -> float:
    """Mean over draws of |stated - observed| per equal-width bin. Raises as `reliability_bins`."""
    parts = reliability_bins(probabilities, outcomes, bins=bins)
    total = sum(part.observed.n for part in parts)
    return sum(part.observed.n * abs(part.mean_probability - part.observed.value) for part in parts) / total


def _checked(probabilities: npt.ArrayLike, outcomes: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both as flat float arrays. Raises StatisticsError where they do not fit, or are no probabilities."""
    p = np.asarray(probabilities, dtype=np.float64).ravel()
    y = np.asarray(outcomes, dtype=np.float64).ravel()
    if p.shape != y.shape:
        raise StatisticsError(f"{p.size} probabilities but {y.size} outcomes")
    if p.size == 0:
        raise EmptyDenominatorError("no stated probability to compare")
    if not np.all((p >= 0) & (p <= 1)) or not np.all((y == 0) | (y == 1)):
        raise StatisticsError("probabilities must be numbers in [0, 1] and outcomes 0 or 1")
    return p, y
