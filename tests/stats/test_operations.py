"""Conjunctive gates, thresholds, drift, attempts, sampling."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safecase import stats

CATEGORIES = 20


def run_conjunctive(
    plan: stats.GatePlan, rates: np.ndarray, schedule: str, risk: dict[str, float], rng: np.random.Generator
) -> tuple[bool, int]:
    names = [str(i) for i in range(rates.size)]
    draws = {
        name: iter((rng.random(plan.n_max) < rate).tolist()) for name, rate in zip(names, rates, strict=True)
    }
    state = stats.conjunctive_gate(dict.fromkeys(names, plan), risk=risk, schedule=schedule)  # type: ignore[arg-type]
    while (category := state.next_category) is not None:
        state = state.update(category, next(draws[category]))
    return state.decision == "ship", state.calls


def test_conjunctive_false_ship_is_alpha_by_the_exact_programme() -> None:
    plan = stats.category_plan(0.05, 0.005, CATEGORIES)
    oc = stats.operating_characteristics(plan.boundaries, [0, 0.005, 0.05])
    assert oc.ship[0] ** CATEGORIES == 1.0
    assert oc.ship[1] ** CATEGORIES == pytest.approx(0.926, abs=0.03)
    assert CATEGORIES * oc.expected_calls[:2] == pytest.approx([1240, 1705], rel=0.02)
    assert oc.ship[2] <= 0.05
    assert stats.fixed_sample_size(0.05, 0.005, power=0.9 ** (1 / CATEGORIES))[0] * CATEGORIES == 3620
    assert (
        stats.fixed_sample_size(0.05, 0.005, alpha=0.05 / CATEGORIES, power=0.9 ** (1 / CATEGORIES))[0]
        * CATEGORIES
        == 5980
    )


@pytest.mark.parametrize(
    ("bad", "rate", "rest", "round_robin", "risk_ordered"),
    [((0,), 0.15, 0.005, 370, 25), ((0, 7, 14), 0.10, 0.005, 280, 33), ((3,), 0.08, 0.005, 801, 105)],
)
def test_early_kill_in_risk_order(
    bad: tuple[int, ...], rate: float, rest: float, round_robin: int, risk_ordered: int
) -> None:
    rng = np.random.default_rng(17)
    plan = stats.category_plan(0.05, 0.005, CATEGORIES)
    rates = np.full(CATEGORIES, rest)
    rates[list(bad)] = rate
    calls: dict[str, list[int]] = {"round-robin": [], "depth-first": []}
    shipped = 0
    for _ in range(120):
        previous = rng.binomial(60, np.clip(rates * rng.lognormal(0, 0.5, CATEGORIES), 0, 1)) / 60
        risk = {str(i): float(r) for i, r in enumerate(previous)}
        for schedule, list_of_calls in calls.items():
            ship, n = run_conjunctive(plan, rates, schedule, risk, rng)
            shipped += ship
            list_of_calls.append(n)
    assert shipped <= 4
    assert np.mean(calls["round-robin"]) == pytest.approx(round_robin, rel=0.4)
    assert np.mean(calls["depth-first"]) <= 2 * risk_ordered + 15
    assert np.mean(calls["depth-first"]) < np.mean(calls["round-robin"]) / 3


def test_conjunctive_state_round_trips_and_is_order_free_across_categories() -> None:
    plan = stats.plan_gate(0.05, 0.005)
    state = stats.conjunctive_gate({"a": plan, "b": plan}, risk={"b": 1.0})
    assert state.next_category == "b"
    for _ in range(30):
        state = state.update("a", 0).update("b", 0)
    data = json.loads(json.dumps(state.to_dict()))
    assert stats.ConjunctiveTest.from_dict({"a": plan, "b": plan}, data) == state
    with pytest.raises(stats.StatisticsError, match="unknown category"):
        state.update("c", 0)
    for _ in range(4):
        if state.next_category == "b":
            state = state.update("b", 1)
    assert state.failed_category == "b"
    assert state.next_category is None
    with pytest.raises(stats.EmptyDenominatorError):
        stats.conjunctive_gate({})


def test_certified_thresholds_keep_their_promise() -> None:
    """Harmful scores N(2, 1), n = 200: P(true miss > 5 %) is 2.9-4.9 % certified, over 40 % otherwise."""
    from scipy.stats import norm

    rng = np.random.default_rng(18)
    grid = np.linspace(-2, 3, 401)
    broken = {"certified": 0, "conformal": 0, "empirical": 0}
    runs = 800
    for _ in range(runs):
        scores = rng.normal(2, 1, 200)
        certified = stats.certified_thresholds(scores, grid, 0.05)
        picks = {
            "certified": certified.max() if certified.size else -math.inf,
            "conformal": stats.conformal_threshold(scores, grid, 0.05) or -math.inf,
            "empirical": stats.empirical_threshold(scores, grid, 0.05) or -math.inf,
        }
        for name, t in picks.items():
            broken[name] += norm.cdf(t, 2, 1) > 0.05
    assert broken["certified"] / runs <= 0.05 + 0.016
    assert 100 * broken["conformal"] / runs == pytest.approx(44, abs=6)
    assert 100 * broken["empirical"] / runs == pytest.approx(60, abs=9)


def test_cost_curve_picks_the_cheapest_certified_threshold() -> None:
    rng = np.random.default_rng(19)
    harmful, benign, grid = rng.normal(2, 1, 500), rng.normal(0, 1, 500), np.linspace(-2, 3, 51)
    curve = stats.cost_curve(harmful, benign, grid, prevalence=0.01, cost_miss=100, cost_refuse=1)
    k = 20
    misses, refusals = int((harmful < grid[k]).sum()), int((benign >= grid[k]).sum())
    assert curve.miss_upper[k] == pytest.approx(stats.clopper_pearson(misses, 500, side="upper").upper)
    assert curve.refuse_upper[k] == pytest.approx(stats.clopper_pearson(refusals, 500, side="upper").upper)
    certified = stats.certified_thresholds(harmful, grid, 0.1)
    best = stats.cheapest_certified(curve, certified)
    assert best in certified.tolist()
    assert stats.cheapest_certified(curve, []) is None
    assert np.all(curve.miss_upper > curve.miss_rate)
    with pytest.raises(stats.EmptyDenominatorError):
        stats.certified_thresholds([], grid, 0.05)


def test_drift_state_equals_the_vectorised_path() -> None:
    rng = np.random.default_rng(20)
    x = (rng.random(400) < 0.05).astype(float)
    for recursion in ("shiryaev-roberts", "cusum"):
        start = stats.DriftDetector(stats.drift_mixture(0.01), 1000.0, recursion)  # type: ignore[arg-type]
        path = start.path(x)
        state = start
        for t, value in enumerate(x.tolist()):
            state = stats.DriftDetector.from_dict(json.loads(json.dumps(state.to_dict(), allow_nan=False)))
            state = state.update(value)
            assert state.log_statistic == pytest.approx(path[t], abs=1e-9)
        reached = path >= math.log(1000.0)
        assert state.alarm_at == (int(reached.argmax()) + 1 if reached.any() else None)


@pytest.mark.parametrize(("rate", "delay"), [(0.03, 279), (0.05, 119), (0.10, 45)])
def test_drift_delay_after_an_in_control_stretch(rate: float, delay: float) -> None:
    rng = np.random.default_rng(21)
    quiet, runs = 1500, 250
    x = np.concatenate([rng.random((runs, quiet)) < 0.01, rng.random((runs, 1500)) < rate], axis=1)
    reached = stats.drift_detector(0.01).path(x) >= math.log(10_000)
    first = reached.argmax(axis=1) + 1
    good = first > quiet
    assert good.mean() > 0.8
    assert (first[good] - quiet).mean() == pytest.approx(delay, rel=0.15)


def test_shiryaev_roberts_minus_n_is_a_fair_game() -> None:
    """E[R_n] = n under the null, exactly: the reason why the mean time to a false alarm is guaranteed."""
    detector = stats.DriftDetector(stats.Mixture(0.3, (0.6,), (1.0,)), 1e6)
    total = 0.0
    for path in range(2**10):
        bits = [(path >> i) & 1 for i in range(10)]
        total += 0.3 ** sum(bits) * 0.7 ** (10 - sum(bits)) * math.exp(detector.run(bits).log_statistic)
    assert total == pytest.approx(10.0)


def test_long_streams_do_not_overflow() -> None:
    path = stats.drift_detector(0.01).path(np.ones(20_000))
    assert np.all(np.isfinite(path))


@given(st.integers(1, 12), st.data())
def test_attack_at_k_is_unbiased_by_enumeration(n: int, data: st.DataObject) -> None:
    from scipy.stats import binom

    k = data.draw(st.integers(1, n))
    # Subnormal rates overflow inside scipy's own binomial, which is not what is tested here.
    p = data.draw(st.floats(1e-12, 1) | st.just(0.0))
    c = np.arange(n + 1)
    estimate = stats.attack_at_k(c, np.full(n + 1, n), k)
    assert np.sum(binom.pmf(c, n, p) * estimate) == pytest.approx(1 - (1 - p) ** k, abs=1e-9)


def test_attack_forecast_is_labelled_and_bounded() -> None:
    rng = np.random.default_rng(22)
    success = rng.beta(0.3, 8, 200)
    fit = stats.fit_beta_binomial(rng.binomial(50, success), np.full(200, 50))
    forecast = stats.forecast_attack_at_k(fit, 100)
    assert forecast.value == pytest.approx(np.mean(1 - (1 - success) ** 100), abs=0.05)
    assert forecast.label == "forecast"
    assert forecast.within_reach
    assert not stats.forecast_attack_at_k(fit, 1000).within_reach
    for counts in (np.zeros(50), np.full(50, 20)):
        edge = stats.fit_beta_binomial(counts, np.full(50, 20))
        assert math.isfinite(edge.a + edge.b)
        assert 0 <= stats.forecast_attack_at_k(edge, 10).value <= 1
    with pytest.raises(stats.StatisticsError, match="fewest attempts"):
        stats.attack_at_k([1], [5], 6)
    interval = stats.mean_attack_at_k(rng.binomial(5, success), np.full(200, 5), 5)
    assert interval.lower < np.mean(1 - (1 - success) ** 5) < interval.upper


def test_turns_to_failure() -> None:
    rows = stats.turns_to_failure([1, 2, 2, 3, 3], [1, 1, 0, 0, 1])
    assert [(r.at_risk, r.failures) for r in rows] == [(5, 1), (4, 1), (2, 1)]
    assert rows[-1].survival == pytest.approx(4 / 5 * 3 / 4 * 1 / 2)
    quiet = stats.turns_to_failure([3] * 10, [0] * 10)
    assert all(r.hazard.width > 0 for r in quiet)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(0, 8), min_size=1, max_size=80), st.integers(0, 2**63))
def test_fresh_family_order(families: list[int], seed: int) -> None:
    order = stats.fresh_family_order(families, seed)
    assert sorted(order.tolist()) == list(range(len(families)))
    drawn = np.asarray(families)[order]
    different = len(set(families))
    assert len(set(drawn[:different].tolist())) == different
    seen = dict.fromkeys(families, 0)
    rounds = []
    for family in drawn.tolist():
        rounds.append(seen[family])
        seen[family] += 1
    assert rounds == sorted(rounds)
    assert np.array_equal(order, stats.fresh_family_order(families, seed))


def test_draw_orders_never_change() -> None:
    """Committed orders of old runs must replay: these values may not change, in any release."""
    assert stats.fresh_family_order(["a", "a", "b", "c", "c", "c"], 42).tolist() == [2, 4, 1, 3, 0, 5]
    first = [int(stats.fresh_family_order(list(range(10)), seed)[0]) for seed in range(4000)]
    assert np.bincount(first, minlength=10) / 4000 == pytest.approx(np.full(10, 0.1), abs=0.02)


def test_weighted_and_stratified_orders() -> None:
    families = [f"{c}{i // 3}" for c in "xyz" for i in range(300)]
    categories = [c for c in "xyz" for _ in range(300)]
    order = stats.weighted_category_order(families, categories, {"x": 0.6, "y": 0.3, "z": 0.1}, 1)
    assert sorted(order.tolist()) == list(range(900))
    start = [categories[i] for i in order[:300]]
    assert start.count("x") / 300 == pytest.approx(0.6, abs=0.09)
    rounds, length = stats.stratified_round_order(families, categories, {"x": 3, "y": 2, "z": 1}, 1)
    assert length == 6
    assert len(rounds) == 600
    for r in range(100):
        inside = [categories[i] for i in rounds[6 * r : 6 * r + 6]]
        assert (inside.count("x"), inside.count("y"), inside.count("z")) == (3, 2, 1)
    assert len(set(rounds.tolist())) == 600
    with pytest.raises(stats.StatisticsError, match="positive weight"):
        stats.weighted_category_order(families, categories, {"x": 1.0}, 1)


@given(
    st.lists(st.tuples(st.floats(0.01, 1), st.floats(0, 1)), min_size=1, max_size=8),
    st.integers(0, 2000),
    st.data(),
)
def test_neyman_allocation(strata: list[tuple[float, float]], total: int, data: st.DataObject) -> None:
    weights, rates = zip(*strata, strict=True)
    floor = data.draw(st.integers(0, total // len(strata)))
    counts = stats.neyman_allocation(total, weights, rates, floors=floor)
    assert counts.sum() == total
    assert counts.min() >= floor


def test_neyman_allocation_is_proportional_to_spread() -> None:
    assert stats.neyman_allocation(300, [0.5, 0.5], [0.5, 0.2]).tolist() == [167, 133]
    with pytest.raises(stats.StatisticsError, match="floors"):
        stats.neyman_allocation(100, [0.5, 0.5], [0.1, 0.1], floors=59)


def test_variance_decomposition_recovers_planted_components() -> None:
    rng = np.random.default_rng(23)
    f, m, k, p = 400, 5, 5, 0.3
    family = rng.beta(p * 9, (1 - p) * 9, (f, 1))
    scale = 1 / (0.4 / 0.9) - 1
    prompt = rng.beta(family * scale, (1 - family) * scale, (f, m))
    y = (rng.random((f, m, k)) < prompt[..., None]).ravel()
    families = np.repeat(np.arange(f), m * k).tolist()
    prompts = np.tile(np.repeat(np.arange(m), k), f).tolist()
    parts = stats.variance_decomposition(y, families, prompts)
    assert parts.family_icc == pytest.approx(0.1, abs=0.03)
    assert parts.prompt_icc == pytest.approx(0.5, abs=0.03)
    assert parts.design_effect == pytest.approx(1 + 4 * 0.5 + 20 * 0.1, abs=0.6)
    with pytest.raises(stats.StatisticsError, match="two families"):
        stats.variance_decomposition([0, 1], ["a", "a"], [1, 2])


def test_stratified_rounds_may_only_be_judged_at_round_ends() -> None:
    """Categories one after another: evidence judged mid-round ships bad systems (pitfall 3)."""
    rng = np.random.default_rng(24)
    plan = stats.plan_gate(0.02, 0.005)
    rates = np.geomspace(0.0026, 0.118, CATEGORIES)
    rates *= 0.02 / rates.mean()
    draws = rng.random((400, plan.n_max)) < np.repeat(rates, math.ceil(plan.n_max / CATEGORIES))[: plan.n_max]
    ordered = np.mean([plan.boundaries.first_decision(x.astype(int))[0] == "ship" for x in draws])
    shuffled = np.mean(
        [plan.boundaries.first_decision(rng.permuted(x.astype(int)))[0] == "ship" for x in draws]
    )
    assert ordered > 0.5
    assert shuffled <= 0.05 + 0.03


def test_group_sequential_spends_alpha_exactly_and_costs_more() -> None:
    boundaries = stats.group_sequential(0.02, 0.005, 480, 5)
    oc = stats.operating_characteristics(boundaries, [0, 0.005, 0.02])
    assert oc.ship[2] <= 0.05
    assert oc.ship[1] == pytest.approx(0.918, abs=0.03)
    plan = stats.plan_gate(0.02, 0.005)
    assert (
        oc.expected_calls[0] > 1.5 * stats.operating_characteristics(plan.boundaries, [0]).expected_calls[0]
    )
    with pytest.raises(stats.StatisticsError, match="looks"):
        stats.group_sequential(0.02, 0.005, 10, 11)


def test_every_public_name_loads_and_is_documented() -> None:
    for name in stats.__all__:
        value = getattr(stats, name)
        if callable(value) and hasattr(value, "__module__") and value.__module__.startswith("safecase"):
            assert value.__doc__, name
    with pytest.raises(AttributeError, match="no attribute"):
        _ = stats.bare_rate
