"""Agreement between raters (people or judges): diagnostics that depend on prevalence, never a correction."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
import numpy.typing as npt

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats.intervals import Interval
from safecase.stats.resampling import bootstrap_interval
from safecase.stats.sequential.eprocess import FloatArray, IntArray

Weights = Literal["none", "linear", "quadratic"]
Level = Literal["nominal", "ordinal", "interval"]


@dataclass(frozen=True)
class ConfusionTable:
    """Counts, shape (C, C): row = category by the first rater, column = category by the second."""

    categories: tuple[Hashable, ...]
    counts: IntArray

    @property
    def observed_agreement(self) -> float:
        """Share of units on the diagonal."""
        return float(np.trace(self.counts) / self.counts.sum())


def confusion_table(
    first: Sequence[Hashable], second: Sequence[Hashable], categories: Sequence[Hashable] | None = None
) -> ConfusionTable:
    """Cross-table of two raters on the same units; `categories` fixes order (default: sorted by text).

    Raises `EmptyDenominatorError` without units, `StatisticsError` for unequal lengths or a rating outside
    `categories`.
    """
    if len(first) != len(second):
        raise StatisticsError(
            f"raters have {len(first)} and {len(second)} ratings; they must rate the same units"
        )
    if not first:
        raise EmptyDenominatorError("no rated units")
    names = tuple(categories) if categories is not None else tuple(sorted({*first, *second}, key=str))
    index = {name: i for i, name in enumerate(names)}
    unknown = {*first, *second} - set(names)
    if unknown:
        raise StatisticsError(f"ratings outside the categories: {sorted(map(str, unknown))}")
    counts = np.zeros((len(names), len(names)), dtype=np.int64)
    np.add.at(counts, ([index[a] for a in first], [index[b] for b in second]), 1)
    return ConfusionTable(names, counts)


def cohen_kappa(table: ConfusionTable, weights: Weights = "none") -> float:
    """Cohen's kappa of two raters; weighted by distance of category positions if asked (Cohen 1960, 1968).

    NaN where both raters use one and the same category throughout: chance agreement is 1, kappa undefined.
    """
    counts = table.counts.astype(np.float64)
    total = counts.sum()
    position = np.arange(counts.shape[0])
    distance = np.abs(position[:, None] - position[None, :]).astype(np.float64)
    if weights == "none":
        distance = (distance > 0).astype(np.float64)
    elif weights == "quadratic":
        distance = distance**2
    elif weights != "linear":
        raise StatisticsError(f"weights must be 'none', 'linear' or 'quadratic', got {weights!r}")
    expected = np.outer(counts.sum(axis=1), counts.sum(axis=0)) / total
    by_chance = float((distance * expected).sum())
    return 1.0 - float((distance * counts).sum()) / by_chance if by_chance > 0 else float("nan")


def cohen_kappa_interval(
    first: Sequence[Hashable],
    second: Sequence[Hashable],
    *,
    seed: int,
    weights: Weights = "none",
    confidence: float = 0.95,
    replicates: int = 1000,
) -> Interval:
    """Cohen's kappa with a seeded bootstrap interval over units. Raises as `bootstrap_interval`."""
    table = confusion_table(first, second)
    index = {name: i for i, name in enumerate(table.categories)}
    a, b = np.array([index[x] for x in first]), np.array([index[x] for x in second])
    size = len(table.categories)

    def statistic(units: IntArray) -> float:
        flat = np.bincount(a[units] * size + b[units], minlength=size * size)
        return cohen_kappa(ConfusionTable(table.categories, flat.reshape(size, size)), weights)

    return bootstrap_interval(
        statistic,
        a.size,
        seed=seed,
        confidence=confidence,
        replicates=replicates,
        method="cohen-kappa-bootstrap",
    )


def fleiss_kappa(ratings: npt.ArrayLike) -> float:
    """Fleiss' kappa. `ratings`, shape (units, categories): how many raters chose each category.

    Every unit needs the same number (>= 2) of raters. NaN if all ratings fall in one category. Raises
    `EmptyDenominatorError` without units, `StatisticsError` for unequal rater counts. Fleiss 1971.
    """
    counts = np.asarray(ratings, dtype=np.float64)
    if counts.ndim != 2 or counts.size == 0:
        raise EmptyDenominatorError("ratings must be a non-empty table of units by categories")
    raters = counts.sum(axis=1)
    if not np.all(raters == raters[0]) or raters[0] < 2:
        raise StatisticsError("Fleiss' kappa needs the same number (at least 2) of raters on every unit")
    m = raters[0]
    agreement = float(np.mean(((counts**2).sum(axis=1) - m) / (m * (m - 1))))
    chance = float(((counts.sum(axis=0) / counts.sum()) ** 2).sum())
    return (agreement - chance) / (1 - chance) if chance < 1 else float("nan")


def krippendorff_alpha(ratings: npt.ArrayLike, level: Level = "nominal") -> float:
    """Krippendorff's alpha. `ratings`, shape (raters, units), numeric codes, NaN where missing.

    Any number of raters, any pattern of missing ratings; units with fewer than two ratings carry nothing.
    For ``ordinal`` and ``interval`` the codes' order and distance count. NaN if no variation at all. Raises
    `EmptyDenominatorError` if no unit has two ratings. Krippendorff 2011.
    """
    data = _checked_ratings(ratings)
    codes, per_unit = _value_counts(data)
    return _alpha(per_unit, codes, level)


def krippendorff_alpha_interval(
    ratings: npt.ArrayLike,
    level: Level = "nominal",
    *,
    seed: int,
    confidence: float = 0.95,
    replicates: int = 1000,
) -> Interval:
    """Krippendorff's alpha with a seeded bootstrap interval over units. Raises as `krippendorff_alpha`."""
    data = _checked_ratings(ratings)
    codes, per_unit = _value_counts(data)
    return bootstrap_interval(
        lambda units: _alpha(per_unit[units], codes, level),
        per_unit.shape[0],
        seed=seed,
        confidence=confidence,
        replicates=replicates,
        method=f"krippendorff-alpha-{level}-bootstrap",
    )


def _checked_ratings(ratings: npt.ArrayLike) -> FloatArray:
    data = np.asarray(ratings, dtype=np.float64)
    if data.ndim != 2:
        raise StatisticsError(f"ratings must have shape (raters, units), got {data.shape}")
    data = data[:, (~np.isnan(data)).sum(axis=0) >= 2]
    if data.shape[1] == 0:
        raise EmptyDenominatorError("no unit was rated by at least two raters")
    return data


def _value_counts(data: FloatArray) -> tuple[FloatArray, FloatArray]:
    codes = np.unique(data[~np.isnan(data)])
    per_unit = np.stack([(data == code).sum(axis=0) for code in codes], axis=1).astype(np.float64)
    return codes, per_unit


def _alpha(per_unit: FloatArray, codes: FloatArray, level: Level) -> float:
    """Alpha of a table of ratings, shape (units, codes); units with one rating must be gone."""
    size = per_unit.sum(axis=1, keepdims=True)
    scaled = per_unit / (size - 1)
    coincidence = scaled.T @ per_unit - np.diag(scaled.sum(axis=0))
    marginal = coincidence.sum(axis=1)
    total = marginal.sum()
    if level == "nominal":
        distance = 1.0 - np.eye(codes.size)
    elif level == "interval":
        distance = (codes[:, None] - codes[None, :]) ** 2
    elif level == "ordinal":
        centre = np.cumsum(marginal) - marginal / 2
        distance = (centre[:, None] - centre[None, :]) ** 2
    else:
        raise StatisticsError(f"level must be 'nominal', 'ordinal' or 'interval', got {level!r}")
    expected = float((distance * np.outer(marginal, marginal)).sum())
    observed = float((distance * coincidence).sum())
    return 1.0 - (total - 1) * observed / expected if expected > 0 else float("nan")
