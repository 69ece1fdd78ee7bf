"""Ranking quality of a score: ROC and precision-recall curves, area under the ROC curve with an interval."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats._requirements import require_probability
from safecase.stats.intervals import Interval
from safecase.stats.sequential.eprocess import FloatArray


@dataclass(frozen=True)
class ThresholdCurve:
    """Rates of "score >= threshold" for each distinct score, descending; arrays of shape (T,)."""

    thresholds: FloatArray
    true_positive_rate: FloatArray
    false_positive_rate: FloatArray
    precision: FloatArray


def threshold_curve(scores: npt.ArrayLike, labels: npt.ArrayLike) -> ThresholdCurve:
    """ROC and precision-recall points. `labels` 0/1 (1 is to be detected), `scores` higher for 1; shape (n,).

    Raises `EmptyDenominatorError` if a class is absent, `StatisticsError` for NaN or other labels.
    """
    x, y = _checked(scores, labels)
    order = np.argsort(-x, kind="stable")
    x, y = x[order], y[order]
    last = np.append(np.flatnonzero(np.diff(x)), x.size - 1)
    hits = np.cumsum(y)[last]
    flagged = last + 1.0
    return ThresholdCurve(x[last], hits / y.sum(), (flagged - hits) / (y.size - y.sum()), hits / flagged)


def average_precision(scores: npt.ArrayLike, labels: npt.ArrayLike) -> float:
    """Area under the precision-recall curve as a sum of precision over steps of recall. Raises as there."""
    curve = threshold_curve(scores, labels)
    return float(np.sum(np.diff(curve.true_positive_rate, prepend=0.0) * curve.precision))


def auc(scores: npt.ArrayLike, labels: npt.ArrayLike, confidence: float = 0.95) -> Interval:
    """Area under the ROC curve (ties count half) with DeLong's interval on the logit scale.

    Arguments and errors as `threshold_curve`. Where the estimated variance is zero (perfect separation, or
    one draw of a class) the limits are those of as many independent pairs as the smaller class has draws, so
    the width is never zero. DeLong et al. 1988; fast form of Sun & Xu 2014.
    """
    from scipy.special import expit, logit, ndtri
    from scipy.stats import rankdata

    x, y = _checked(scores, labels)
    alpha = 1.0 - require_probability("confidence", confidence)
    positive, negative = x[y == 1], x[y == 0]
    m, n = positive.size, negative.size
    joint = rankdata(np.concatenate([positive, negative]))
    wins = (joint[:m] - rankdata(positive)) / n
    losses = 1.0 - (joint[m:] - rankdata(negative)) / m
    value = float(wins.mean())
    variance = 0.0
    if m > 1 and n > 1:
        variance = float(np.var(wins, ddof=1) / m + np.var(losses, ddof=1) / n)
    if variance > 0 and 0 < value < 1:
        spread = -float(ndtri(alpha / 2)) * math.sqrt(variance) / (value * (1 - value))
        lower, upper = float(expit(logit(value) - spread)), float(expit(logit(value) + spread))
        return Interval(value, lower, upper, confidence, "delong-logit", m + n)
    from safecase.stats.intervals import clopper_pearson_limits

    pairs = min(m, n)
    lower, upper = clopper_pearson_limits(value * pairs, pairs, alpha / 2, alpha / 2)
    return Interval(value, lower, upper, confidence, "independent-pairs", m + n)


def _checked(scores: npt.ArrayLike, labels: npt.ArrayLike) -> tuple[FloatArray, FloatArray]:
    """Both as flat float arrays. Raises StatisticsError, or EmptyDenominatorError where a class is
    missing."""
    x = np.asarray(scores, dtype=np.float64).ravel()
    y = np.asarray(labels, dtype=np.float64).ravel()
    if x.shape != y.shape:
        raise StatisticsError(f"{x.size} scores but {y.size} labels")
    if np.isnan(x).any() or not np.all((y == 0) | (y == 1)):
        raise StatisticsError("scores must be numbers and labels 0 or 1")
    if not 0 < y.sum() < y.size:
        raise EmptyDenominatorError("both classes must occur: the curve needs positives and negatives")
    return x, y
