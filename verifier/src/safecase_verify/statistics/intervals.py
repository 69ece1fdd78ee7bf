"""Intervals, each from its textbook definition."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from safecase_verify.statistics.special import (
    beta_quantile,
    beta_tails,
    binomial_at_most,
    find_root,
    log_beta_term,
    normal_quantile,
    student_quantile,
)

_SEVERITY_BETS = (0.3, 0.6, 0.98)
_RISE_BETS = (0.3, 0.6, 0.97)
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
    lower = 0.0 if events <= 0 or not lower_error else beta_quantile(lower_error, events, n - events + 1)
    upper = 1.0 if events >= n or not upper_error else 1 - beta_quantile(upper_error, n - events, events + 1)
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
    shrink = (student_quantile(1 - tail, n - 1) / student_quantile(1 - tail, families - 1)) ** 2
    return float(min(n, rate * (1 - rate) / variance * shrink))


def sequence_limit(count: int, n: int, error: float) -> float:
    """Upper limit that holds at every stopping time: a beta(1/2, 1/2) mixture against each rate."""
    if count == n:
        return 1.0
    goal = -math.log(error)

    def gap(theta: float) -> float:
        inside = beta_tails(0.5 + count, 0.5 + n - count, theta)[0]
        if inside <= 0:
            return -1e9
        # The mixture is cut to the rates below theta; asin is the arcsine law, which beta(1/2, 1/2) is.
        before = 2 / math.pi * math.asin(math.sqrt(theta))
        log_e = math.log(inside) - math.log(before) - math.log(math.pi)
        likelihood = log_beta_term(0.5 + count, 0.5 + n - count, theta)
        return log_e - likelihood + 0.5 * (math.log(theta) + math.log1p(-theta)) - goal

    low, high = max(count / n, 1e-12), 1 - 1e-12
    if gap(low) >= 0:
        return low
    return find_root(gap, low, high) if gap(high) > 0 else 1.0


def betting_upper(values: Sequence[float], confidence: float) -> Interval:
    """Upper limit of the mean of values in [0, 1] by betting (Waudby-Smith and Ramdas, arXiv:2010.09686)."""
    mean = math.fsum(values) / len(values)
    levels = Counter(values)

    def gap(theta: float) -> float:
        logs = [
            math.fsum(
                count * math.log1p(bet * (theta - level) / (1 - theta)) for level, count in levels.items()
            )
            for bet in _SEVERITY_BETS
        ]
        top = max(logs)
        total = math.fsum(math.exp(log - top) for log in logs)
        return top + math.log(total) - math.log(len(logs)) + math.log(1 - confidence)

    low, high = mean, 1 - 1e-9
    if low >= high or gap(high) <= 0:
        return Interval(mean, 0.0, 1.0, len(values))
    upper = low if gap(low) >= 0 else find_root(gap, low, high)
    return Interval(mean, 0.0, max(upper, mean), len(values))


def betting_rise(differences: Sequence[float], confidence: float) -> Interval:
    """The mean of differences in [-1, 1] between two limits, each of which holds with ``confidence``: the
    least and the greatest mean that the bets .3, .6 and .97 leave, as docs/methods/gate.md fixes them."""
    mean = math.fsum(differences) / len(differences)
    levels = Counter(float(item) for item in differences)

    def won(stakes: Sequence[float], gains: Mapping[float, int]) -> float:
        logs = [
            math.fsum(times * math.log1p(stake * gain) for gain, times in gains.items()) for stake in stakes
        ]
        top = max(logs)
        average = top + math.log(math.fsum(math.exp(item - top) for item in logs) / len(logs))
        return average + math.log(1 - confidence)

    def under(limit: float) -> float:
        stakes = [bet / (1 + max(0.0, -limit)) for bet in _RISE_BETS]
        return won(stakes, _counted((limit - level, times) for level, times in levels.items()))

    def over(limit: float) -> float:
        stakes = [bet / (1 + limit) for bet in _RISE_BETS]
        return won(stakes, _counted((level - limit, times) for level, times in levels.items()))

    upper = find_root(under, mean, 1.0) if under(mean) < 0 < under(1.0) else 1.0
    low = -1 + 1e-9
    lower = -1.0
    if mean > low and over(mean) < 0 < over(low):
        lower = find_root(lambda limit: -over(limit), low, mean)
    return Interval(mean, min(lower, mean), max(upper, mean), len(differences))


def _counted(pairs: Iterable[tuple[float, int]]) -> Counter[float]:
    found: Counter[float] = Counter()
    for value, times in pairs:
        found[value] += times
    return found


def paired_interval(only_first: int, only_second: int, n: int, confidence: float) -> Interval:
    """P(first) − P(second) from pairs: each discordant rate bounded at half the error (Bonferroni)."""
    part = (1 - confidence) / 4
    first = binomial_limits(only_first, n, part, part)
    second = binomial_limits(only_second, n, part, part)
    value = (only_first - only_second) / n
    return Interval(value, max(-1.0, first[0] - second[1]), min(1.0, first[1] - second[0]), n)


def quantile_interval(values: Sequence[float], quantile: float, confidence: float) -> Interval:
    """A quantile between order statistics with binomial coverage; limits may be infinite."""
    ordered = sorted(values)
    n, error = len(ordered), (1 - confidence) / 2

    def below(rank: int) -> float:
        """Probability that at most rank − 1 values lie under the quantile."""
        return binomial_at_most(rank - 1, n, quantile)

    low = _first_rank(lambda rank: below(rank) > error, 1, n + 2) - 1
    high = _first_rank(lambda rank: 1 - below(rank) <= error, 1, n + 1)
    value = ordered[max(0, math.ceil(quantile * n - 1e-9) - 1)]
    return Interval(
        value,
        ordered[low - 1] if low else -math.inf,
        ordered[high - 1] if high <= n else math.inf,
        n,
    )


def _first_rank(holds: Callable[[int], bool], low: int, end: int) -> int:
    """The first rank from ``low`` on for which something holds that holds from there on; ``end`` if none."""
    while low < end:
        middle = (low + end) // 2
        low, end = (low, middle) if holds(middle) else (middle + 1, end)
    return low


def mean_interval(values: Sequence[float], confidence: float) -> Interval:
    """A mean with Student's interval, cut at zero; needs two values."""
    n, mean = len(values), math.fsum(values) / len(values)
    spread = math.sqrt(math.fsum((value - mean) ** 2 for value in values) / (n - 1))
    half = student_quantile(0.5 - confidence / 2, n - 1) * spread / math.sqrt(n)
    return Interval(mean, max(0.0, mean - half), mean + half, n)


def rogan_gladen_interval(
    flagged: int, n: int, sensitivity: tuple[int, int], specificity: tuple[int, int], confidence: float
) -> Interval | None:
    """A judged rate corrected for the judge (Lang and Reiczigel 2014); None where chance judges as well.

    ``sensitivity`` and ``specificity`` are (right, labelled).
    """
    if not sensitivity[1] or not specificity[1]:
        return None
    z = normal_quantile((1 - confidence) / 2)
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
    extra = normal_quantile(error) ** 2 * (rates[0] - rates[1]) ** 2 * shares[0] * shares[1] / n
    lower, upper = max(0.0, value - math.sqrt(below + extra)), min(1.0, value + math.sqrt(above + extra))
    return Interval(value, min(lower, value), max(upper, value), n)
