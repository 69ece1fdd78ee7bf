"""Seeded percentile bootstrap, for diagnostics that have no exact interval. Never for a gate."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats._requirements import require_probability
from safecase.stats.intervals import Interval
from safecase.stats.sequential.eprocess import IntArray


def bootstrap_interval(
    statistic: Callable[[IntArray], float],
    units: int,
    *,
    seed: int,
    confidence: float = 0.95,
    replicates: int = 1000,
    method: str = "bootstrap",
) -> Interval:
    """Percentile bootstrap over `units`: `statistic` maps an index array (shape (units,)) to a number.

    Replicates where the statistic is undefined (NaN) are left out; if more than half are, raises
    `StatisticsError`. A sample without variation gives zero width: read it as "unknown", not as "certain".
    Raises `EmptyDenominatorError` without units.
    """
    if units == 0:
        raise EmptyDenominatorError("nothing to resample: no units")
    alpha = 1.0 - require_probability("confidence", confidence)
    rng = np.random.Generator(np.random.PCG64(seed))
    value = statistic(np.arange(units))
    draws = np.array([statistic(rng.integers(0, units, units)) for _ in range(replicates)])
    defined = draws[~np.isnan(draws)]
    if np.isnan(value) or defined.size < replicates / 2:
        raise StatisticsError("the statistic is undefined on this sample or on most of its resamples")
    lower, upper = np.quantile(defined, [alpha / 2, 1 - alpha / 2])
    return Interval(
        float(value), min(float(lower), value), max(float(upper), value), confidence, method, units
    )
