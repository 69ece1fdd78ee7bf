"""Differences between two rates: independent samples, and pairs of outcomes on the same cases."""

from __future__ import annotations

import math
from typing import Literal

from safecase.base import StatisticsError
from safecase.stats._requirements import require_counts
from safecase.stats.intervals import Interval, Side, clopper_pearson_limits, split_confidence, wilson

Alternative = Literal["two-sided", "greater", "less"]


def newcombe_difference(
    successes: int,
    n: int,
    other_successes: int,
    other_n: int,
    confidence: float = 0.95,
    *,
    side: Side = "both",
) -> Interval:
    """Interval for p - q of two independent samples: Newcombe's hybrid of Wilson limits (1998, method 10).

    p from `successes` of `n`, q from `other_successes` of `other_n`; unit: probability, in [-1, 1]. Raises
    `EmptyDenominatorError` if either sample is empty, `StatisticsError` for counts out of range.
    """
    require_counts(successes, n)
    require_counts(other_successes, other_n)
    lower_alpha, upper_alpha = split_confidence(confidence, side)
    p, q = successes / n, other_successes / other_n
    lower, upper = -1.0, 1.0
    if lower_alpha:
        level = 1.0 - 2.0 * lower_alpha
        down = p - wilson(successes, n, level).lower
        up = wilson(other_successes, other_n, level).upper - q
        lower = p - q - math.hypot(down, up)
    if upper_alpha:
        level = 1.0 - 2.0 * upper_alpha
        up = wilson(successes, n, level).upper - p
        down = q - wilson(other_successes, other_n, level).lower
        upper = p - q + math.hypot(up, down)
    return Interval(p - q, max(-1.0, lower), min(1.0, upper), confidence, "newcombe", n + other_n)


def paired_difference(
    only_first: int, only_second: int, n: int, confidence: float = 0.95, *, side: Side = "both"
) -> Interval:
    """Guaranteed interval for P(first) - P(second) from `n` pairs of 0/1 outcomes.

    `only_first`, `only_second`: pairs where exactly that one is 1. Each discordant rate gets a
    Clopper-Pearson bound at half the error of the limit (Bonferroni), so coverage is at least `confidence`.
    Raises `EmptyDenominatorError` for n = 0, `StatisticsError` for counts out of range.
    """
    require_counts(only_first + only_second, n)
    require_counts(only_first, n)
    require_counts(only_second, n)
    lower_alpha, upper_alpha = split_confidence(confidence, side)
    lower, upper = -1.0, 1.0
    if lower_alpha:
        lower = (
            clopper_pearson_limits(only_first, n, lower_alpha / 2, 0)[0]
            - clopper_pearson_limits(only_second, n, 0, lower_alpha / 2)[1]
        )
    if upper_alpha:
        upper = (
            clopper_pearson_limits(only_first, n, 0, upper_alpha / 2)[1]
            - clopper_pearson_limits(only_second, n, upper_alpha / 2, 0)[0]
        )
    value = (only_first - only_second) / n
    return Interval(value, max(-1.0, lower), min(1.0, upper), confidence, "paired-clopper-pearson", n)


def mcnemar_exact(only_first: int, only_second: int, alternative: Alternative = "two-sided") -> float:
    """Exact McNemar (sign) test p-value on discordant pairs; concordant pairs carry no information.

    `alternative="greater"`: the first is 1 more often. No discordant pair gives 1. Raises `StatisticsError`
    for negative counts or an unknown alternative.
    """
    from scipy.special import bdtr, bdtrc

    if only_first < 0 or only_second < 0:
        raise StatisticsError("discordant counts must not be negative")
    discordant = only_first + only_second
    greater = float(bdtrc(only_first - 1, discordant, 0.5)) if only_first else 1.0
    less = float(bdtr(only_first, discordant, 0.5)) if discordant else 1.0
    if alternative == "greater":
        return greater
    if alternative == "less":
        return less
    if alternative == "two-sided":
        return min(1.0, 2.0 * min(greater, less))
    raise StatisticsError(f"alternative must be 'two-sided', 'greater' or 'less', got {alternative!r}")
