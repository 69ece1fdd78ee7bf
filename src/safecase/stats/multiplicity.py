"""Many claims at once: family-wise error and false discovery rate, from p-values and from e-values.

Shipping needs none of this: "every category is below its limit" is an intersection-union test, each
category at full alpha. These are for the claims side ("these categories fail").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats._requirements import require_probability
from safecase.stats.sequential.eprocess import FloatArray, crosses


@dataclass(frozen=True)
class Rejections:
    """Which hypotheses are rejected (shape (K,), bool), and for p-values the adjusted ones (else None)."""

    rejected: npt.NDArray[np.bool_]
    adjusted: FloatArray | None = None

    @property
    def indices(self) -> tuple[int, ...]:
        """Positions of the rejected hypotheses."""
        return tuple(np.flatnonzero(self.rejected).tolist())


def holm(p_values: npt.ArrayLike, alpha: float = 0.05) -> Rejections:
    """Holm's step-down test: P(any false rejection) <= alpha under any dependence. Holm 1979.

    `p_values`, shape (K,), in [0, 1]. Raises `EmptyDenominatorError` for none, `StatisticsError` otherwise.
    """
    p = _checked_p(p_values)
    require_probability("alpha", alpha)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * (p.size - np.arange(p.size))
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(scaled))
    return Rejections(adjusted <= alpha, adjusted)


def benjamini_hochberg(p_values: npt.ArrayLike, alpha: float = 0.05) -> Rejections:
    """Benjamini-Hochberg: false discovery rate <= alpha for independent or positively dependent p-values.

    Arguments and errors as `holm`. Benjamini & Hochberg 1995.
    """
    p = _checked_p(p_values)
    require_probability("alpha", alpha)
    order = np.argsort(p, kind="stable")
    scaled = p[order] * p.size / np.arange(1, p.size + 1)
    adjusted = np.empty_like(p)
    adjusted[order] = np.minimum(1.0, np.minimum.accumulate(scaled[::-1])[::-1])
    return Rejections(adjusted <= alpha, adjusted)


def e_bonferroni(log_e: npt.ArrayLike, alpha: float = 0.05) -> Rejections:
    """Reject where e >= K / alpha: family-wise, any dependence, and valid on running maxima of e-processes.

    `log_e`, shape (K,): log e-values. Raises `EmptyDenominatorError` for none, `StatisticsError` for NaN.
    """
    values = _checked_e(log_e)
    require_probability("alpha", alpha)
    return Rejections(crosses(values, math.log(values.size / alpha)))


def e_holm(log_e: npt.ArrayLike, alpha: float = 0.05) -> Rejections:
    """Step-down e-Bonferroni: the i-th largest e-value needs (K - i + 1) / alpha, stopping at the first miss.

    Family-wise error <= alpha under any dependence; rejects at least what `e_bonferroni` does. Arguments and
    errors as there.
    """
    values = _checked_e(log_e)
    require_probability("alpha", alpha)
    order = np.argsort(-values, kind="stable")
    needed = np.log((values.size - np.arange(values.size)) / alpha)
    passed = np.array([bool(crosses(v, t)) for v, t in zip(values[order], needed, strict=True)])
    rejected = np.zeros(values.size, dtype=np.bool_)
    rejected[order] = np.logical_and.accumulate(passed)
    return Rejections(rejected)


def e_benjamini_hochberg(log_e: npt.ArrayLike, alpha: float = 0.05) -> Rejections:
    """e-BH: reject the k* largest, k* the largest k with k e_(k) / K >= 1 / alpha. arXiv:2009.02824.

    False discovery rate <= alpha under any dependence of the e-values. Not valid on running maxima of
    e-processes: evaluate all at one common stopping time. Arguments and errors as `e_bonferroni`.
    """
    values = _checked_e(log_e)
    require_probability("alpha", alpha)
    order = np.argsort(-values, kind="stable")
    ranks = np.arange(1, values.size + 1)
    passed = crosses(values[order] + np.log(ranks / values.size), -math.log(alpha))
    count = int(ranks[passed].max(initial=0))
    rejected = np.zeros(values.size, dtype=np.bool_)
    rejected[order[:count]] = True
    return Rejections(rejected)


def average_log_e(log_e: npt.ArrayLike, weights: npt.ArrayLike | None = None) -> float:
    """Log of the (weighted) mean of e-values: an e-value again under any dependence.

    `log_e`, shape (K,); `weights` positive, scaled to sum to 1, equal by default. Independent streams may
    instead be multiplied (add the logs). Raises as `e_bonferroni`.
    """
    values = _checked_e(log_e)
    w = np.ones(values.size) if weights is None else np.asarray(weights, dtype=np.float64)
    if w.shape != values.shape or not np.all(w > 0):
        raise StatisticsError("weights must be positive, one for each e-value")
    return float(np.logaddexp.reduce(values + np.log(w / w.sum())))


def _checked_p(p_values: npt.ArrayLike) -> FloatArray:
    p = np.asarray(p_values, dtype=np.float64).ravel()
    if p.size == 0:
        raise EmptyDenominatorError("no p-values given")
    if not np.all((p >= 0) & (p <= 1)):
        raise StatisticsError("p-values must be numbers in [0, 1]")
    return p


def _checked_e(log_e: npt.ArrayLike) -> FloatArray:
    values = np.asarray(log_e, dtype=np.float64).ravel()
    if values.size == 0:
        raise EmptyDenominatorError("no e-values given")
    if np.isnan(values).any():
        raise StatisticsError("log e-values must not be NaN")
    return values
