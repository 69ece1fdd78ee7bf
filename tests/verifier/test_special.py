"""The verifier's special functions, written without scipy, are those of scipy."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator

import pytest
from scipy import special, stats

from safecase_verify.statistics.special import (
    beta_quantile,
    beta_tails,
    binomial_at_most,
    find_root,
    log_beta_term,
    normal_quantile,
    student_quantile,
)

CLOSE = 1e-10


def close(found: float, wanted: float) -> bool:
    """Equal in ten digits, and where a probability is beside 1, in its distance from 0."""
    return abs(found - wanted) <= CLOSE * min(1.0, abs(wanted)) or abs(found - wanted) < 1e-290


def parameters(count: int, low: float, high: float) -> Iterator[tuple[float, float, random.Random]]:
    generator = random.Random(11)
    for _ in range(count):
        yield 10 ** generator.uniform(low, high), 10 ** generator.uniform(low, high), generator


def test_both_tails_of_the_beta_distribution() -> None:
    for a, b, generator in parameters(3_000, -2, 5):
        mean = a / (a + b)
        spread = math.sqrt(mean * (1 - mean) / (a + b + 1))
        near = min(1 - 1e-9, max(1e-9, mean + spread * generator.gauss(0, 4)))
        x = generator.choice((near, generator.random()))
        below, above = beta_tails(a, b, x)
        assert close(below, special.betainc(a, b, x)), (a, b, x)
        assert close(above, special.betaincc(a, b, x)), (a, b, x)


@pytest.mark.parametrize("size", [10**5, 10**6])
@pytest.mark.parametrize("share", [0.001, 0.02, 0.5])
def test_large_counts_keep_their_digits(size: int, share: float) -> None:
    """Log-gamma alone loses them: its values are as large as the counts. Sums of logarithms do not."""
    count = round(size * share)
    choices = math.fsum(math.log(size - number) - math.log(number + 1) for number in range(count))
    exact = choices + count * math.log(share) + (size - count) * math.log1p(-share)
    found = log_beta_term(count + 1, size - count, share) - math.log(share) - math.log(size - count)
    assert found == pytest.approx(exact, abs=1e-9)


def test_quantiles_of_the_beta_distribution() -> None:
    for a, b, generator in parameters(800, -1, 5):
        tail = generator.choice((0.025, 0.05, 0.975, generator.random(), 10 ** generator.uniform(-12, -1)))
        wanted = special.betaincinv(a, b, tail)
        if wanted > 1e-200:
            assert close(beta_quantile(tail, a, b), wanted), (a, b, tail)


def test_quantiles_of_student_and_of_the_normal() -> None:
    generator = random.Random(5)
    for _ in range(800):
        freedom = generator.choice((generator.randint(1, 40), 10 ** generator.uniform(0, 6)))
        tail = generator.choice(
            (0.025, 0.05, generator.uniform(1e-6, 0.4999), 10 ** generator.uniform(-12, -1))
        )
        assert student_quantile(tail, freedom) == pytest.approx(stats.t.isf(tail, freedom), rel=CLOSE)
        assert normal_quantile(tail) == pytest.approx(stats.norm.isf(tail), rel=CLOSE, abs=1e-13)
    assert student_quantile(0.5, 3) == 0


def test_binomial_sums() -> None:
    generator = random.Random(6)
    for _ in range(800):
        n = round(10 ** generator.uniform(0, 5))
        rate = generator.choice((0.5, 0.95, generator.random()))
        spread = math.sqrt(n * rate * (1 - rate))
        count = min(n, max(-1, round(n * rate + generator.gauss(0, 4) * spread)))
        assert close(binomial_at_most(count, n, rate), stats.binom.cdf(count, n, rate)), (count, n, rate)


@pytest.mark.parametrize("power", [1, 3, 9])
def test_a_root_is_found_to_the_last_digits(power: int) -> None:
    root = find_root(lambda x: x**power - 0.3**power, 0.0, 1.0)
    assert root == pytest.approx(0.3, rel=1e-13)
