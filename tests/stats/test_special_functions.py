"""The special functions that run and gate need are scipy's, without the time that importing it takes."""

from __future__ import annotations

import random
import subprocess
import sys

import numpy as np
import pytest
from scipy import special

from safecase.stats.numerics._special import (
    beta_cdf,
    beta_quantile,
    log_beta,
    log_factorial,
    student_quantile,
)


def test_the_beta_distribution_and_its_quantiles() -> None:
    generator = random.Random(3)
    for _ in range(1_000):
        a, b = 10 ** generator.uniform(-0.5, 5), 10 ** generator.uniform(-0.5, 5)
        x = generator.choice((generator.random(), min(1 - 1e-9, a / (a + b) * generator.uniform(0.8, 1.2))))
        assert beta_cdf(a, b, x) == pytest.approx(special.betainc(a, b, x), abs=1e-9)
        assert log_beta(a, b) == pytest.approx(special.betaln(a, b), rel=1e-9, abs=1e-9)
        tail = generator.choice((0.025, 0.05, 0.975, generator.random()))
        assert beta_quantile(a, b, tail) == pytest.approx(special.betaincinv(a, b, tail), rel=1e-8, abs=1e-12)


def test_student_and_the_factorials() -> None:
    generator = random.Random(4)
    for _ in range(300):
        freedom = generator.choice((1, 2, 30, 10 ** generator.uniform(0, 5)))
        tail = generator.choice((0.025, 0.05, 0.005, 0.4))
        assert student_quantile(freedom, tail) == pytest.approx(special.stdtrit(freedom, 1 - tail), rel=1e-9)
    counts = np.arange(5_000).reshape(50, 100)
    assert log_factorial(counts) == pytest.approx(special.gammaln(counts + 1.0), rel=1e-14)
    assert log_factorial(0) == 0


def test_an_interval_and_a_test_on_a_suite_do_not_load_scipy() -> None:
    code = (
        "import sys\n"
        "from safecase.stats import clopper_pearson, confidence_sequence, korn_graubard\n"
        "from safecase.stats.sequential.finite_suite import finite_suite_boundaries\n"
        "clopper_pearson(3, 100), confidence_sequence(3, 100), korn_graubard([1, 0], [5, 5])\n"
        "finite_suite_boundaries(100, 0.1, 0.02)\n"
        "print('scipy' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
