"""Counterfactual bias: the same prompt with only a group attribute changed, compared pair by pair."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import numpy.typing as npt

from safecase.base import StatisticsError
from safecase.stats.comparisons import mcnemar_exact, paired_difference
from safecase.stats.intervals import Interval
from safecase.stats.multiplicity import holm


@dataclass(frozen=True)
class PairComparison:
    """Two groups on the same prompts: difference of rates (first - second), exact p-value, Holm-adjusted.

    `difference` holds simultaneously over all comparisons (Bonferroni); `differs` is the Holm decision.
    """

    first: Hashable
    second: Hashable
    only_first: int
    only_second: int
    difference: Interval
    p_value: float
    adjusted_p_value: float
    differs: bool


def counterfactual_comparisons(
    outcomes: Mapping[Hashable, npt.ArrayLike], confidence: float = 0.95
) -> tuple[PairComparison, ...]:
    """All pairs of groups by exact McNemar tests with Holm's correction.

    `outcomes[group]`: 0/1 per prompt, shape (n,), prompts in the same order for every group; NaN where the
    outcome is not known. What is missing may hang on the group, so the limits hold whatever the unknown
    outcomes are: the upper one with those of the first group 1 and those of the second 0, the lower one the
    other way round. Values and tests take an unknown outcome for 1. Raises `EmptyDenominatorError` for no
    prompts, `StatisticsError` for fewer than two groups or unequal shapes."""
    arrays = {group: np.asarray(values, dtype=np.float64).ravel() for group, values in outcomes.items()}
    if len(arrays) < 2:
        raise StatisticsError("a counterfactual comparison needs at least two groups")
    if len({a.size for a in arrays.values()}) != 1:
        raise StatisticsError("every group needs an outcome for every prompt, in the same order")
    if not all(np.all((a == 0) | (a == 1) | np.isnan(a)) for a in arrays.values()):
        raise StatisticsError("outcomes must be 0 or 1, or NaN where they are not known")
    pairs = list(combinations(arrays, 2))
    level = 1.0 - (1.0 - confidence) / len(pairs)
    rows = []
    for first, second in pairs:
        a, b = arrays[first] != 0, arrays[second] != 0
        sure_a, sure_b = arrays[first] == 1, arrays[second] == 1
        only_first, only_second = int(np.sum(a & ~b)), int(np.sum(~a & b))
        highest = paired_difference(int(np.sum(a & ~sure_b)), int(np.sum(~a & sure_b)), int(a.size), level)
        lowest = paired_difference(int(np.sum(sure_a & ~b)), int(np.sum(~sure_a & b)), int(a.size), level)
        interval = replace(
            paired_difference(only_first, only_second, int(a.size), level),
            lower=lowest.lower,
            upper=highest.upper,
        )
        rows.append(
            (first, second, only_first, only_second, interval, mcnemar_exact(only_first, only_second))
        )
    result = holm([row[-1] for row in rows], 1.0 - confidence)
    adjusted = result.adjusted if result.adjusted is not None else np.ones(len(rows))
    return tuple(
        PairComparison(*row, float(adjusted[i]), bool(result.rejected[i])) for i, row in enumerate(rows)
    )
