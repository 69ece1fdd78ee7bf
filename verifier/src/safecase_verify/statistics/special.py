"""The special functions behind the intervals, from their definitions, on `math` alone.

Sources: Loader, "Fast and accurate computation of binomial probabilities" (2000), for the probability term;
the continued fraction DLMF 8.17.22 for the incomplete beta function; `statistics.NormalDist` of the standard
library for the normal quantile. `tests/verifier/test_special.py` holds them against scipy.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from statistics import NormalDist

_TINY = 1e-300
"""Keeps the continued fraction from dividing by zero."""
_EPSILON = 2.0**-53
_HALF_LOG_TWO_PI = 0.5 * math.log(2 * math.pi)
_SERIES = (1 / 12, -1 / 360, 1 / 1260, -1 / 1680, 1 / 1188, -691 / 360360, 1 / 156)
"""Stirling's series for log-gamma: the coefficients of z⁻¹, z⁻³, z⁻⁵…"""


def _stirling_error(z: float) -> float:
    """How far log Γ(z) lies above (z − ½) log z − z + ½ log 2π, for z > 0."""
    if z < 12:
        return math.lgamma(z) - ((z - 0.5) * math.log(z) - z + _HALF_LOG_TWO_PI)
    inverse = 1 / (z * z)
    total = 0.0
    for coefficient in reversed(_SERIES):
        total = total * inverse + coefficient
    return total / z


def _deviance(count: float, mean: float) -> float:
    """count · log(count / mean) + mean − count, without cancellation where both are near each other."""
    difference = count - mean
    if abs(difference) >= 0.1 * (count + mean):
        return count * math.log(count / mean) - difference
    ratio = difference / (count + mean)
    total, term, k = difference * ratio, 2 * count * ratio, 1
    while True:
        term *= ratio * ratio
        more = total + term / (2 * k + 1)
        if more == total:
            return total
        total, k = more, k + 1


def log_beta_term(a: float, b: float, x: float) -> float:
    """log of xᵃ (1 − x)ᵇ / B(a, b), for a, b > 0 and 0 < x < 1; accurate for large a and b."""
    return _log_beta_term(a, b, x, 1 - x)


def _log_beta_term(a: float, b: float, x: float, y: float) -> float:
    """The same with y = 1 − x given apart, so that neither loses its digits."""
    total = a + b
    return (
        _stirling_error(total)
        - _stirling_error(a)
        - _stirling_error(b)
        - _deviance(a, total * x)
        - _deviance(b, total * y)
        + 0.5 * (math.log(a) + math.log(b) - math.log(total))
        - _HALF_LOG_TWO_PI
    )


def _fraction(a: float, b: float, x: float) -> float:
    """The continued fraction of the incomplete beta function, by Lentz's rule; x below the mean."""
    c, d = 1.0, 1 - (a + b) * x / (a + 1)
    d = 1 / (d if abs(d) > _TINY else _TINY)
    value = d
    # It takes some multiples of the square root of the larger parameter; the limit is far above.
    for m in range(1, 200 + 20 * math.isqrt(int(max(a, b)) + 1)):
        for term in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 + term * d
            c = 1 + term / c
            d = 1 / (d if abs(d) > _TINY else _TINY)
            c = c if abs(c) > _TINY else _TINY
            value *= d * c
        if abs(d * c - 1) <= 2 * _EPSILON:
            break
    return value


def beta_tails(a: float, b: float, x: float) -> tuple[float, float]:
    """I_x(a, b) and 1 − I_x(a, b), each with its own digits, for a, b > 0."""
    return _beta_tails(a, b, x, 1 - x)


def _beta_tails(a: float, b: float, x: float, y: float) -> tuple[float, float]:
    if x <= 0:
        return 0.0, 1.0
    if y <= 0:
        return 1.0, 0.0
    term = math.exp(_log_beta_term(a, b, x, y))
    if x < (a + 1) / (a + b + 2):
        lower = min(1.0, term * _fraction(a, b, x) / a)
        return lower, 1 - lower
    upper = min(1.0, term * _fraction(b, a, y) / b)
    return 1 - upper, upper


def beta_quantile(probability: float, a: float, b: float) -> float:
    """The x with I_x(a, b) = probability, for a, b > 0 and 0 < probability < 1."""
    return _beta_quantile(probability, 1 - probability, a, b)


def _beta_quantile(lower: float, upper: float, a: float, b: float) -> float:
    """The same with both tails given, so that a small upper one keeps its digits.

    Newton's steps on a bracket that shrinks with each of them, so that it always ends.
    """
    low, high = 0.0, 1.0
    x = a / (a + b)
    for _ in range(2_000):
        below, above = beta_tails(a, b, x)
        # The smaller tail has the digits.
        error = below - lower if lower < upper else upper - above
        if error == 0:
            return x
        low, high = (low, x) if error > 0 else (x, high)
        slope = math.exp(min(log_beta_term(a, b, x) - math.log(x) - math.log1p(-x), 700))
        step = error / slope if slope > 0 else math.inf
        guess = x - step
        if not low < guess < high:
            # Halves the number of digits where the bracket spans many of them.
            floor = max(low, _TINY)
            guess = math.sqrt(floor * high) if high > 100 * floor else (low + high) / 2
        if guess in (low, high, x) or abs(guess - x) <= _EPSILON * guess:
            return guess
        x = guess
    return x


def normal_quantile(upper_tail: float) -> float:
    """The z that a standard normal exceeds with probability ``upper_tail``, strictly between 0 and 1."""
    return -NormalDist().inv_cdf(upper_tail)


def student_quantile(upper_tail: float, freedom: float) -> float:
    """The t that Student's distribution exceeds with probability ``upper_tail``, at most one half.

    From P(T > t) = ½ I_{ν/(ν + t²)}(ν/2, ½).
    """
    if upper_tail >= 0.5:
        return 0.0
    half = freedom / 2
    x = beta_quantile(2 * upper_tail, half, 0.5)
    if x < 0.5:
        return math.sqrt(freedom * (1 - x) / x)
    # Here 1 − x has the digits.
    y = _beta_quantile(1 - 2 * upper_tail, 2 * upper_tail, 0.5, half)
    return math.sqrt(freedom * y / (1 - y))


def binomial_at_most(count: int, n: int, rate: float) -> float:
    """P(X ≤ count) of n draws at ``rate``."""
    if count < 0:
        return 0.0
    return 1.0 if count >= n else beta_tails(count + 1, n - count, rate)[1]


def find_root(function: Callable[[float], float], low: float, high: float) -> float:
    """Where an increasing function that is negative at ``low`` and positive at ``high`` crosses zero.

    Regula falsi in the Illinois form, with a bisection wherever three steps did not halve the bracket.
    """
    below, above = function(low), function(high)
    side, width = 0, high - low
    for step in range(400):
        if step % 3 == 2:
            if high - low > width / 2:
                side, guess = 0, (low + high) / 2
            else:
                guess = (low * above - high * below) / (above - below)
            width = high - low
        else:
            guess = (low * above - high * below) / (above - below)
        if not low < guess < high:
            guess = (low + high) / 2
            if not low < guess < high:
                break
        value = function(guess)
        if value == 0:
            return guess
        if value > 0:
            high, above = guess, value
            below = below / 2 if side == 1 else below
            side = 1
        else:
            low, below = guess, value
            above = above / 2 if side == -1 else above
            side = -1
        if high - low <= 1e-15 * high:
            break
    return high
