"""Intervals against independent implementations, and coverage by enumeration."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binom, binomtest
from statsmodels.stats.proportion import proportion_confint

from safecase import stats


@pytest.mark.parametrize(("s", "n"), [(0, 1), (0, 149), (3, 10), (10, 10), (7, 456), (250, 500)])
@pytest.mark.parametrize("confidence", [0.8, 0.95, 0.999])
def test_two_sided_intervals_equal_scipy_and_statsmodels(s: int, n: int, confidence: float) -> None:
    test = binomtest(s, n)
    for ours, theirs in (
        (stats.clopper_pearson, test.proportion_ci(confidence, "exact")),
        (stats.wilson, test.proportion_ci(confidence, "wilson")),
    ):
        interval = ours(s, n, confidence)
        assert (interval.lower, interval.upper) == pytest.approx((theirs.low, theirs.high), abs=1e-10)
    expected = proportion_confint(s, n, 1 - confidence, method="normal")
    interval = stats.wald(s, n, confidence)
    assert (interval.lower, interval.upper) == pytest.approx(expected, abs=1e-10)
    if 0 < s < n:
        expected = proportion_confint(s, n, 1 - confidence, method="jeffreys")
        interval = stats.jeffreys(s, n, confidence)
        assert (interval.lower, interval.upper) == pytest.approx(expected, abs=1e-10)


def test_one_sided_clopper_pearson_is_exact_and_flags_its_trivial_limit() -> None:
    upper = stats.clopper_pearson(0, 149, side="upper")
    assert upper.lower == 0.0
    assert upper.upper == pytest.approx(1 - 0.05 ** (1 / 149))
    assert upper.upper <= 0.02 < stats.clopper_pearson(0, 148, side="upper").upper
    lower = stats.clopper_pearson(5, 10, side="lower")
    assert (lower.lower, lower.upper) == pytest.approx(
        (binomtest(5, 10, alternative="greater").proportion_ci().low, 1.0)
    )


COVERAGE = [
    # n, p, {method: (coverage %, unsafe miss %)}, two-sided 95 %
    (
        100,
        0.005,
        {"wald": (39, 61), "wilson": (91.0, 0), "jeffreys": (98.6, 0), "clopper_pearson": (98.6, 0)},
    ),
    (100, 0.01, {"wald": (63, 37), "wilson": (92.1, 0), "jeffreys": (98.2, 0), "clopper_pearson": (98.2, 0)}),
    (100, 0.02, {"wald": (87, 13), "wilson": (94.9, 0), "jeffreys": (98.5, 0), "clopper_pearson": (98.5, 0)}),
    (
        300,
        0.005,
        {"wald": (78, 22), "wilson": (93.5, 0), "jeffreys": (98.2, 0), "clopper_pearson": (98.2, 0)},
    ),
    (
        300,
        0.01,
        {"wald": (80, 20), "wilson": (96.7, 0), "jeffreys": (91.8, 4.9), "clopper_pearson": (98.9, 0)},
    ),
    (
        1000,
        0.005,
        {"wald": (87, 12), "wilson": (96.2, 0.7), "jeffreys": (92.8, 4.0), "clopper_pearson": (98, 0.7)},
    ),
]


@pytest.mark.parametrize(("n", "p", "expected"), COVERAGE)
def test_coverage_table_by_enumeration(n: int, p: float, expected: dict[str, tuple[float, float]]) -> None:
    s = np.arange(n + 1)
    mass = binom.pmf(s, n, p)
    for method, (coverage, unsafe) in expected.items():
        intervals = [getattr(stats, method)(int(k), n) for k in s]
        covered = 100 * sum(m for m, i in zip(mass, intervals, strict=True) if i.lower <= p <= i.upper)
        missed = 100 * sum(m for m, i in zip(mass, intervals, strict=True) if i.upper < p)
        tolerance = 0.6 if method == "wald" else 0.1
        assert covered == pytest.approx(coverage, abs=tolerance), method
        assert missed == pytest.approx(unsafe, abs=tolerance), method


@pytest.mark.parametrize(
    ("method", "two_percent", "five_percent"),
    [("wald", 1, 1), ("jeffreys", 95, 38), ("wilson", 133, 52), ("clopper_pearson", 149, 59)],
)
def test_draws_without_failure_needed_to_claim_a_limit(
    method: str, two_percent: int, five_percent: int
) -> None:
    def needed(limit: float) -> int:
        n = 1
        while getattr(stats, method)(0, n, side="upper").upper > limit:
            n += 1
        return n

    assert needed(0.02) == two_percent
    assert needed(0.05) == five_percent
    assert stats.zero_failure_floor(0.02, 0.05) == 149
    assert stats.zero_failure_floor(0.05, 0.05) == 59


@given(n=st.integers(1, 3000), data=st.data(), confidence=st.sampled_from([0.8, 0.9, 0.95, 0.99]))
def test_exact_intervals_contain_the_estimate_and_never_have_zero_width(
    n: int, data: st.DataObject, confidence: float
) -> None:
    s = data.draw(st.integers(0, n))
    for method in (stats.clopper_pearson, stats.wilson, stats.jeffreys, stats.confidence_sequence):
        for side in ("both", "upper", "lower"):
            interval = method(s, n, confidence, side=side)
            assert 0 <= interval.lower <= interval.value <= interval.upper <= 1
            assert interval.width > 0


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=40))
def test_clustered_zero_counts_are_worth_one_draw_per_family(sizes: list[int]) -> None:
    interval = stats.korn_graubard([0] * len(sizes), sizes, side="upper")
    worth = len(sizes)
    assert interval.effective_n == worth
    assert interval.upper == pytest.approx(stats.clopper_pearson(0, worth, side="upper").upper)
    assert interval.width > 0


@given(data=st.data())
def test_effective_n_never_exceeds_n(data: st.DataObject) -> None:
    sizes = data.draw(st.lists(st.integers(1, 20), min_size=2, max_size=30))
    successes = [data.draw(st.integers(0, m)) for m in sizes]
    interval = stats.korn_graubard(successes, sizes)
    assert interval.effective_n is not None
    assert 0 < interval.effective_n <= sum(sizes)
    assert interval.lower <= interval.value <= interval.upper


def test_one_draw_per_family_is_clopper_pearson() -> None:
    x = np.zeros(200, dtype=int)
    x[[3, 77, 150]] = 1
    clustered, simple = stats.korn_graubard(x, np.ones(200, dtype=int)), stats.clopper_pearson(3, 200)
    assert (clustered.lower, clustered.upper) == pytest.approx((simple.lower, simple.upper))


@pytest.mark.parametrize(
    ("families", "prompts", "attempts", "p", "coverage", "unsafe"),
    [
        (20, 5, 5, 0.01, 99.2, 0.0),
        (20, 5, 5, 0.02, 93.1, 6.3),
        (50, 5, 2, 0.02, 95.4, 3.7),
        (500, 1, 1, 0.02, 98, 0.8),
    ],
)
def test_clustered_coverage_table_by_simulation(
    families: int, prompts: int, attempts: int, p: float, coverage: float, unsafe: float
) -> None:
    """Family ICC .1, extra same-prompt ICC .4, as nested beta-binomials; 1,500 runs, s.e. 0.6 points."""
    rng = np.random.default_rng(20)
    runs = 1500
    family = rng.beta(p * 9, (1 - p) * 9, (runs, families, 1))
    family = np.clip(family, 1e-12, 1 - 1e-12)
    within = 0.4 / 0.9
    scale = 1 / within - 1
    prompt = rng.beta(family * scale, (1 - family) * scale, (runs, families, prompts))
    counts = rng.binomial(attempts, prompt).sum(axis=2)
    sizes = np.full(families, prompts * attempts)
    intervals = [stats.korn_graubard(row, sizes) for row in counts]
    covered = 100 * np.mean([i.lower <= p <= i.upper for i in intervals])
    missed = 100 * np.mean([i.upper < p for i in intervals])
    assert covered == pytest.approx(coverage, abs=2.0)
    assert missed == pytest.approx(unsafe, abs=2.0)


def test_poisson_limits() -> None:
    assert stats.poisson_rate(0, 100.0, side="upper").upper == pytest.approx(-math.log(0.05) / 100)
    interval = stats.poisson_rate(4, 2.0)
    assert (interval.lower, interval.value, interval.upper) == pytest.approx(
        (1.0899 / 2, 2.0, 10.2416 / 2), abs=1e-4
    )


def test_rate_per_sessions_bounds_both_sources() -> None:
    bound = stats.rate_per_sessions([0, 2], [300, 200], [50, 4], 100_000)
    assert bound.value == pytest.approx(10_000 * (2 / 200) * (4 / 100_000))
    parts = [
        stats.clopper_pearson(s, n, 1 - 0.05 / 4, side="upper").upper
        * stats.clopper_pearson(k, 100_000, 1 - 0.05 / 4, side="upper").upper
        for s, n, k in ((0, 300, 50), (2, 200, 4))
    ]
    assert bound.upper == pytest.approx(10_000 * sum(parts))


@pytest.mark.parametrize(
    ("n", "s", "upper", "exact"), [(150, 0, 2.49, 1.98), (500, 2, 1.76, 1.25), (5000, 50, 1.51, 1.26)]
)
def test_price_of_a_confidence_sequence(n: int, s: int, upper: float, exact: float) -> None:
    assert 100 * stats.confidence_sequence(s, n).upper == pytest.approx(upper, abs=0.005)
    assert 100 * stats.clopper_pearson(s, n, side="upper").upper == pytest.approx(exact, abs=0.005)


@pytest.mark.parametrize("rate", [0.005, 0.02, 0.05])
def test_confidence_sequence_misses_at_most_alpha_over_all_times(rate: float) -> None:
    """Exact: the limits as integer boundaries over n <= 3000, crossing probability by enumeration."""
    log_threshold = math.log(20)
    limits = [-1]
    for n in range(1, 3001):
        s = limits[-1]
        while s + 1 <= n and s + 1 < n and stats.log_evidence_below(rate, n, s + 1) >= log_threshold:
            s += 1
        limits.append(s)
    never = (3001,) * 3001
    boundaries = stats.Boundaries(3000, tuple(limits), never, never)
    missed = stats.operating_characteristics(boundaries, [rate]).ship[0]
    assert 0.025 < missed <= 0.05


def test_empty_denominator_is_an_error_not_a_zero() -> None:
    for method in (
        stats.clopper_pearson,
        stats.wilson,
        stats.jeffreys,
        stats.wald,
        stats.confidence_sequence,
    ):
        with pytest.raises(stats.EmptyDenominatorError, match="empty denominator"):
            method(0, 0)
        with pytest.raises(stats.StatisticsError):
            method(3, 2)
    with pytest.raises(stats.EmptyDenominatorError):
        stats.korn_graubard([], [])
    with pytest.raises(stats.EmptyDenominatorError):
        stats.poisson_rate(0, 0.0)
    with pytest.raises(stats.StatisticsError):
        stats.clopper_pearson(1, 2, 1.0)
    assert issubclass(stats.EmptyDenominatorError, ValueError)
