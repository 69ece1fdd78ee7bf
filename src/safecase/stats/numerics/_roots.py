"""What is needed of scipy's distributions and optimisers, whose import takes longer than most commands."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt


def binomial_cdf(
    successes: npt.ArrayLike, draws: npt.ArrayLike, probability: float
) -> npt.NDArray[np.float64]:
    """P(X <= successes) for X ~ Binomial(draws, probability); whole numbers, whose shapes broadcast.

    What ``scipy.stats.binom.cdf`` gives, but for rounding.
    """
    from scipy.special import bdtr

    k, n = np.broadcast_arrays(np.asarray(successes), np.asarray(draws, dtype=np.int64))
    inside = (k >= 0) & (k < n)
    # The function is not defined at the ends, where the answer is plain.
    cdf = bdtr(np.where(inside, k, 0).astype(np.float64), np.where(inside, n, 1), probability)
    return np.where(inside, cdf, (k >= n).astype(np.float64))


def bracketed_root(
    function: Callable[[float], float], low: float, high: float, *, tolerance: float = 1e-13
) -> float:
    """A point between ``low`` and ``high`` within ``tolerance`` of a zero of ``function``.

    The function is continuous and has opposite signs at the two ends. Inverse quadratic interpolation where
    the last three points allow it, else bisection: Chandrupatla, "A new hybrid quadratic/bisection algorithm
    for finding the zero of a nonlinear function", Advances in Engineering Software 28 (1997). Importing
    ``scipy.optimize`` for this takes longer than a whole gate.
    """
    a, b = high, low
    value_a, value_b = function(a), function(b)
    fraction = 0.5
    while True:
        point = a + fraction * (b - a)
        value = function(point)
        if (value > 0) == (value_a > 0):
            c, value_c = a, value_a
        else:
            c, b, value_c, value_b = b, a, value_b, value_a
        a, value_a = point, value
        best = a if abs(value_a) < abs(value_b) else b
        width = (2 * 2.3e-16 * abs(best) + tolerance) / abs(b - a) if b != a else 1.0
        if width > 0.5 or value_a == 0 or value_b == 0:
            return best
        position = (a - b) / (c - b)
        share = (value_a - value_b) / (value_c - value_b)
        if share**2 < position and (1 - share) ** 2 < 1 - position:
            fraction = value_a / (value_b - value_a) * value_c / (value_b - value_c) + (
                (c - a) / (b - a) * value_a / (value_c - value_a) * value_b / (value_c - value_b)
            )
        else:
            fraction = 0.5
        fraction = min(1 - width, max(width, fraction))
