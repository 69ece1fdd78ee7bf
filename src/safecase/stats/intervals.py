"""Confidence intervals for one rate: exact, clustered, Poisson; approximations for display and comparison.

Only `clopper_pearson` (one draw per family) and the time-uniform limits of `confidence_sequence` give a
one-sided guarantee; `korn_graubard` is the choice when families repeat. Wilson and Jeffreys are for display,
Wald is here to be compared against: on zero failures its width is zero.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Literal

import numpy as np
import numpy.typing as npt

from safecase.base import EmptyDenominatorError, StatisticsError
from safecase.stats._requirements import require_counts, require_probability
from safecase.stats.numerics._special import beta_quantile, student_quantile

Side = Literal["both", "upper", "lower"]
"""Which limits carry the error: both (equal tails), only the upper (lower is trivial), or only the lower."""


@dataclass(frozen=True)
class Interval:
    """An estimate with its limits; there is no estimate without them.

    `value`, `lower`, `upper` share one unit (a probability unless the function says otherwise).
    `confidence` is the level of the whole statement, one- or two-sided as asked. `n` counts observations,
    `successes` the events counted (None for means and quantiles), `effective_n` the independent observations
    that `n` clustered ones are worth, `clusters` the number of families.
    """

    value: float
    lower: float
    upper: float
    confidence: float
    method: str
    n: int
    successes: float | None = None
    effective_n: float | None = None
    clusters: int | None = None

    @property
    def width(self) -> float:
        """upper - lower."""
        return self.upper - self.lower

    def contains(self, value: float) -> bool:
        """Whether lower <= value <= upper."""
        return self.lower <= value <= self.upper


def split_confidence(confidence: float, side: Side) -> tuple[float, float]:
    """Error of the (lower, upper) limit: (a/2, a/2) for both, (0, a) for upper, (a, 0) for lower."""
    alpha = 1.0 - require_probability("confidence", confidence)
    if side == "both":
        return alpha / 2, alpha / 2
    if side == "upper":
        return 0.0, alpha
    if side == "lower":
        return alpha, 0.0
    raise StatisticsError(f"side must be 'both', 'upper' or 'lower', got {side!r}")


def clopper_pearson_limits(
    successes: float, n: float, lower_alpha: float, upper_alpha: float
) -> tuple[float, float]:
    """Exact limits with errors `lower_alpha` and `upper_alpha` (0: trivial limit); counts may be fractional.

    Beta quantiles; the generalisation to fractional counts is Korn & Graubard's. Raises as `require_counts`.
    """
    require_counts(successes, n)
    lower = beta_quantile(successes, n - successes + 1, lower_alpha) if successes and lower_alpha else 0.0
    upper = (
        beta_quantile(successes + 1, n - successes, 1.0 - upper_alpha)
        if successes < n and upper_alpha
        else 1.0
    )
    return lower, upper


def clopper_pearson(successes: int, n: int, confidence: float = 0.95, *, side: Side = "both") -> Interval:
    """Exact interval for a rate from `successes` events in `n` independent draws.

    Coverage is at least `confidence` at every rate. Raises `EmptyDenominatorError` for n = 0, and
    `StatisticsError` for other arguments out of range. Clopper & Pearson 1934.
    """
    require_counts(successes, n)
    lower, upper = clopper_pearson_limits(successes, n, *split_confidence(confidence, side))
    return Interval(successes / n, lower, upper, confidence, "clopper-pearson", n, successes)


def wilson(successes: int, n: int, confidence: float = 0.95, *, side: Side = "both") -> Interval:
    """Wilson score interval, for display: good on average, not guaranteed. Raises as `clopper_pearson`."""
    require_counts(successes, n)
    lower_alpha, upper_alpha = split_confidence(confidence, side)
    p = successes / n

    def limit(alpha: float, sign: int) -> float:
        z = _normal_quantile(alpha)
        spread = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
        return (p + z * z / (2 * n) + sign * spread) / (1 + z * z / n)

    lower = max(0.0, limit(lower_alpha, -1)) if lower_alpha and successes else 0.0
    upper = min(1.0, limit(upper_alpha, +1)) if upper_alpha and successes < n else 1.0
    return Interval(p, lower, upper, confidence, "wilson", n, successes)


def jeffreys(successes: int, n: int, confidence: float = 0.95, *, side: Side = "both") -> Interval:
    """Jeffreys interval (Beta(1/2, 1/2) posterior), for display. Raises as `clopper_pearson`.

    The lower limit is 0 without successes and the upper limit 1 without failures (Brown, Cai & DasGupta
    2001).
    """
    require_counts(successes, n)
    lower_alpha, upper_alpha = split_confidence(confidence, side)
    a, b = successes + 0.5, n - successes + 0.5
    lower = beta_quantile(a, b, lower_alpha) if lower_alpha and successes else 0.0
    upper = beta_quantile(a, b, 1.0 - upper_alpha) if upper_alpha and successes < n else 1.0
    return Interval(successes / n, lower, upper, confidence, "jeffreys", n, successes)


def wald(successes: int, n: int, confidence: float = 0.95, *, side: Side = "both") -> Interval:
    """The normal approximation, only to compare against: zero width on zero counts, and far too narrow.

    Raises as `clopper_pearson`.
    """
    require_counts(successes, n)
    lower_alpha, upper_alpha = split_confidence(confidence, side)
    p = successes / n
    error = math.sqrt(p * (1 - p) / n)
    lower = max(0.0, p - _normal_quantile(lower_alpha) * error) if lower_alpha else 0.0
    upper = min(1.0, p + _normal_quantile(upper_alpha) * error) if upper_alpha else 1.0
    return Interval(p, lower, upper, confidence, "wald", n, successes)


def korn_graubard(
    successes: npt.ArrayLike, sizes: npt.ArrayLike, confidence: float = 0.95, *, side: Side = "both"
) -> Interval:
    """Interval for a rate when draws come in families: Clopper-Pearson at the effective sample size.

    `successes` and `sizes`, shape (F,), are events and draws per family. n_eff = min(n, p(1-p)/se^2 *
    (t_{n-1}/t_{F-1})^2) with the cluster-robust standard error; n_eff = F when all or none of the draws are
    events (no variance to estimate from), and 1 for a single family. With one draw per family it is
    Clopper-Pearson. Coverage measured 93-99 % at nominal 95 % with 20 families or more. Raises
    `EmptyDenominatorError` without draws, `StatisticsError` for counts out of range. Korn & Graubard 1998.
    """
    s = np.asarray(successes, dtype=np.float64).ravel()
    m = np.asarray(sizes, dtype=np.float64).ravel()
    if s.shape != m.shape:
        raise StatisticsError(
            f"successes and sizes must have one entry per family, got {s.size} and {m.size}"
        )
    if s.size and not (np.all(s >= 0) and np.all(s <= m)):
        raise StatisticsError("each family needs 0 <= successes <= size")
    s, m = s[m > 0], m[m > 0]
    families, n, total = int(m.size), float(m.sum()), float(s.sum())
    if families == 0:
        raise EmptyDenominatorError("no draws in any family: a rate over an empty denominator is undefined")
    lower_alpha, upper_alpha = split_confidence(confidence, side)
    p = total / n
    if families == n:
        effective = n
    elif families == 1:
        effective = 1.0
    elif total in (0.0, n):
        effective = float(families)
    else:
        variance = families / (families - 1) * float(np.sum((s - p * m) ** 2)) / n**2
        tail = max(lower_alpha, upper_alpha)
        shrink = (student_quantile(n - 1, tail) / student_quantile(families - 1, tail)) ** 2
        effective = min(n, p * (1 - p) / variance * shrink) if variance > 0 else n
    lower, upper = clopper_pearson_limits(p * effective, effective, lower_alpha, upper_alpha)
    return Interval(p, lower, upper, confidence, "korn-graubard", int(n), total, effective, families)


def poisson_rate(count: int, exposure: float, confidence: float = 0.95, *, side: Side = "both") -> Interval:
    """Exact interval for an event rate per unit of `exposure` (sessions, hours), from a Poisson `count`.

    Limits are chi-square quantiles (Garwood 1936); zero events still give a positive upper limit. The unit is
    events per unit of exposure. Raises `EmptyDenominatorError` for zero exposure.
    """
    from scipy.special import gammaincinv

    if exposure == 0:
        raise EmptyDenominatorError("no exposure: an event rate over an empty denominator is undefined")
    if not exposure > 0 or not count >= 0:
        raise StatisticsError(f"need exposure > 0 and count >= 0, got {exposure!r} and {count!r}")
    lower_alpha, upper_alpha = split_confidence(confidence, side)
    lower = float(gammaincinv(count, lower_alpha)) / exposure if count and lower_alpha else 0.0
    upper = float(gammaincinv(count + 1, 1.0 - upper_alpha)) / exposure if upper_alpha else math.inf
    return Interval(count / exposure, lower, upper, confidence, "poisson-exact", count, count)


def rate_per_sessions(
    failures: Sequence[int],
    draws: Sequence[int],
    category_sessions: Sequence[int],
    sessions: int,
    confidence: float = 0.95,
    *,
    per: float = 10_000.0,
) -> Interval:
    """Upper bound on violations per `per` production sessions: per * sum_k w_k r_k over categories k.

    r_k: violation rate given category k, from `failures[k]` in `draws[k]` tests; w_k: probability that a
    production session contains category k, from `category_sessions[k]` in `sessions`. Each of the 2K unknowns
    gets an exact one-sided bound at error (1 - confidence)/(2K), so the sum holds at `confidence` whatever
    their dependence. An adversarial suite's rate is conditional on attack: w_k must be the rate of attacks,
    never 1. `value` is the plug-in, `lower` is 0. Raises `EmptyDenominatorError`, `StatisticsError`.
    """
    count = len(failures)
    if count == 0:
        raise EmptyDenominatorError("no category given")
    if not len(draws) == len(category_sessions) == count:
        raise StatisticsError("failures, draws and category_sessions need one entry per category")
    alpha = (1.0 - require_probability("confidence", confidence)) / (2 * count)
    value = upper = 0.0
    for s, n, seen in zip(failures, draws, category_sessions, strict=True):
        require_counts(s, n)
        require_counts(seen, sessions)
        value += s / n * seen / sessions
        upper += (
            clopper_pearson_limits(s, n, 0.0, alpha)[1]
            * clopper_pearson_limits(seen, sessions, 0.0, alpha)[1]
        )
    return Interval(
        per * value,
        0.0,
        per * upper,
        confidence,
        "bonferroni-clopper-pearson",
        sum(draws),
        float(sum(failures)),
    )


def _normal_quantile(alpha: float) -> float:
    return -NormalDist().inv_cdf(alpha)
