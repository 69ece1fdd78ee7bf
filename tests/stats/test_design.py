"""Exact planning: the published operating characteristics, rows and columns."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import binom

from safecase import stats

RATES = [0, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.10]


def test_row_e_calibrated_design_mixture_with_futility() -> None:
    plan = stats.build_test(0.02, 0.005, 798)
    assert plan.threshold == pytest.approx(17.4, abs=0.1)
    oc = stats.operating_characteristics(plan.boundaries, RATES)
    assert 100 * oc.ship == pytest.approx([100, 98.8, 90.7, 46.6, 4.9, 0.6, 0, 0], abs=0.1)
    assert oc.expected_calls == pytest.approx([169, 238, 315, 359, 204, 113, 51, 19], abs=0.6)
    total = oc.ship + oc.futility + oc.blocked + oc.exhausted
    assert total == pytest.approx(np.ones(8))


def test_planned_size_reaches_the_power_and_one_less_does_not() -> None:
    plan = stats.plan_gate(0.02, 0.005)
    assert plan.n_max <= 798
    assert stats.chance_to_ship(plan, [0.005])[0] >= 0.90
    assert stats.chance_to_ship(stats.build_test(0.02, 0.005, plan.n_max - 1), [0.005])[0] < 0.90
    assert stats.chance_to_ship(plan, [0.02])[0] <= 0.05


@pytest.mark.parametrize(
    ("curtailed", "calls"),
    [(False, [456] * 8), (True, [452, 453, 446, 391, 246, 167, 100, 50])],
)
def test_fixed_rows(curtailed: bool, calls: list[int]) -> None:
    assert stats.fixed_sample_size(0.02, 0.005) == (456, 4)
    oc = stats.operating_characteristics(stats.fixed_boundaries(456, 4, curtailed=curtailed), RATES)
    assert 100 * oc.ship == pytest.approx([100, 99.4, 91.9, 52.0, 4.9, 0.2, 0, 0], abs=0.1)
    assert oc.ship == pytest.approx(binom.cdf(4, 456, RATES))
    assert oc.expected_calls == pytest.approx(calls, abs=0.6)


def test_fixed_exact_ship_points_and_sizes() -> None:
    assert stats.fixed_ship_points(0.02, 0.05, 5).tolist() == [149, 236, 313, 386, 456]
    assert stats.fixed_sample_size(0.05, 0.02)[0] == 311
    assert stats.fixed_sample_size(0.05, 0.005)[0] == 93
    assert stats.fixed_sample_size(0.01, 0.002)[0] == 773


@pytest.mark.parametrize("method", ["wald", "wilson"])
def test_fixed_rows_of_approximate_intervals(method: str) -> None:
    limit = max(s for s in range(30) if getattr(stats, method)(s, 456, side="upper").upper <= 0.02)
    oc = stats.operating_characteristics(stats.fixed_boundaries(456, limit), RATES[1:6])
    expected = {"wald": [99.9, 97.1, 69, 10.6, 0.6], "wilson": [99.4, 91.9, 52, 4.9, 0.2]}[method]
    assert 100 * oc.ship == pytest.approx(expected, abs=0.35)


def test_flat_mixture_blocked_on_proof_only() -> None:
    """Row (d): a uniform mixture with 1/alpha and no futility; it wastes calls near the limit."""
    rates = np.linspace(0, 0.02, 202)[:-1]
    flat = stats.Mixture(0.02, tuple(rates.tolist()), (1 / rates.size,) * rates.size)
    plan = stats.build_test(
        0.02, 0.005, 912, calibrated=False, futility_error=None, least_conditional_power=0.0, ship=flat
    )
    oc = stats.operating_characteristics(plan.boundaries, [0, 0.0025, 0.005, 0.01, 0.02])
    assert 100 * oc.ship == pytest.approx([100, 99.9, 95.0, 48, 2.6], abs=1.0)
    assert oc.expected_calls == pytest.approx([224, 305, 428, 711, 886], abs=8)


@pytest.mark.parametrize(
    ("theta0", "theta1", "n_max", "rates", "calls", "tolerance"),
    [
        (0.01, 0.002, 1220, [0, 0.002, 0.01, 0.05], [333, 528, 316, 35], 1.0),
        (0.05, 0.005, 171, [0, 0.005, 0.05, 0.10], [62, 71, 36, 18], 2.0),
        (0.05, 0.02, 602, [0.01, 0.05, 0.07, 0.10], [126, 162, 85, 42], 2.0),
    ],
)
def test_gates_at_other_limits(
    theta0: float, theta1: float, n_max: int, rates: list[float], calls: list[float], tolerance: float
) -> None:
    plan = stats.build_test(theta0, theta1, n_max)
    oc = stats.operating_characteristics(plan.boundaries, rates)
    assert oc.expected_calls == pytest.approx(calls, abs=tolerance)
    assert stats.chance_to_ship(plan, [theta0])[0] <= 0.05
    assert stats.chance_to_ship(plan, [theta1])[0] >= 0.89


def test_calibration_spends_alpha_and_never_more() -> None:
    for theta0, theta1, n_max in ((0.02, 0.005, 400), (0.05, 0.02, 900), (0.2, 0.1, 300)):
        mixture = stats.ship_mixture(theta0, theta1)
        threshold = stats.calibrated_threshold(mixture, 0.05, n_max)
        assert 1 < threshold <= 20
        plan = stats.build_test(theta0, theta1, n_max, futility_error=None, least_conditional_power=0.0)
        never = (n_max + 1,) * (n_max + 1)
        ship_only = stats.Boundaries(n_max, plan.boundaries.ship, never, never)
        spent = stats.operating_characteristics(ship_only, [theta0]).ship[0]
        assert 0.03 < spent <= 0.05 + 1e-12
        points = np.asarray(plan.boundaries.ship_points)
        assert stats.crossing_probability(points, theta0) == pytest.approx(spent, rel=1e-9)


def test_operating_characteristics_agree_with_enumeration() -> None:
    plan = stats.build_test(0.3, 0.1, 16, alpha=0.2)
    oc = stats.operating_characteristics(plan.boundaries, [0.1, 0.37])
    for k, rate in enumerate((0.1, 0.37)):
        shipped = calls = 0.0
        for path in range(2**16):
            bits = [(path >> i) & 1 for i in range(16)]
            weight = rate ** sum(bits) * (1 - rate) ** (16 - sum(bits))
            if weight < 1e-12:
                continue
            decision, n = plan.boundaries.first_decision(np.array(bits))
            shipped += weight * (decision == "ship")
            calls += weight * n
        assert oc.ship[k] == pytest.approx(shipped, abs=1e-6)
        assert oc.expected_calls[k] == pytest.approx(calls, abs=1e-5)


@pytest.mark.parametrize(
    ("n_max", "every", "expected"),
    [
        (500, 50, {"wald": 46.7, "wilson": 11.6, "clopper_pearson": 9.6, "jeffreys": 22.0}),
        (1000, 10, {"wald": 74.1, "wilson": 18.6, "clopper_pearson": 16.3, "jeffreys": 27.4}),
        (2000, 1, {"wald": 76.4, "wilson": 24.7, "clopper_pearson": 21.7, "jeffreys": 33.1}),
    ],
)
def test_naive_peeking_inflates_false_ship(n_max: int, every: int, expected: dict[str, float]) -> None:
    """Exact, first look at 20: why no interval of `intervals` may be used as a stopping rule."""
    first_look = 20
    for method, percent in expected.items():
        interval = getattr(stats, method)
        limits = np.full(n_max + 1, -1)
        s = -1
        for n in range(max(every, first_look), n_max + 1, every):
            while s + 1 <= n and interval(s + 1, n, side="upper").upper <= 0.02:
                s += 1
            while s >= 0 and interval(s, n, side="upper").upper > 0.02:
                s -= 1
            limits[n] = s
        never = (n_max + 1,) * (n_max + 1)
        boundaries = stats.Boundaries(n_max, tuple(limits.tolist()), never, never)
        shipped = stats.operating_characteristics(boundaries, [0.02]).ship[0]
        assert 100 * shipped == pytest.approx(percent, abs=0.6), method


@pytest.mark.parametrize(("tries", "percent"), [(2, 9.6), (3, 14.1), (5, 22.4), (10, 39.8)])
def test_rerunning_the_fixed_gate_until_green(tries: int, percent: float) -> None:
    once = stats.operating_characteristics(stats.fixed_boundaries(456, 4), [0.02]).ship[0]
    assert 100 * (1 - (1 - once) ** tries) == pytest.approx(percent, abs=0.1)


def test_release_mix_saves_more_than_two_fold() -> None:
    shares = np.array([30, 15, 15, 10, 10, 8, 7, 5]) / 100
    oc = stats.operating_characteristics(stats.build_test(0.02, 0.005, 798).boundaries, RATES)
    assert shares @ oc.expected_calls == pytest.approx(203, abs=1)
    assert 456 / (shares @ oc.expected_calls) > 2.2


def test_minimum_n_is_respected_and_still_valid() -> None:
    plan = stats.build_test(0.05, 0.005, 400, minimum_n=200)
    assert min(plan.boundaries.ship_points) >= 200
    assert stats.chance_to_ship(plan, [0.05])[0] <= 0.05


def test_dependent_draws_cannot_beat_the_calibrated_gate() -> None:
    """Every conditional rate at least theta0, adversarially by the past: false ship stays below alpha."""
    plan = stats.build_test(0.05, 0.005, 171)
    limits = plan.boundaries
    value = np.zeros(limits.n_max + 2)
    for n in range(limits.n_max, -1, -1):
        s = np.arange(limits.n_max + 1)
        if n == limits.n_max:
            value[: s.size] = s <= limits.ship[n]
            continue
        best = np.maximum.reduce([(1 - r) * value[:-1] + r * value[1:] for r in (0.05, 0.1, 0.5, 1.0)])
        value[:-1] = np.where(s <= limits.ship[n], 1.0, best)
    assert value[0] <= 0.05


def test_plans_that_cannot_be_made_say_why() -> None:
    with pytest.raises(stats.StatisticsError, match="n_limit"):
        stats.plan_gate(0.02, 0.019, n_limit=2000)
    with pytest.raises(stats.StatisticsError, match="theta1"):
        stats.plan_gate(0.02, 0.03)
    with pytest.raises(stats.StatisticsError):
        stats.plan_gate(0.02, 0.005, power=1.0)
    assert math.isinf(float(stats.Mixture(0.5, (0.0,), (1.0,)).log_e(1, 1)))
