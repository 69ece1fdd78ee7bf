"""Choosing a guard's threshold: which ones are proven to miss few harmful inputs, and which is cheapest.

A guard flags when score >= t; it misses a harmful input when score < t, so the miss rate rises with t.
Picking the largest t whose empirical miss rate meets the limit breaks the limit in 55-65 % of
calibrations; the certified choice breaks it in at most 1 - confidence of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats._requirements import require_probability
from safecase.stats.sequential.eprocess import FloatArray, IntArray


@dataclass(frozen=True)
class CostCurve:
    """Cost per input of each threshold, shape (T,), with exact upper bounds on both error rates.

    `cost` = cost_miss * prevalence * miss_upper + cost_refuse * (1 - prevalence) * refuse_upper.
    """

    thresholds: FloatArray
    miss_rate: FloatArray
    miss_upper: FloatArray
    refuse_rate: FloatArray
    refuse_upper: FloatArray
    cost: FloatArray


def certified_thresholds(
    harmful_scores: npt.ArrayLike, thresholds: npt.ArrayLike, limit: float, confidence: float = 0.95
) -> FloatArray:
    """Thresholds whose miss rate is proven <= `limit`, all at once with `confidence`; ascending, maybe empty.

    Learn-then-test by fixed sequence: from the lowest threshold up, exact binomial test of "miss rate >
    limit" at full alpha, stopping at the first that is not rejected. `harmful_scores`, shape (n,), are an
    independent calibration sample of harmful inputs. `thresholds` must be fixed without looking at it. Raises
    `EmptyDenominatorError`, `StatisticsError`. Angelopoulos et al. 2021.
    """
    from scipy.special import bdtr

    scores, grid = _checked_scores(harmful_scores), _checked_grid(thresholds)
    require_probability("limit", limit)
    alpha = 1.0 - require_probability("confidence", confidence)
    misses = _below(scores, grid)
    rejected = bdtr(misses.astype(np.float64), scores.size, limit) <= alpha
    return grid[np.logical_and.accumulate(rejected)]


def conformal_threshold(
    harmful_scores: npt.ArrayLike, thresholds: npt.ArrayLike, limit: float
) -> float | None:
    """Largest threshold by conformal risk control: the miss rate averages <= `limit` over calibrations.

    The largest t with (misses(t) + 1) / (n + 1) <= limit, None if there is none. A statement on the mean
    only: a single calibration exceeds the limit in over 40 % of cases. Arguments and errors as
    `certified_thresholds`. Angelopoulos et al. 2022.
    """
    scores, grid = _checked_scores(harmful_scores), _checked_grid(thresholds)
    require_probability("limit", limit)
    allowed = (_below(scores, grid) + 1) / (scores.size + 1) <= limit
    return float(grid[allowed].max()) if allowed.any() else None


def empirical_threshold(
    harmful_scores: npt.ArrayLike, thresholds: npt.ArrayLike, limit: float
) -> float | None:
    """Largest threshold whose empirical miss rate is <= `limit`: for comparison, it guarantees nothing."""
    scores, grid = _checked_scores(harmful_scores), _checked_grid(thresholds)
    allowed = _below(scores, grid) / scores.size <= limit
    return float(grid[allowed].max()) if allowed.any() else None


def cost_curve(
    harmful_scores: npt.ArrayLike,
    benign_scores: npt.ArrayLike,
    thresholds: npt.ArrayLike,
    *,
    prevalence: float,
    cost_miss: float,
    cost_refuse: float,
    confidence: float = 0.95,
) -> CostCurve:
    """Miss and false-refusal rates with one-sided exact upper bounds, and the cost they imply, per threshold.

    `prevalence`: share of harmful inputs in use. Costs in any one unit. Bounds hold pointwise. Raises
    `EmptyDenominatorError` if either sample is empty, `StatisticsError` for negative costs.
    """
    from scipy.special import betaincinv

    harmful, benign = _checked_scores(harmful_scores), _checked_scores(benign_scores)
    grid = _checked_grid(thresholds)
    require_probability("confidence", confidence)
    require_probability("prevalence", prevalence, open_interval=False)
    if cost_miss < 0 or cost_refuse < 0:
        raise StatisticsError("costs must not be negative")

    def upper(events: IntArray, n: int) -> FloatArray:
        inside = np.minimum(events, n - 1)
        return np.where(events < n, betaincinv(inside + 1.0, n - inside, confidence), 1.0)

    misses, refusals = _below(harmful, grid), benign.size - _below(benign, grid)
    miss_upper, refuse_upper = upper(misses, harmful.size), upper(refusals, benign.size)
    cost = cost_miss * prevalence * miss_upper + cost_refuse * (1 - prevalence) * refuse_upper
    return CostCurve(
        grid, misses / harmful.size, miss_upper, refusals / benign.size, refuse_upper, np.asarray(cost)
    )


def cheapest_certified(curve: CostCurve, certified: npt.ArrayLike) -> float | None:
    """The threshold of least cost among the `certified` ones (lowest on ties); None if none is certified."""
    allowed = np.isin(curve.thresholds, np.asarray(certified, dtype=np.float64))
    if not allowed.any():
        return None
    return float(curve.thresholds[allowed][np.argmin(curve.cost[allowed])])


def _below(scores: FloatArray, grid: FloatArray) -> IntArray:
    """For each threshold of the grid, how many scores lie below it."""
    return np.asarray(np.searchsorted(np.sort(scores), grid, side="left"), dtype=np.int64)


def _checked_scores(scores: npt.ArrayLike) -> FloatArray:
    x = np.asarray(scores, dtype=np.float64).ravel()
    if x.size == 0:
        raise EmptyDenominatorError("no scores: an error rate over an empty denominator is undefined")
    if np.isnan(x).any():
        raise StatisticsError("scores contain NaN; count an unscored input as missed before calling")
    return x


def _checked_grid(thresholds: npt.ArrayLike) -> FloatArray:
    grid = np.unique(np.asarray(thresholds, dtype=np.float64))
    if grid.size == 0 or np.isnan(grid).any():
        raise StatisticsError("thresholds must be a non-empty array of numbers")
    return grid
