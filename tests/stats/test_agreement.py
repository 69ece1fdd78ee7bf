"""Agreement, calibration and ranking against independent implementations and published examples."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats import inter_rater

from safecase import stats

KRIPPENDORFF_EXAMPLE = np.array(
    # Krippendorff 2011, four observers, twelve units, missing values.
    [
        [1, 2, 3, 3, 2, 1, 4, 1, 2, np.nan, np.nan, np.nan],
        [1, 2, 3, 3, 2, 2, 4, 1, 2, 5, np.nan, 3],
        [np.nan, 3, 3, 3, 2, 3, 4, 2, 2, 5, 1, np.nan],
        [1, 2, 3, 3, 2, 4, 4, 1, 2, 5, 1, np.nan],
    ]
)


@pytest.mark.parametrize(("level", "alpha"), [("nominal", 0.743), ("ordinal", 0.815), ("interval", 0.849)])
def test_krippendorff_published_example(level: str, alpha: float) -> None:
    assert stats.krippendorff_alpha(KRIPPENDORFF_EXAMPLE, level) == pytest.approx(alpha, abs=5e-4)  # type: ignore[arg-type]


def test_krippendorff_interval_is_seeded_and_contains_the_estimate() -> None:
    first = stats.krippendorff_alpha_interval(KRIPPENDORFF_EXAMPLE, seed=1, replicates=200)
    assert first == stats.krippendorff_alpha_interval(KRIPPENDORFF_EXAMPLE, seed=1, replicates=200)
    assert first.lower < first.value < first.upper
    with pytest.raises(stats.EmptyDenominatorError):
        stats.krippendorff_alpha([[1.0, np.nan], [np.nan, 2.0]])


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 3)), min_size=5, max_size=60))
def test_cohen_kappa_equals_statsmodels(pairs: list[tuple[int, int]]) -> None:
    first, second = [a for a, _ in pairs], [b for _, b in pairs]
    table = stats.confusion_table(first, second, categories=[0, 1, 2, 3])
    if len({*first, *second}) < 2:
        assert np.isnan(stats.cohen_kappa(table))
        return
    for weights, name in (("none", None), ("linear", "linear"), ("quadratic", "quadratic")):
        expected = inter_rater.cohens_kappa(table.counts, wt=name, return_results=False)
        assert stats.cohen_kappa(table, weights) == pytest.approx(expected, nan_ok=True)  # type: ignore[arg-type]


def test_fleiss_kappa_equals_statsmodels() -> None:
    counts = np.random.default_rng(2).multinomial(6, [0.5, 0.3, 0.2], size=40)
    assert stats.fleiss_kappa(counts) == pytest.approx(inter_rater.fleiss_kappa(counts))
    with pytest.raises(stats.StatisticsError, match="same number"):
        stats.fleiss_kappa([[2, 1], [1, 1]])


def test_kappa_interval_and_confusion_table() -> None:
    first = ["held", "violated", "held", "held", "violated", "held"] * 10
    second = ["held", "violated", "violated", "held", "violated", "held"] * 10
    interval = stats.cohen_kappa_interval(first, second, seed=4, replicates=300)
    assert interval.lower < interval.value < interval.upper
    table = stats.confusion_table(first, second)
    assert table.categories == ("held", "violated")
    assert table.counts.tolist() == [[30, 10], [0, 20]]
    assert table.observed_agreement == pytest.approx(50 / 60)
    with pytest.raises(stats.StatisticsError, match="outside the categories"):
        stats.confusion_table(["a"], ["b"], categories=["a"])
    with pytest.raises(stats.EmptyDenominatorError):
        stats.confusion_table([], [])


def test_auc_counts_pairs_and_its_interval_covers() -> None:
    rng = np.random.default_rng(6)
    x, y = np.round(rng.normal(size=80), 1), rng.random(80) < 0.3
    wins = [float(a > b) + 0.5 * float(a == b) for a, b in itertools.product(x[y], x[~y])]
    assert stats.auc(x, y).value == pytest.approx(np.mean(wins))
    covered, truth = 0, 0.7602499389065233  # Phi(1 / sqrt(2))
    for _ in range(400):
        labels = np.repeat([1, 0], [40, 60])
        covered += stats.auc(rng.normal(size=100) + labels, labels).contains(truth)
    assert covered / 400 == pytest.approx(0.95, abs=0.035)


def test_perfect_separation_has_width() -> None:
    interval = stats.auc([3, 4, 5, 1, 2, 0], [1, 1, 1, 0, 0, 0])
    assert (interval.value, interval.upper) == (1.0, 1.0)
    assert 0 < interval.lower < 1


def test_curves() -> None:
    curve = stats.threshold_curve([0.9, 0.8, 0.8, 0.3, 0.1], [1, 1, 0, 0, 1])
    assert curve.thresholds.tolist() == [0.9, 0.8, 0.3, 0.1]
    assert curve.true_positive_rate == pytest.approx([1 / 3, 2 / 3, 2 / 3, 1])
    assert curve.false_positive_rate == pytest.approx([0, 0.5, 1, 1])
    assert curve.precision == pytest.approx([1, 2 / 3, 1 / 2, 3 / 5])
    assert stats.average_precision([0.9, 0.8, 0.8, 0.3, 0.1], [1, 1, 0, 0, 1]) == pytest.approx(
        1 / 3 + 1 / 3 * 2 / 3 + 1 / 3 * 3 / 5
    )
    with pytest.raises(stats.EmptyDenominatorError):
        stats.auc([1, 2], [1, 1])


def test_calibration() -> None:
    p, y = [0.1, 0.1, 0.9, 0.95, 1.0], [0, 1, 1, 1, 0]
    assert stats.brier_score(p, y) == pytest.approx(np.mean((np.array(p) - y) ** 2))
    bins = stats.reliability_bins(p, y)
    assert [(round(b.lower, 1), b.observed.n) for b in bins] == [(0.1, 2), (0.9, 3)]
    assert bins[1].observed == stats.clopper_pearson(2, 3)
    expected = (2 * abs(0.1 - 0.5) + 3 * abs(2.85 / 3 - 2 / 3)) / 5
    assert stats.expected_calibration_error(p, y) == pytest.approx(expected)
    with pytest.raises(stats.EmptyDenominatorError):
        stats.brier_score([], [])
    with pytest.raises(stats.StatisticsError):
        stats.brier_score([1.2], [1])
