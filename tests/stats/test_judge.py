"""Judge correction: coverage where the raw judge has none, and refusals to bound the unbounded."""

from __future__ import annotations

import numpy as np
import pytest

from safecase import stats

N, SENSITIVITY, SPECIFICITY = 2000, 0.90, 0.95


def simulate(rng: np.random.Generator, p: float) -> tuple[int, int, int, int]:
    """(violations flagged, violations missed, others flagged, others not) among N judged."""
    violations = int(rng.binomial(N, p))
    hit = int(rng.binomial(violations, SENSITIVITY))
    false = int(rng.binomial(N - violations, 1 - SPECIFICITY))
    return hit, violations - hit, false, N - violations - false


def phase_two(
    rng: np.random.Generator, counts: tuple[int, int, int, int], flags: int, clean: int
) -> dict[str, int]:
    hit, missed, false, rest = counts
    flagged_labelled = min(flags, hit + false)
    return {
        "n": N,
        "flagged": hit + false,
        "flagged_labelled": flagged_labelled,
        "flagged_violations": int(rng.hypergeometric(hit, false, flagged_labelled)),
        "clean_labelled": clean,
        "clean_violations": int(rng.hypergeometric(missed, rest, clean)),
    }


@pytest.mark.parametrize(
    ("p", "coverage", "width"), [(0.005, 97.2, 2.9), (0.02, 97.7, 3.6), (0.10, 98.0, 5.8)]
)
def test_two_phase_mover_table(p: float, coverage: float, width: float) -> None:
    rng = np.random.default_rng(7)
    intervals = [stats.two_phase(**phase_two(rng, simulate(rng, p), 60, 140)) for _ in range(1500)]
    covered = 100 * np.mean([i.contains(p) for i in intervals])
    assert covered == pytest.approx(coverage, abs=1.6)
    assert covered >= 95
    assert 100 * np.mean([i.width for i in intervals]) == pytest.approx(width, rel=0.05)
    assert 100 * np.mean([i.value - p for i in intervals]) == pytest.approx(0, abs=0.15)


@pytest.mark.parametrize(("p", "width"), [(0.005, 4.0), (0.05, 6.5), (0.20, 10.3)])
def test_two_phase_bonferroni_is_guaranteed(p: float, width: float) -> None:
    """Wider than published: the published interval takes the judged share as known, ours bounds it too."""
    rng = np.random.default_rng(7)
    intervals = [
        stats.two_phase(**phase_two(rng, simulate(rng, p), 60, 140), method="bonferroni") for _ in range(600)
    ]
    assert 100 * np.mean([i.contains(p) for i in intervals]) >= 99
    assert width < 100 * np.mean([i.width for i in intervals]) < 1.5 * width


@pytest.mark.parametrize("audited", [100, 10_000])
@pytest.mark.parametrize(
    ("p", "coverage", "width"), [(0.005, 99.0, 0.9), (0.02, 98.7, 1.9), (0.10, 99.2, 5.0)]
)
def test_planted_recall_table(p: float, coverage: float, width: float, audited: int) -> None:
    """The published widths are those of a full audit of the flags; auditing only 100 of them costs width."""
    rng = np.random.default_rng(8)
    intervals = []
    for _ in range(1000):
        hit, _, false, _ = simulate(rng, p)
        labelled = min(audited, hit + false)
        intervals.append(
            stats.planted_recall(
                n=N,
                flagged=hit + false,
                flagged_labelled=labelled,
                flagged_violations=int(rng.hypergeometric(hit, false, labelled)),
                planted=100,
                planted_found=int(rng.binomial(100, SENSITIVITY)),
            )
        )
    assert 100 * np.mean([i.contains(p) for i in intervals]) >= coverage - 1.0
    mean_width = 100 * np.mean([i.width for i in intervals])
    if audited > N:
        assert mean_width == pytest.approx(width, rel=0.1)
    else:
        assert width < mean_width < 1.8 * width


def test_planted_recall_rests_on_its_assumption() -> None:
    """True recall .70 while planted failures say .90: the bound fails at high rates, as documented."""
    rng = np.random.default_rng(9)
    missed = 0
    for _ in range(800):
        found = int(rng.binomial(int(rng.binomial(N, 0.05)), 0.70))
        interval = stats.planted_recall(
            n=N,
            flagged=found,
            flagged_labelled=found,
            flagged_violations=found,
            planted=100,
            planted_found=int(rng.binomial(100, 0.90)),
        )
        missed += interval.upper < 0.05
    assert missed / 800 > 0.10


@pytest.mark.parametrize(
    ("p", "coverage", "width"), [(0.01, 95.7, 4.6), (0.05, 95.2, 7.8), (0.20, 95.3, 9.4)]
)
def test_rogan_gladen_with_enriched_labels(p: float, coverage: float, width: float) -> None:
    rng = np.random.default_rng(10)
    intervals = []
    for _ in range(1500):
        hit, _, false, _ = simulate(rng, p)
        intervals.append(
            stats.rogan_gladen(
                hit + false,
                N,
                sensitivity_hits=int(rng.binomial(50, SENSITIVITY)),
                sensitivity_n=50,
                specificity_hits=int(rng.binomial(150, SPECIFICITY)),
                specificity_n=150,
            )
        )
    assert 100 * np.mean([i.contains(p) for i in intervals]) == pytest.approx(coverage, abs=1.8)
    assert 100 * np.mean([i.width for i in intervals]) == pytest.approx(width, rel=0.06)


def test_raw_judge_and_ppi_do_not_cover_low_rates() -> None:
    rng = np.random.default_rng(11)
    p, runs = 0.005, 600
    raw = ppi = 0
    for _ in range(runs):
        y = rng.random(N) < p
        judged = np.where(y, rng.random(N) < SENSITIVITY, rng.random(N) >= SPECIFICITY)
        raw += stats.wilson(int(judged.sum()), N).contains(p)
        ppi += stats.ppi_plus_plus(y[:200], judged[:200], judged[200:]).contains(p)
    assert raw == 0
    assert 100 * ppi / runs == pytest.approx(65, abs=6)


def test_quality_of_a_judge() -> None:
    quality = stats.judge_quality(45, 8, 5, 142)
    assert quality.sensitivity == stats.clopper_pearson(45, 50)
    assert quality.specificity == stats.clopper_pearson(142, 150)
    assert quality.precision == stats.clopper_pearson(45, 53)
    assert quality.false_omission == stats.clopper_pearson(5, 147)
    assert stats.judge_quality(0, 0, 0, 10).sensitivity is None
    with pytest.raises(stats.EmptyDenominatorError):
        stats.judge_quality(0, 0, 0, 0)


def test_label_floor_is_the_zero_failure_floor() -> None:
    assert (stats.label_floor(0.02), stats.label_floor(0.05)) == (149, 59)


def test_a_stratum_without_labels_is_an_error_and_zero_flags_are_not() -> None:
    with pytest.raises(stats.EmptyDenominatorError, match="judged flagged"):
        stats.two_phase(
            n=100, flagged=5, flagged_labelled=0, flagged_violations=0, clean_labelled=50, clean_violations=0
        )
    clean = stats.two_phase(
        n=400, flagged=0, flagged_labelled=0, flagged_violations=0, clean_labelled=200, clean_violations=0
    )
    assert clean.value == 0
    assert clean.upper == pytest.approx(stats.clopper_pearson(0, 200).upper)
    with pytest.raises(stats.StatisticsError, match="no better than chance"):
        stats.rogan_gladen(
            10, 100, sensitivity_hits=5, sensitivity_n=10, specificity_hits=5, specificity_n=10
        )
    with pytest.raises(stats.StatisticsError, match="none of the planted"):
        stats.planted_recall(
            n=100, flagged=0, flagged_labelled=0, flagged_violations=0, planted=50, planted_found=0
        )
