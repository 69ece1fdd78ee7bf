"""The binomial distribution without ``scipy.stats``, whose import takes longer than most commands."""

from __future__ import annotations

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
