"""The few special functions on the way from a run to its verdict, without scipy.

Importing ``scipy.special`` takes some tenths of a second of each small run and gate. What runs seldom, or
over large arrays, keeps it; tests hold these against it.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
_TABLES = 8
"""Tables of log-factorials that are kept: a gate asks for few sizes, again and again."""


def log_factorial(count: npt.ArrayLike) -> FloatArray:
    """log count! for whole numbers, not negative, of any shape."""
    whole = np.asarray(count).astype(np.int64)
    largest = int(whole.max(initial=0))
    # Sizes double, so that growing counts do not make a table each.
    return np.asarray(_table(1 << max(6, largest.bit_length()))[whole], dtype=np.float64)


@lru_cache(maxsize=_TABLES)
def _table(size: int) -> FloatArray:
    return np.fromiter(map(math.lgamma, range(1, size + 1)), np.float64, size)


def log_beta(a: float, b: float) -> float:
    """log B(a, b), for a, b > 0."""
    return math.lgamma(a) + math.lgamma(b) - math.lgamma(a + b)


def beta_cdf(a: float, b: float, x: float) -> float:
    """I_x(a, b), for a, b > 0, by the continued fraction of Didonato and Morris (ACM TOMS 708, formula 9)."""
    if x <= 0:
        return 0.0
    if x >= 1:
        return 1.0
    if x * (a + b) > a:
        return 1 - _below(b, a, 1 - x, x)
    return _below(a, b, x, 1 - x)


def _below(a: float, b: float, x: float, y: float) -> float:
    """I_x(a, b) for x under the mean, y = 1 − x: the fraction's convergents, forward, scaled as they grow."""
    term = math.exp(a * math.log(x) + b * math.log(y) - log_beta(a, b))
    if term == 0:
        return 0.0
    distance = a - (a + b) * x + 1
    before, under = 0.0, 1.0
    above = 1.0
    below = a / (a + 1) * distance
    value = above / below
    n = 0
    while True:
        n += 1
        step = a + 2 * n - 1
        alpha = (a + n - 1) / step * (a + b + n - 1) / step * n * (b - n) * x * x
        beta = n + n * (b - n) * x / step + (a + n) / (a + 2 * n + 1) * (distance + n * (1 + y))
        before, above = above, beta * above + alpha * before
        under, below = below, beta * below + alpha * under
        found = above / below
        if abs(found - value) <= 1e-15 * abs(found):
            return min(1.0, term * found)
        value = found
        before, under, above, below = before / below, under / below, found, 1.0


def beta_quantile(a: float, b: float, probability: float) -> float:
    """The x with I_x(a, b) = probability, for a, b > 0 and 0 < probability < 1.

    Newton's steps, and a bisection wherever one leaves the bracket.
    """
    low, high, x = 0.0, 1.0, a / (a + b)
    scale = log_beta(a, b)
    for _ in range(400):
        error = beta_cdf(a, b, x) - probability
        low, high = (low, x) if error > 0 else (x, high)
        slope = math.exp(min(700.0, (a - 1) * math.log(x) + (b - 1) * math.log1p(-x) - scale))
        guess = x - error / slope if slope > 0 else low
        if not low < guess < high:
            guess = math.sqrt(low * high) if low > 0 and high > 100 * low else (low + high) / 2
        if guess in (low, high) or abs(guess - x) <= 4e-16 * guess:
            return guess
        x = guess
    return x


def student_quantile(freedom: float, upper_tail: float) -> float:
    """The t that Student's distribution exceeds with probability ``upper_tail``, strictly below one half.

    From P(T > t) = ½ I_{ν/(ν + t²)}(ν/2, ½).
    """
    # The part beside zero has the digits where there are many degrees of freedom.
    share = beta_quantile(0.5, freedom / 2, 1 - 2 * upper_tail)
    return math.sqrt(freedom * share / (1 - share))
