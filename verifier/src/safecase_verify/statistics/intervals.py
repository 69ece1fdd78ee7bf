"""Intervals recomputed with scipy alone, each from its textbook definition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

_SEVERITY_BETS = (0.3, 0.6, 0.98)
"""The bets of the gate (`stats.means`), written down a second time because nothing is imported from there."""


@dataclass(frozen=True)
class Interval:
    """A value with its interval and the number of attempts behind it."""

    value: float
    lower: float
    upper: float
    n: int

    def complement(self) -> Interval:
        """The interval of the opposite event."""
        return Interval(1 - self.value, 1 - self.upper, 1 - self.lower, self.n)


def binomial_limits(events: float, n: float, lower_error: float, upper_error: float) -> tuple[float, float]:
    """Clopper and Pearson's limits (1934); counts may be fractional, an error of 0 gives no limit."""
    from scipy.stats import beta

    lower = 0.0 if events <= 0 or not lower_error else float(beta.ppf(lower_error, events, n - events + 1))
    upper = 1.0 if events >= n or not upper_error else float(beta.isf(upper_error, events + 1, n - events))
    return lower, upper


def rate_interval(
    events: Sequence[bool], families: Sequence[str], confidence: float, *, early: bool
) -> Interval | None:
    """A rate with a two-sided interval; ``early`` asks for limits that hold at every stopping time."""
    n, count = len(events), sum(events)
    if n == 0:
        return None
    value, error = count / n, (1 - confidence) / 2
    if early:
        upper = sequence_limit(count, n, error)
        lower = 1 - sequence_limit(n - count, n, error)
        return Interval(value, min(lower, value), max(upper, value), n)
    groups: dict[str, list[bool]] = {}
    for family, event in zip(families, events, strict=True):
        groups.setdefault(family, []).append(event)
    effective = float(n) if len(groups) == n else effective_size(list(groups.values()), 1 - error)
    lower, upper = binomial_limits(value * effective, effective, error, error)
    return Interval(value, min(lower, value), max(upper, value), n)


def effective_size(groups: Sequence[Sequence[bool]], tail: float) -> float:
    """Korn and Graubard (1998): how many independent draws the clustered ones are worth."""
    from scipy.stats import t

    families, n = len(groups), sum(len(group) for group in groups)
    rate = sum(sum(group) for group in groups) / n
    if families == n:
        return float(n)
    if families == 1:
        return 1.0
    if rate in (0.0, 1.0):
        return float(families)
    spread = sum((sum(group) - rate * len(group)) ** 2 for group in groups)
    variance = families / (families - 1) * spread / n**2
    if variance <= 0:
        return float(n)
    shrink = (t.ppf(tail, n - 1) / t.ppf(tail, families - 1)) ** 2
    return float(min(n, rate * (1 - rate) / variance * shrink))


def sequence_limit(count: int, n: int, error: float) -> float:
    """Upper limit that holds at every stopping time: a beta(1/2, 1/2) mixture against each rate."""
    from scipy.optimize import brentq
    from scipy.special import betainc, betaln

    if count == n:
        return 1.0
    goal = -math.log(error)

    def gap(theta: float) -> float:
        inside = betainc(0.5 + count, 0.5 + n - count, theta)
        before = betainc(0.5, 0.5, theta)
        if inside <= 0:
            return -1e9
        log_e = math.log(inside) + betaln(0.5 + count, 0.5 + n - count) - math.log(before) - betaln(0.5, 0.5)
        log_e -= (count * math.log(theta) if count else 0.0) + (n - count) * math.log1p(-theta)
        return float(log_e - goal)

    low, high = max(count / n, 1e-12), 1 - 1e-12
    if gap(low) >= 0:
        return low
    return float(brentq(gap, low, high, xtol=1e-12)) if gap(high) > 0 else 1.0


def betting_upper(values: Sequence[float], confidence: float) -> Interval:
    """Upper limit of the mean of values in [0, 1] by betting (Waudby-Smith and Ramdas, arXiv:2010.09686)."""
    import numpy as np
    from scipy.optimize import brentq
    from scipy.special import logsumexp

    seen = np.asarray(values, dtype=np.float64)
    bets = np.asarray(_SEVERITY_BETS)
    mean = float(seen.mean())
    levels, counts = np.unique(seen, return_counts=True)

    def gap(theta: float) -> float:
        wealth = np.log1p(np.outer(bets, theta - levels) / (1 - theta)) @ counts
        return float(logsumexp(wealth) - math.log(len(bets)) + math.log(1 - confidence))

    low, high = float(levels @ counts / counts.sum()), 1 - 1e-9
    if low >= high or gap(high) <= 0:
        upper = 1.0
    else:
        upper = low if gap(low) >= 0 else float(brentq(gap, low, high, xtol=1e-12))
    return Interval(mean, 0.0, max(upper, mean), len(values))


def paired_interval(only_first: int, only_second: int, n: int, confidence: float) -> Interval:
    """P(first) − P(second) from pairs: each discordant rate bounded at half the error (Bonferroni)."""
    part = (1 - confidence) / 4
    first = binomial_limits(only_first, n, part, part)
    second = binomial_limits(only_second, n, part, part)
    value = (only_first - only_second) / n
    return Interval(value, max(-1.0, first[0] - second[1]), min(1.0, first[1] - second[0]), n)


def quantile_interval(values: Sequence[float], quantile: float, confidence: float) -> Interval:
    """A quantile between order statistics with binomial coverage; limits may be infinite."""
    import numpy as np
    from scipy.stats import binom

    ordered = sorted(values)
    n, error = len(ordered), (1 - confidence) / 2
    below = binom.cdf(np.arange(-1, n + 1), n, quantile)
    """below[r]: probability that at most r - 1 values lie under the quantile."""
    low = int(np.flatnonzero(below <= error).max(initial=0))
    enough = np.flatnonzero((1 - below <= error) & (np.arange(n + 2) >= 1))
    high = int(enough[0]) if len(enough) else n + 1
    value = ordered[max(0, math.ceil(quantile * n - 1e-9) - 1)]
    return Interval(
        value,
        ordered[low - 1] if low else -math.inf,
        ordered[high - 1] if high <= n else math.inf,
        n,
    )


def mean_interval(values: Sequence[float], confidence: float) -> Interval:
    """A mean with Student's interval, cut at zero; needs two values."""
    import numpy as np
    from scipy.stats import t

    n, mean = len(values), math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = float(t.ppf(0.5 + confidence / 2, n - 1)) * spread / math.sqrt(n)
    return Interval(float(np.float64(mean)), max(0.0, mean - half), mean + half, n)


def rogan_gladen_interval(
    flagged: int, n: int, sensitivity: tuple[int, int], specificity: tuple[int, int], confidence: float
) -> Interval | None:
    """A judged rate corrected for the judge (Lang and Reiczigel 2014); None where chance judges as well.

    ``sensitivity`` and ``specificity`` are (right, labelled).
    """
    from scipy.stats import norm

    if not sensitivity[1] or not specificity[1]:
        return None
    z = float(norm.isf((1 - confidence) / 2))
    apparent = (flagged + z * z / 2) / (n + z * z)
    right, clean = (sensitivity[0] + 1) / (sensitivity[1] + 2), (specificity[0] + 1) / (specificity[1] + 2)
    raw = sensitivity[0] / sensitivity[1] + specificity[0] / specificity[1] - 1
    if right + clean <= 1 or raw <= 0:
        return None
    rate = (apparent + clean - 1) / (right + clean - 1)
    right_variance = right * (1 - right) / (sensitivity[1] + 2)
    clean_variance = clean * (1 - clean) / (specificity[1] + 2)
    shift = 2 * z * z * (rate * right_variance - (1 - rate) * clean_variance)
    variance = (
        apparent * (1 - apparent) / (n + z * z) + rate**2 * right_variance + (1 - rate) ** 2 * clean_variance
    )
    half = z * math.sqrt(variance) / (right + clean - 1)
    value = min(1.0, max(0.0, (flagged / n + specificity[0] / specificity[1] - 1) / raw))
    lower, upper = max(0.0, rate + shift - half), min(1.0, rate + shift + half)
    return Interval(value, min(lower, value), max(upper, value), n)


def planted_recall_interval(
    flagged: int, n: int, planted: int, found: int, confidence: float
) -> Interval | None:
    """A judged rate divided by the recall on planted failures; a fifth of the error goes to the recall."""
    if not planted or not found:
        return None
    error = (1 - confidence) / 2
    flags = binomial_limits(flagged, n, 0.8 * error, 0.8 * error)
    recall = binomial_limits(found, planted, 0.2 * error, 0.2 * error)
    value = min(1.0, flagged / n / (found / planted))
    upper = min(1.0, flags[1] / recall[0])
    return Interval(value, min(flags[0] / recall[1], value), max(upper, value), n)


def two_phase_interval(
    flagged: tuple[int, int, int], clean: tuple[int, int, int], confidence: float
) -> Interval | None:
    """A rate from human labels of both strata of a judge's verdicts; None where a stratum has none.

    Each stratum is (units, labelled, violated). Donner and Zou's MOVER (2012) joins the exact limits of the
    strata; the last term is the sampling error of the strata's shares.
    """
    from scipy.stats import norm

    n = flagged[0] + clean[0]
    if not n or any(units and not labelled for units, labelled, _ in (flagged, clean)):
        return None
    error = (1 - confidence) / 2
    rates, below, above, shares = [], 0.0, 0.0, []
    for units, labelled, violated in (flagged, clean):
        share = units / n
        rate = violated / labelled if units else 0.0
        low, high = binomial_limits(violated, labelled, error, error) if units else (0.0, 0.0)
        rates.append(rate)
        shares.append(share)
        below += (share * (rate - low)) ** 2
        above += (share * (high - rate)) ** 2
    value = shares[0] * rates[0] + shares[1] * rates[1]
    extra = float(norm.isf(error)) ** 2 * (rates[0] - rates[1]) ** 2 * shares[0] * shares[1] / n
    lower, upper = max(0.0, value - math.sqrt(below + extra)), min(1.0, value + math.sqrt(above + extra))
    return Interval(value, min(lower, value), max(upper, value), n)
