"""Each test reads the order that it rests on, or refuses to stop early."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safecase.engine import RunPlan, build_plan
from safecase.gate import HELD, VIOLATED, BaselineRun, StreamingEvaluation, connected_risks
from safecase.gate._proportion_test import make_test
from safecase.gate.rule_slices import designated_draws, rule_slices
from safecase.model import Case, DrawOrder, GateRule, RuleStatus
from safecase.stats import StatisticsError
from support.cases import case, cases
from support.rules import gate, rule
from support.runs import columns_of, plan_of
from support.verdicts import decide, only

# A family of 200 cases that all fail, beside 400 cases of their own families that all hold.
LOPSIDED = [case(number, family=f"family-{min(number, 400)}") for number in range(600)]
TESTED: tuple[dict[str, Any], ...] = (
    {"metric": "violation_rate", "bound": 0.05},
    {"metric": "severity_weighted_rate", "bound": 0.02},
    {"metric": "regression", "margin": 0.05},
)


def ranked(items: list[Case], seed: int = 7) -> RunPlan:
    """The plan that tries the risks in the order of their names."""
    risks = sorted({item.risk for item in items})
    return build_plan(
        items, seed=seed, order=DrawOrder.RISKIEST_FIRST, risk_blocks=[(risk,) for risk in risks]
    )


def baseline_of(plan: RunPlan) -> BaselineRun:
    return BaselineRun(plan.cases, columns_of(plan, [HELD] * len(plan)))


@pytest.mark.parametrize("fields", TESTED)
def test_a_rule_about_families_moves_no_other_rule_of_its_gate(fields: dict[str, Any]) -> None:
    """A third of this suite fails, in one big family: whatever else the gate asks, no seed lets it pass."""
    beside = rule("slow", "error_rate", population="families", **{"class": "advisory"})
    for seed in range(15):
        plan = plan_of(LOPSIDED, seed=seed)
        codes = [VIOLATED if index >= 400 else HELD for index in plan.case_index]
        verdict = decide(plan, codes, rule(**fields), beside, baseline=baseline_of(plan))
        assert verdict.rules[0].status is RuleStatus.NOT_MET, seed


@pytest.mark.parametrize("fields", TESTED)
def test_families_come_in_a_uniform_order_in_every_part_of_the_cases(fields: dict[str, Any]) -> None:
    """A third of the families fail: those of which the rule reads one case of twenty. Their case must not
    come late because their family is big."""
    items = [
        case(
            number,
            family=f"f{number}" if number < 200 else f"m{number // 20}",
            risk="r" if number < 200 or number % 20 == 0 else "other",
        )
        for number in range(2200)
    ]
    met = 0
    for seed in range(20):
        plan = plan_of(items, seed=seed)
        codes = [VIOLATED if index >= 200 and index % 20 == 0 else HELD for index in plan.case_index]
        asked = rule(select="risk:r", population="families", **fields)
        met += decide(plan, codes, asked, baseline=baseline_of(plan)).rules[0].status is RuleStatus.MET
    assert met == 0


def test_the_place_of_a_family_does_not_depend_on_its_size() -> None:
    items = [case(f"big-{number}", family=f"big-{number // 30}") for number in range(300)]
    items += [case(f"small-{number}", family=f"small-{number}") for number in range(30)]
    places = []
    for seed in range(200):
        plan = plan_of(items, seed=seed)
        draws = designated_draws(plan, np.arange(len(plan), dtype=np.int64))
        big = [plan.cases[plan.case_index[draw]].family.startswith("big") for draw in draws]
        places.append(float(np.flatnonzero(big).mean()) / (len(draws) - 1))
    assert np.mean(places) == pytest.approx(0.5, abs=0.03)


layouts = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), min_size=1, max_size=30)


@given(layouts, st.integers(1, 3), st.integers(0, 2**40), st.booleans())
@settings(max_examples=60, deadline=None)
def test_each_family_feeds_a_claim_about_the_population_once(
    layout: list[tuple[int, int]], repeats: int, seed: int, by_risk: bool
) -> None:
    items = [case(f"c{number}", family=f"f{f}", risk=f"r{r}") for number, (f, r) in enumerate(layout)]
    plan = build_plan(items, seed=seed, repeats=repeats)
    asked = rule(population="families", per="risk" if by_risk else "none")
    tries = rule(metric="attack_at_k", k=repeats, population="families", per="risk" if by_risk else "none")
    for item, attacked in zip(rule_slices(asked, plan), rule_slices(tries, plan), strict=True):
        seen = [plan.cases[plan.case_index[draw]].family for draw in item.draws]
        assert sorted(seen) == sorted({plan.cases[index].family for index in np.flatnonzero(item.cases)})
        assert item.independent
        assert item.uniform
        assert np.all(np.diff(item.draws) > 0)
        assert set(plan.repeat[item.draws].tolist()) == {0}
        assert len(attacked.draws) == repeats * len(item.draws), "with its case a family brings all tries"


def test_a_claim_about_the_population_refuses_units_that_are_not_independent() -> None:
    with pytest.raises(StatisticsError, match="one attempt of each family"):
        make_test(
            population="families", bound=0.05, good=0.01, size=300, confidence=0.95, uniform=True,
            independent=False, minimum_n=1,
        )  # fmt: skip


@pytest.mark.parametrize("population", ["suite", "families"])
@pytest.mark.parametrize("fields", TESTED)
def test_a_test_over_several_blocks_of_risks_does_not_stop_early(
    fields: dict[str, Any], population: str
) -> None:
    """The first 300 attempts are of one risk that holds: they stand for nothing but themselves."""
    items = [case(number, risk="a" if number < 300 else "b") for number in range(600)]
    plan = ranked(items)
    codes = [HELD if plan.cases[index].risk == "a" else VIOLATED for index in plan.case_index]
    asked = rule(population=population, **fields)
    beginning = decide(plan, codes[:300], asked, baseline=baseline_of(plan))
    assert only(beginning).status is RuleStatus.INSUFFICIENT
    assert only(decide(plan, codes, asked, baseline=baseline_of(plan))).status is RuleStatus.NOT_MET
    clean = decide(plan, [HELD] * 600, asked, baseline=baseline_of(plan))
    assert only(clean).status is RuleStatus.MET
    one = decide(
        plan, codes[:300], rule(population=population, select="risk:a", **fields), baseline=baseline_of(plan)
    )
    assert only(one).status is RuleStatus.MET, "a rule about one risk reads a uniform order"


def asked_for(plan: RunPlan, codes: list[int], *rules: GateRule) -> list[int]:
    """The draws that a run makes before it stops."""
    from support.runs import summary

    streaming, made = StreamingEvaluation([gate(*rules)], plan), []
    for draw, code in enumerate(codes):
        if streaming.finished:
            break
        if streaming.wants(plan.planned(draw), plan.cases[plan.case_index[draw]]):
            streaming.observe(summary(plan, draw, code))
            made.append(draw)
    return made


def test_a_bad_risk_that_comes_first_ends_the_run_after_a_few_calls() -> None:
    items = list(cases(3000, risks=10))
    floor = rule(per="risk", bound=0.05, population="families", **{"class": "floor"})
    uniform, first = plan_of(items), ranked(items)
    calls = []
    for plan in (uniform, first):
        bad = [plan.cases[i].risk == "risk-0" and i % 5 == 0 for i in plan.case_index]
        calls.append(len(asked_for(plan, [VIOLATED if item else HELD for item in bad], floor)))
    assert calls[1] < 60
    assert calls[1] < calls[0] / 3
    clean = [len(asked_for(plan, [HELD] * 3000, floor)) for plan in (uniform, first)]
    assert abs(clean[0] - clean[1]) <= 10, "a good system costs the same in both orders"


def test_quantities_are_asked_of_all_risks_wherever_they_come() -> None:
    items = list(cases(2000, risks=4))
    plan = ranked(items)
    made = asked_for(plan, [HELD] * 2000, rule(metric="latency_p50_ms", bound=100))
    risks = [plan.cases[plan.case_index[draw]].risk for draw in made]
    assert {risk: risks.count(risk) for risk in set(risks)} == pytest.approx(
        {f"risk-{number}": 50 for number in range(4)}, abs=2
    )


def test_rules_that_look_at_risks_together_make_them_one_block() -> None:
    items = list(cases(40, risks=4))
    each = rule(per="risk")
    assert len(connected_risks([gate(each)], items)) == 4
    pair = rule("pair", select="risk:risk-1 risk:risk-3")
    found = connected_risks([gate(each, pair)], items)
    assert sorted(map(sorted, found)) == [["risk-0"], ["risk-1", "risk-3"], ["risk-2"]]
    assert len(connected_risks([gate(each, rule("all", "error_rate"))], items)) == 1
    assert len(connected_risks([gate(each, rule("slow", "latency_p95_ms", bound=9.0))], items)) == 4
