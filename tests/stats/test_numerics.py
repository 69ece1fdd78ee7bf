"""The binomial distribution is scipy's, without the import of scipy's distributions."""

from __future__ import annotations

import subprocess
import sys

import numpy as np
import pytest
from scipy.stats import binom, t

from safecase.stats.numerics._roots import binomial_cdf


@pytest.mark.parametrize("n", [0, 1, 7, 59, 1_000, 100_003])
@pytest.mark.parametrize("p", [1e-6, 0.02, 0.5, 0.95, 0.999])
def test_it_is_the_distribution_of_scipy(n: int, p: float) -> None:
    ranks = np.unique(np.linspace(-1, n + 1, 500).astype(np.int64))
    np.testing.assert_allclose(binomial_cdf(ranks, n, p), binom.cdf(ranks, n, p), rtol=1e-9, atol=1e-200)


def test_shapes_broadcast() -> None:
    draws = np.array([10, 20, 30])
    expected = binom.cdf(np.arange(3), draws, 0.1)
    np.testing.assert_allclose(binomial_cdf(np.arange(3), draws, 0.1), expected, rtol=1e-10)


def test_students_quantile_is_the_one_of_scipy() -> None:
    from scipy.special import stdtrit

    for degrees in (1, 2, 30, 999_999):
        assert stdtrit(degrees, 0.975) == t.ppf(0.975, degrees)


def test_quantiles_and_designs_load_no_distributions() -> None:
    code = (
        "import sys; from safecase.stats import quantile_interval; from safecase.stats.design import "
        "fixed_ship_points; quantile_interval([1.0, 2.0], 0.95); fixed_ship_points(0.02, 0.05, 3); "
        "sys.exit('scipy.stats' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
