"""Counterfactual bias: the same prompt with only a group attribute changed, compared pair by pair."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
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

    `outcomes[group]`: 0/1 per prompt, shape (n,), prompts in the same order for every group. Raises
    `EmptyDenominatorError` for no prompts, `StatisticsError` for fewer than two groups or unequal shapes.
    """
    arrays = {group: np.asarray(values).ravel() for group, values in outcomes.items()}
    if len(arrays) < 2:
        raise StatisticsError("a counterfactual comparison needs at least two groups")
    if len({a.size for a in arrays.values()}) != 1:
        raise StatisticsError("every group needs an outcome for every prompt, in the same order")
    if not all(np.all((a == 0) | (a == 1)) for a in arrays.values()):
        raise StatisticsError("outcomes must be 0 or 1")
    pairs = list(combinations(arrays, 2))
    level = 1.0 - (1.0 - confidence) / len(pairs)
    rows = []
    for first, second in pairs:
        a, b = arrays[first], arrays[second]
        only_first, only_second = int(np.sum((a == 1) & (b == 0))), int(np.sum((a == 0) & (b == 1)))
        interval = paired_difference(only_first, only_second, int(a.size), level)
        rows.append(
            (first, second, only_first, only_second, interval, mcnemar_exact(only_first, only_second))
        )
    result = holm([row[-1] for row in rows], 1.0 - confidence)
    adjusted = result.adjusted if result.adjusted is not None else np.ones(len(rows))
    return tuple(
        PairComparison(*row, float(adjusted[i]), bool(result.rejected[i])) for i, row in enumerate(rows)
    )
