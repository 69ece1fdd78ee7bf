"""Differences, means, quantiles, multiplicity, regression, bias."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, multinomial
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests
from statsmodels.stats.proportion import confint_proportions_2indep

from safecase import stats
from safecase.stats import crosses


@pytest.mark.parametrize(("s", "n", "t", "m"), [(5, 100, 2, 90), (0, 50, 0, 40), (10, 10, 3, 8)])
def test_newcombe_equals_statsmodels(s: int, n: int, t: int, m: int) -> None:
    interval = stats.newcombe_difference(s, n, t, m)
    expected = confint_proportions_2indep(s, n, t, m, method="newcomb", compare="diff")
    assert (interval.lower, interval.upper) == pytest.approx(expected, abs=1e-9)
    assert interval.width > 0


@given(st.integers(0, 40), st.integers(0, 40))
def test_mcnemar_equals_statsmodels_and_binomtest(b: int, c: int) -> None:
    if b + c:
        assert stats.mcnemar_exact(b, c) == pytest.approx(mcnemar([[0, b], [c, 0]], exact=True).pvalue)
        for alternative in ("greater", "less"):
            expected = binomtest(b, b + c, alternative=alternative).pvalue
            assert stats.mcnemar_exact(b, c, alternative) == pytest.approx(expected)  # type: ignore[arg-type]
    else:
        assert stats.mcnemar_exact(b, c) == 1.0


def test_paired_difference_coverage_by_enumeration() -> None:
    n, p, q = 25, 0.1, 0.05
    covered = 0.0
    for b in range(n + 1):
        for c in range(n + 1 - b):
            weight = multinomial.pmf([b, c, n - b - c], n, [p, q, 1 - p - q])
            covered += weight * stats.paired_difference(b, c, n).contains(p - q)
    assert covered >= 0.95
    assert stats.paired_difference(0, 0, 20).width > 0


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_betting_mean_contains_its_estimate_with_positive_width(values: list[float]) -> None:
    interval = stats.betting_mean(values)
    assert 0 <= interval.lower <= interval.value <= interval.upper <= 1
    assert interval.width > 0


@pytest.mark.parametrize("mean", [0.01, 0.3])
def test_betting_mean_covers(mean: float) -> None:
    rng = np.random.default_rng(12)
    covered = sum(stats.betting_mean(rng.beta(mean, 1 - mean, 120)).contains(mean) for _ in range(300))
    assert covered / 300 >= 0.95


def test_severity_bound_where_wald_fails() -> None:
    """Theta 1 %, severities .1/.4/1: the Wald bound at n = 300 is under the truth in about 16 %."""
    rng = np.random.default_rng(13)
    wald = betting = 0
    for _ in range(1500):
        x = rng.choice([0.0, 0.1, 0.4, 1.0], 300, p=[0.98, 0.02 / 3, 0.02 / 3, 0.02 / 3])
        wald += x.mean() + 1.645 * x.std(ddof=1) / math.sqrt(300) < 0.01
        betting += stats.severity_mean_bound(x).upper < 0.01
    assert 100 * wald / 1500 == pytest.approx(16.3, abs=2.5)
    assert betting / 1500 <= 0.05


def test_quantile_interval_is_exact_and_honest_about_small_samples() -> None:
    assert math.isinf(stats.quantile_interval(np.arange(58), 0.95, side="upper").upper)
    assert stats.quantile_interval(np.arange(59), 0.95, side="upper").upper == 58
    rng = np.random.default_rng(14)
    covered = sum(
        stats.quantile_interval(rng.exponential(size=200), 0.9).contains(math.log(10)) for _ in range(600)
    )
    assert covered / 600 >= 0.94
    assert stats.quantile_interval([1.0, math.inf], 0.5).upper == math.inf
    with pytest.raises(stats.StatisticsError, match="NaN"):
        stats.quantile_interval([1.0, math.nan], 0.5)
    with pytest.raises(stats.EmptyDenominatorError):
        stats.quantile_interval([], 0.5)


@given(st.lists(st.floats(0, 1), min_size=1, max_size=20))
def test_p_value_corrections_equal_statsmodels(p_values: list[float]) -> None:
    for ours, method in ((stats.holm, "holm"), (stats.benjamini_hochberg, "fdr_bh")):
        result = ours(p_values)
        rejected, adjusted, _, _ = multipletests(p_values, method=method)
        assert result.adjusted == pytest.approx(adjusted)
        assert np.array_equal(result.rejected, np.asarray(result.adjusted) <= 0.05)
        assert np.mean(result.rejected == rejected) == 1 or np.any(np.isclose(adjusted, 0.05))


def test_e_value_corrections() -> None:
    log_e = np.log([100.0, 45.0, 39.0, 1.0])
    assert stats.e_bonferroni(log_e).indices == (0,)
    assert stats.e_holm(log_e).indices == (0,)
    assert stats.e_benjamini_hochberg(log_e).indices == (0, 1, 2)
    assert stats.e_holm(np.log([80.0, 60.0, 40.0, 20.0])).indices == (0, 1, 2, 3)
    assert stats.e_bonferroni(np.log([80.0, 60.0, 40.0, 20.0])).indices == (0,)
    assert stats.average_log_e([0.0, -math.inf]) == pytest.approx(math.log(0.5))
    with pytest.raises(stats.EmptyDenominatorError):
        stats.e_holm([])


@pytest.mark.parametrize(
    ("increase", "shipped", "calls"), [(0.0, 86.6, 266), (0.01, 46, 358), (0.03, 3.5, 247), (0.10, 0, 58)]
)
def test_regression_against_a_cached_baseline(increase: float, shipped: float, calls: float) -> None:
    """Baseline 5 %, prompt ICC .5, five cached runs, cap 550, 600 runs.

    How the published simulation spreads an increase over prompts is not stated; here it is in proportion to
    1 - p, which makes regressions slightly slower to spot. Hence the wide tolerance on calls.
    """
    rng = np.random.default_rng(15)
    runs, cap, base = 600, 550, 0.05
    plan = stats.regression_gate(0.03, cap)
    p = rng.beta(base, 1 - base, (runs, cap))
    cached = rng.binomial(5, p) / 5
    outcome = rng.random((runs, cap)) < p + (1 - p) * increase / (1 - base)
    x = (1 + outcome - cached) / 2

    def first(mixture: stats.Mixture, error: float) -> np.ndarray:
        logs = np.cumsum(mixture.log_factors(x), axis=1) + np.log(mixture.weights)
        reached = crosses(np.logaddexp.reduce(logs, axis=2), -math.log(error))
        return np.where(reached.any(axis=1), reached.argmax(axis=1) + 1, cap + 1)

    assert plan.futility is not None
    ship, futility = first(plan.ship, 0.05), first(plan.futility, 0.08)
    ships = (ship <= futility) & (ship <= cap)
    assert 100 * ships.mean() == pytest.approx(shipped, abs=5)
    assert np.minimum(np.minimum(ship, futility), cap).mean() == pytest.approx(calls, rel=0.15)
    if increase == 0.03:
        assert ships.mean() <= 0.05
    replay = stats.BoundedSequentialTest(plan).run(x[0].tolist())
    assert (replay.decision == "ship") == bool(ships[0])


def test_regression_observation_units() -> None:
    assert stats.paired_observation(1, 0.0) == 1.0
    assert stats.increase(stats.paired_observation(1, 0.4)) == pytest.approx(0.6)
    gate = stats.regression_gate(0.03, 100)
    assert gate.ship.log_factors(stats.paired_observation(0, 0.2)) == pytest.approx(
        np.log(1 + np.array([0.3, 0.6, 0.97]) * (0.03 + 0.2))
    )
    with pytest.raises(stats.StatisticsError):
        stats.paired_observation(2, 0)


def test_counterfactual_comparisons_find_the_planted_difference() -> None:
    rng = np.random.default_rng(16)
    base = (rng.random(200) < 0.1).astype(int)
    worse = np.maximum(base, rng.random(200) < 0.15).astype(int)
    rows = stats.counterfactual_comparisons({"a": base, "b": base.copy(), "c": worse})
    found = {(r.first, r.second): r.differs for r in rows}
    assert found == {("a", "b"): False, ("a", "c"): True, ("b", "c"): True}
    same = rows[0]
    assert same.p_value == 1.0
    assert same.difference.width > 0
    with pytest.raises(stats.StatisticsError, match="two groups"):
        stats.counterfactual_comparisons({"a": base})


def test_missing_outcomes_of_a_group_widen_its_limits_to_whatever_they_were() -> None:
    held, broken = np.zeros(40), np.zeros(40)
    broken[:30] = np.nan
    (row,) = stats.counterfactual_comparisons({"a": held, "b": broken})
    assert row.difference.value == -0.75
    assert row.difference.lower < -0.75
    assert row.difference.upper > 0, "they might all have held"
    (whole,) = stats.counterfactual_comparisons({"a": held, "b": held.copy()})
    assert whole.difference.lower == pytest.approx(-whole.difference.upper)


@pytest.mark.parametrize("margin", [0.03, 0.1])
def test_the_limits_of_an_increase_are_those_that_its_gate_proves(margin: float) -> None:
    """Met exactly where the upper limit excludes the margin, proven where the lower one does."""
    rng = np.random.default_rng(8)
    gate = stats.regression_gate(margin, 4000, futility_error=None)
    for rate in (0.0, 0.02, margin, 3 * margin):
        differences = (rng.random(4000) < rate).astype(float) - (rng.random(4000) < 0.01)
        test = stats.BoundedSequentialTest(gate).run(((1 + differences) / 2).tolist())
        interval = stats.increase_interval(differences[: test.n])
        assert interval.confidence == pytest.approx(0.9)
        assert (interval.upper <= margin + 1e-9) == (test.decision == "ship")
        assert (interval.lower >= margin - 1e-9) == (test.decision == "blocked")
    for extreme in (-1.0, 1.0):
        interval = stats.increase_interval(np.full(5, extreme))
        assert interval.lower <= extreme <= interval.upper
