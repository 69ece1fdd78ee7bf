"""Estimates for people to read: always with an interval, never of nothing."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from safecase.model import Estimate
from safecase.stats import Interval, clopper_pearson, confidence_sequence, korn_graubard


def from_interval(
    interval: Interval, *, unit: str = "rate", families: int | None = None, corrected: bool = False
) -> Estimate | None:
    """An estimate from an interval; None where a limit is not finite, because too little was seen."""
    if not (
        math.isfinite(interval.lower) and math.isfinite(interval.upper) and math.isfinite(interval.value)
    ):
        return None
    return Estimate(
        value=interval.value,
        lower=min(interval.lower, interval.value),
        upper=max(interval.upper, interval.value),
        confidence=interval.confidence,
        method=interval.method,
        n=interval.n,
        events=interval.successes,
        families=families if families is not None else interval.clusters,
        judge_corrected=corrected,
        unit=unit,
    )


def rate_estimate(
    events: NDArray[np.bool_], families: Sequence[str], *, confidence: float, early: bool
) -> Estimate | None:
    """The rate of ``events`` with a two-sided interval; None where there is no event and no non-event.

    Stopped early: the confidence sequence, which holds at every stopping time. Otherwise
    Clopper–Pearson where each family stands once, and Korn–Graubard where families repeat.
    """
    n = len(events)
    if n == 0:
        return None
    count = int(events.sum())
    distinct = len(set(families))
    if early:
        interval = confidence_sequence(count, n, confidence, side="both")
    elif distinct == n:
        interval = clopper_pearson(count, n, confidence)
    else:
        _, index = np.unique(np.asarray(families, dtype=object).astype(str), return_inverse=True)
        sizes = np.bincount(index)
        hits = np.bincount(index, weights=events.astype(np.float64))
        interval = korn_graubard(hits, sizes, confidence)
    return from_interval(interval, families=distinct)
