"""E-processes, their integer boundaries and their running state."""

from __future__ import annotations

import itertools
import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import binom

from safecase import stats
from safecase.stats import TIE_EPSILON, crosses
from safecase.stats.sequential.boundaries import limits_from_points, ship_points, stop_limits

LIMITS = st.sampled_from([(0.02, 0.005), (0.05, 0.02), (0.05, 0.005), (0.01, 0.002), (0.2, 0.1), (0.6, 0.5)])


def mixtures(theta0: float, theta1: float) -> list[stats.Mixture]:
    return [
        stats.ship_mixture(theta0, theta1),
        stats.severity_mixture(theta0),
        stats.futility_mixture(theta0, theta1),
        stats.block_mixture(theta0),
    ]


@given(LIMITS)
def test_expectation_at_the_null_is_one_by_enumeration(pair: tuple[float, float]) -> None:
    for mixture in mixtures(*pair):
        for n in (1, 2, 7, 40):
            s = np.arange(n + 1)
            e = np.exp(mixture.log_e(n, s))
            assert np.sum(binom.pmf(s, n, mixture.null) * e) == pytest.approx(1.0, abs=1e-9)
            inside = 0.5 * mixture.null if mixture.direction == "above" else 0.5 * (1 + mixture.null)
            assert np.sum(binom.pmf(s, n, inside) * e) <= 1.0 + 1e-12


@given(LIMITS, st.lists(st.floats(0, 1), min_size=1, max_size=4))
def test_expectation_over_any_values_in_the_unit_interval(
    pair: tuple[float, float], values: list[float]
) -> None:
    """Two-point laws with mean at the null, all sequences of length three, by enumeration."""
    for mixture in mixtures(*pair):
        theta = mixture.null
        low, high = theta * values[0], theta + (1 - theta) * max(values[-1], 1e-3)
        p = (theta - low) / (high - low)
        total = 0.0
        for path in itertools.product((0, 1), repeat=3):
            x = np.where(path, high, low)
            total += p ** sum(path) * (1 - p) ** (3 - sum(path)) * math.exp(mixture.log_e_path(x)[-1])
        assert total == pytest.approx(1.0, abs=1e-9)


def test_no_stopping_rule_gains_under_the_null() -> None:
    """A fair game at the null, draw by draw, hence expectation 1 at every bounded stopping time."""
    for mixture in mixtures(0.2, 0.1):
        for n in range(60):
            s = np.arange(n + 1)
            now, following = np.exp(mixture.log_e(n, s)), np.exp(mixture.log_e(n + 1, np.arange(n + 2)))
            assert (1 - mixture.null) * following[:-1] + mixture.null * following[1:] == pytest.approx(now)


def test_alternative_of_zero_dies_with_the_first_failure_and_only_then() -> None:
    mixture = stats.Mixture(0.02, (0.0,), (1.0,))
    assert float(mixture.log_e(100, 0)) == pytest.approx(-100 * math.log(0.98))
    assert float(mixture.log_e(100, 1)) == -math.inf
    assert float(mixture.log_e(0, 0)) == 0.0
    mixed = stats.ship_mixture(0.02, 0.005)
    rest = stats.Mixture(0.02, mixed.alternatives[1:], tuple(w / 0.75 for w in mixed.weights[1:]))
    assert float(mixed.log_e(100, 1)) == pytest.approx(float(rest.log_e(100, 1)) + math.log(0.75))
    assert mixed.log_e_path([0, 0, 1, 0]) == pytest.approx(mixed.log_e([1, 2, 3, 4], [0, 0, 1, 1]))
    assert not np.any(np.isnan(mixed.log_e(np.arange(5), np.arange(5))))


@given(LIMITS, st.integers(1, 400))
def test_evidence_is_monotone_in_failures_and_boundaries_agree_with_it(
    pair: tuple[float, float], n: int
) -> None:
    s = np.arange(n + 1)
    for mixture in mixtures(*pair):
        steps = np.diff(mixture.log_e(n, s)[np.isfinite(mixture.log_e(n, s))])
        assert np.all(steps < 0) if mixture.direction == "below" else np.all(steps > 0)
        reached = crosses(mixture.log_e(n, s), math.log(20))
        if mixture.direction == "below":
            limit = limits_from_points(ship_points(mixture, math.log(20), n), n)[n]
            assert limit == (np.flatnonzero(reached).max() if reached.any() else -1)
        else:
            limit = stop_limits(mixture, math.log(20), n)[n]
            assert limit == (np.flatnonzero(reached).min() if reached.any() else n + 1)


@settings(deadline=None)
@given(LIMITS)
def test_boundaries_are_monotone_and_never_cross(pair: tuple[float, float]) -> None:
    plan = stats.plan_gate(*pair)
    boundaries = plan.boundaries
    ship = np.asarray(boundaries.ship)
    assert np.all(np.diff(ship) >= 0)
    assert np.all(np.diff(ship) <= 1)
    points = np.asarray(boundaries.ship_points)
    assert np.all(np.diff(points) > 0)
    block = np.asarray(boundaries.block)[20:]
    assert np.all(np.diff(block[block <= plan.n_max]) >= 0)
    assert np.all(ship < np.asarray(boundaries.block))
    assert np.all(ship < np.asarray(boundaries.futility))


def test_published_ship_points() -> None:
    mixture = stats.ship_mixture(0.02, 0.005)
    assert ship_points(mixture, math.log(20), 700)[:5].tolist() == [177, 318, 419, 516, 609]


def test_ties_count_as_reached() -> None:
    """A threshold that equals an attainable e-value ships at that very draw, even off by rounding."""
    mixture = stats.ship_mixture(0.02, 0.005)
    exact = float(mixture.log_e(177, 0))
    for nudge in (0.0, TIE_EPSILON / 2, -TIE_EPSILON / 2):
        assert ship_points(mixture, exact + nudge, 400)[0] == 177
    assert ship_points(mixture, exact + 1e-9, 400)[0] == 178
    assert bool(crosses(math.log(20), math.log(20)))


@settings(max_examples=40, deadline=None)
@given(LIMITS, st.integers(0, 2**32 - 1), st.floats(0, 0.3))
def test_replays_are_bit_identical_and_every_route_decides_alike(
    pair: tuple[float, float], seed: int, rate: float
) -> None:
    plan = stats.plan_gate(*pair)
    x = (np.random.default_rng(seed).random(plan.n_max) < rate).astype(int)
    state = stats.SequentialTest(plan)
    resumed = stats.SequentialTest(plan)
    for i, outcome in enumerate(x.tolist()):
        state = state.update(outcome)
        resumed = stats.SequentialTest.from_dict(plan, json.loads(json.dumps(resumed.to_dict()))).update(
            bool(outcome)
        )
        assert resumed == state
        if i % 97 == 0:
            assert stats.GatePlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan
        if state.decision != "continue":
            break
    assert state.decision != "continue"
    assert plan.boundaries.first_decision(x) == (state.decision, state.n)
    assert stats.SequentialTest(plan).run(x.tolist()) == state
    with pytest.raises(stats.StatisticsError, match="already decided"):
        state.update(0)


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(2, 128))
def test_completion_order_does_not_matter_when_consumed_in_draw_order(seed: int, parallel: int) -> None:
    """Results come back out of order (failures slower) and are released by draw index."""
    rng = np.random.default_rng(seed)
    plan = stats.plan_gate(0.05, 0.005)
    x = (rng.random(plan.n_max) < 0.03).astype(int)
    finish = np.arange(x.size) // parallel + rng.exponential(1 + 3 * x)
    arrived: dict[int, int] = {}
    state, following = stats.SequentialTest(plan), 0
    for index in np.argsort(finish, kind="stable").tolist():
        arrived[index] = int(x[index])
        while following in arrived and state.decision == "continue":
            state = state.update(arrived.pop(following))
            following += 1
    assert (state.decision, state.n) == plan.boundaries.first_decision(x)


def test_consuming_in_completion_order_inflates_false_ship() -> None:
    """Failures four times slower, 64 in flight: false ship far above the nominal 5 % (pitfall 1)."""
    rng = np.random.default_rng(3)
    plan = stats.plan_gate(0.02, 0.005)
    runs, wrong, right = 1200, 0, 0
    for _ in range(runs):
        x = (rng.random(plan.n_max + 64) < 0.02).astype(int)
        duration = rng.exponential(1 + 3 * x)
        ready = np.zeros(64)
        done = np.empty(x.size)
        for i in range(x.size):
            slot = int(np.argmin(ready))
            ready[slot] += duration[i]
            done[i] = ready[slot]
        right += plan.boundaries.first_decision(x)[0] == "ship"
        wrong += plan.boundaries.first_decision(x[np.argsort(done, kind="stable")])[0] == "ship"
    assert right / runs <= 0.05 + 0.019
    assert wrong / runs > 0.10


def test_override_of_futility_keeps_the_error_and_can_still_block() -> None:
    plan = stats.plan_gate(0.02, 0.005)
    stopped = stats.SequentialTest(plan).run([1] * 3 + [0] * 20)
    assert stopped.decision == "futility"
    going = stopped.override_futility()
    assert going.decision == "continue"
    assert going.run([1] * 200).decision == "blocked"
    with pytest.raises(stats.StatisticsError, match="only a stop for futility"):
        going.override_futility()
    without = stats.Boundaries(
        plan.n_max, plan.boundaries.ship, (plan.n_max + 1,) * (plan.n_max + 1), plan.boundaries.block
    )
    assert stats.operating_characteristics(without, [0.02]).ship[0] <= 0.05


def test_bounded_gate_controls_the_severity_weighted_mean() -> None:
    """Severities .1/.4/1 with mean 1 %: false ship published 1.8 %, 394 calls at zero."""
    rng = np.random.default_rng(5)
    plan = stats.bounded_gate(0.01, 3000)
    clean = stats.BoundedSequentialTest(plan).run([0.0] * 3000)
    assert clean.decision == "ship"
    assert clean.n == pytest.approx(394, rel=0.02)
    levels, share = np.array([0.0, 0.1, 0.4, 1.0]), 0.01 / 0.5
    runs, shipped = 800, 0
    for _ in range(runs):
        x = levels[rng.choice(4, 1200, p=[1 - share, share / 3, share / 3, share / 3])]
        log_e = plan.ship.log_e_path(x)
        shipped += bool(crosses(log_e, math.log(20)).any())
    assert shipped / runs <= 0.05


@given(st.lists(st.floats(0, 1), max_size=60))
def test_bounded_state_round_trips_and_matches_the_path(values: list[float]) -> None:
    plan = stats.bounded_gate(0.05, 1000, theta1=0.01)
    state = stats.BoundedSequentialTest(plan)
    for i, x in enumerate(values):
        if state.decision != "continue":
            break
        state = state.update(x)
        again = stats.BoundedSequentialTest.from_dict(
            plan, json.loads(json.dumps(state.to_dict(), allow_nan=False))
        )
        assert again == state
        assert state.log_e_ship == pytest.approx(plan.ship.log_e_path(values[: i + 1])[-1], abs=1e-9)
    assert stats.BoundedGatePlan.from_dict(json.loads(json.dumps(plan.to_dict()))) == plan


@pytest.mark.parametrize(("size", "at_zero", "at_half"), [(1000, 162, 281), (300, 137, 198)])
def test_finite_suite_decides_earlier_and_always(size: int, at_zero: int, at_half: int) -> None:
    boundaries = stats.finite_suite_boundaries(size, 0.02, 0.005)
    null = math.ceil(0.02 * size)
    oc = stats.finite_suite_characteristics(boundaries, size, [0, round(0.005 * size), null, size])
    assert oc.expected_calls[:2] == pytest.approx([at_zero, at_half], rel=0.015)
    assert oc.ship[2] <= 0.05
    assert oc.ship[3] == 0.0
    assert oc.ship + oc.blocked == pytest.approx(1.0, abs=1e-9)
    assert boundaries.ship[size] == null - 1
    assert boundaries.block[size] == null


def test_finite_suite_evidence_is_a_fair_game_at_its_null() -> None:
    mixture, size, null = stats.ship_mixture(0.2, 0.05), 30, 6
    for n in range(29):
        s = np.arange(min(n, null) + 1)
        s = s[(n - s) <= size - null]
        chance = (null - s) / (size - n)
        now = np.exp(stats.log_e_without_replacement(mixture, size, null, n, s))
        hit = np.exp(stats.log_e_without_replacement(mixture, size, null, n + 1, np.minimum(s + 1, null)))
        miss_possible = chance < 1
        miss = np.zeros_like(now)
        miss[miss_possible] = np.exp(
            stats.log_e_without_replacement(mixture, size, null, n + 1, s[miss_possible])
        )
        hit = np.where(chance > 0, hit, 0.0)
        after = chance * hit + (1 - chance) * miss
        fair = chance < 1
        assert after[fair] == pytest.approx(now[fair], rel=1e-9)
        assert np.all(after[~fair] <= now[~fair] * (1 + 1e-9))


def test_bad_arguments_say_what_is_wrong() -> None:
    with pytest.raises(stats.StatisticsError, match="theta1"):
        stats.ship_mixture(0.02, 0.02)
    with pytest.raises(stats.StatisticsError, match="all lie below or all above"):
        stats.Mixture(0.02, (0.01, 0.03), (0.5, 0.5))
    with pytest.raises(stats.StatisticsError, match="can never ship"):
        stats.build_test(0.02, 0.005, 148)
    with pytest.raises(stats.StatisticsError, match="0 or 1"):
        stats.SequentialTest(stats.plan_gate(0.05, 0.005)).update(2)
    with pytest.raises(stats.StatisticsError, match=r"\[0, 1\]"):
        stats.BoundedSequentialTest(stats.bounded_gate(0.05, 10)).update(math.nan)
    with pytest.raises(stats.StatisticsError, match="contradicts the plan"):
        stats.SequentialTest.from_dict(
            stats.plan_gate(0.05, 0.005),
            {"n": 100, "failures": 0, "decision": "continue", "futility_overridden": False},
        )
