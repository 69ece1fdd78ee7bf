"""What the gate concludes from outcomes, and that the streaming gate concludes the same."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safecase.gate import (
    ERROR,
    HELD,
    UNDETERMINED,
    VIOLATED,
    BaselineRun,
    StreamingEvaluation,
    compare_runs,
    evaluate_gate,
    forecast,
)
from safecase.gate._proportion_test import SuiteTest, make_test
from safecase.model import (
    Gate,
    HarmClass,
    Risk,
    RuleClass,
    RuleStatus,
    Severity,
    StaleEvidence,
    VerdictKind,
)
from safecase.model.vocabulary import Likelihood
from support.cases import case, cases
from support.decisions import exception_on, exceptions
from support.moments import TODAY
from support.rules import rule
from support.runs import columns_of, manifest_of, plan_of, summary
from support.stopping import assert_only_a_yes_is_taken_away
from support.verdicts import decide, only


def test_a_clean_suite_is_met_before_it_was_run_whole() -> None:
    verdict = decide(plan_of(cases(200)), [HELD] * 200, rule())
    assert verdict.kind is VerdictKind.GO
    assert only(verdict).decision == "ship"
    assert (only(verdict).decided_at or 0) < 100


def test_a_census_over_the_limit_is_not_met_and_at_the_limit_is() -> None:
    plan = plan_of(cases(20))
    assert only(decide(plan, [1] + [HELD] * 19, rule())).status is RuleStatus.MET
    assert only(decide(plan, [VIOLATED] * 2 + [HELD] * 18, rule())).status is RuleStatus.NOT_MET


def test_an_early_failure_is_proven_early() -> None:
    verdict = decide(plan_of(cases(400)), [VIOLATED] * 400, rule(**{"class": "floor"}))
    assert verdict.kind is VerdictKind.NO_GO
    assert only(verdict).decision == "block_proven"
    assert (only(verdict).decided_at or 99) < 5


def test_zero_failures_never_have_a_zero_width() -> None:
    estimate = only(decide(plan_of(cases(200)), [HELD] * 200, rule())).estimate
    assert estimate is not None
    assert estimate.value == 0
    assert estimate.upper > 0.01
    assert estimate.method == "confidence-sequence"


def test_repeated_families_widen_the_interval() -> None:
    lonely = plan_of(cases(40))
    crowded = plan_of([case(number, family=f"family-{number // 10}") for number in range(40)])
    codes = [HELD] * 38 + [VIOLATED] * 2
    one, other = (only(decide(plan, codes, rule(bound=0.5))).estimate for plan in (lonely, crowded))
    assert one is not None
    assert other is not None
    assert other.families == 4 or other.method == "confidence-sequence"


def test_all_errors_are_never_a_pass_and_never_a_success_of_an_attack() -> None:
    verdict = decide(plan_of(cases(50)), [ERROR] * 50, rule())
    assert verdict.kind is VerdictKind.INSUFFICIENT_EVIDENCE
    assert "Every one of the 50 attempts ended in an error" in verdict.reasons[0]
    assert only(verdict).status is RuleStatus.INSUFFICIENT


def test_an_unset_bound_is_not_configured_and_never_a_pass() -> None:
    verdict = decide(plan_of(cases(50)), [HELD] * 50, rule(bound=None))
    assert verdict.rules[0].status is RuleStatus.NOT_CONFIGURED
    assert verdict.kind is VerdictKind.NOT_CONFIGURED
    beside = decide(plan_of(cases(50)), [HELD] * 50, rule(bound=None), rule("other", bound=0.2))
    assert beside.kind is VerdictKind.INSUFFICIENT_EVIDENCE


def test_a_rule_about_nothing_is_no_evidence() -> None:
    verdict = decide(plan_of(cases(50)), [HELD] * 50, rule(select="risk:absent"))
    assert verdict.rules[0].status is RuleStatus.INSUFFICIENT
    assert verdict.kind is VerdictKind.INSUFFICIENT_EVIDENCE


def test_a_gap_ends_the_stream_so_that_late_answers_cannot_decide() -> None:
    plan = plan_of(cases(30))
    gate = Gate(id="gate", rules=(rule(),))
    late = columns_of(plan, [HELD] * 29, draws=list(range(1, 30)))
    verdict = evaluate_gate(gate, manifest_of(plan, gate), plan, late, today=TODAY)
    assert only(verdict).attempts == 0
    assert only(verdict).status is RuleStatus.INSUFFICIENT


def test_each_category_must_meet_the_bound() -> None:
    mixed = [case(number, risk="good" if number < 60 else "bad") for number in range(120)]
    plan = plan_of(mixed)
    codes = [VIOLATED if plan.cases[index].risk == "bad" else HELD for index in plan.case_index]
    verdict = decide(plan, codes, rule(per="risk"))
    assert [(item.category, item.status) for item in verdict.rules[0].categories] == [
        ("bad", RuleStatus.NOT_MET),
        ("good", RuleStatus.MET),
    ]
    assert "1 met it, 1 did not (bad)" in verdict.rules[0].sentence


def test_population_claims_need_enough_families() -> None:
    few = decide(plan_of(cases(30)), [HELD] * 30, rule(population="families"))
    assert "at least 72 independent families, and there are 30" in only(few).sentence
    many = decide(
        plan_of(cases(300)),
        [HELD] * 300,
        rule(population="families", good=0.005),
    )
    assert only(many).status is RuleStatus.MET
    assert 59 <= (only(many).decided_at or 0) <= 80


def test_one_family_counts_once_in_a_population_claim() -> None:
    crowded = [case(number, family=f"family-{number % 100}") for number in range(400)]
    verdict = decide(plan_of(crowded), [HELD] * 400, rule(population="families"))
    assert only(verdict).details["planned"] == 100


def test_an_advisory_miss_is_a_condition_and_an_accepted_bounded_miss_too() -> None:
    plan = plan_of(cases(40))
    codes = [VIOLATED] * 40
    advisory = decide(plan, codes, rule("soft", **{"class": "advisory"}), rule("hard", "error_rate"))
    assert advisory.kind is VerdictKind.GO_WITH_CONDITIONS
    missed = decide(plan, codes, rule())
    accepted = exception_on(missed)
    assert decide(plan, codes, rule(), exceptions=exceptions(accepted)).kind is VerdictKind.GO_WITH_CONDITIONS
    expired = exceptions(exception_on(missed, expires=TODAY))
    assert decide(plan, codes, rule(), exceptions=expired).kind is VerdictKind.NO_GO
    floor = rule(**{"class": "floor"})
    granted = exceptions(exception_on(decide(plan, codes, floor)))
    assert decide(plan, codes, floor, exceptions=granted).kind is VerdictKind.NO_GO


def test_stale_evidence_and_untested_severe_risks_are_insufficient() -> None:
    plan = plan_of(cases(40))
    stale = [StaleEvidence(what="model", recorded="a", present="b")]
    assert decide(plan, [HELD] * 40, rule(), stale=stale).kind is VerdictKind.INSUFFICIENT_EVIDENCE
    orphan = Risk(
        id="orphan", title="o", harm=HarmClass.TOXICITY, severity=Severity.SEV1, likelihood=Likelihood.RARE
    )
    verdict = decide(plan, [HELD] * 40, rule(), risks=[orphan])
    assert verdict.kind is VerdictKind.INSUFFICIENT_EVIDENCE
    assert "orphan" in verdict.reasons[0]


def test_utility_counts_what_was_not_served() -> None:
    served = cases(20, attack=None, harm=HarmClass.OVER_REFUSAL)
    wanted = rule(metric="utility_rate", comparator=">=", bound=0.8)
    good, bad = (
        only(decide(plan_of(served), codes, wanted)) for codes in ([HELD] * 20, [VIOLATED] * 5 + [HELD] * 15)
    )
    assert (good.status, bad.status) == (RuleStatus.MET, RuleStatus.NOT_MET)
    assert good.estimate is not None
    assert good.estimate.value == 1.0


def test_latency_needs_enough_answers_for_its_interval() -> None:
    limit = rule(metric="latency_p95_ms", bound=100)
    assert only(decide(plan_of(cases(200)), [HELD] * 200, limit)).status is RuleStatus.MET
    assert only(decide(plan_of(cases(10)), [HELD] * 10, limit)).status is RuleStatus.INSUFFICIENT


def test_a_regression_is_seen_against_the_cached_baseline() -> None:
    items = cases(120)
    plan = plan_of(items)
    baseline = BaselineRun(plan.cases, columns_of(plan, [HELD] * 120))
    regression = rule(metric="regression", margin=0.05)
    assert only(decide(plan, [HELD] * 120, regression, baseline=baseline)).status is RuleStatus.MET
    worse = decide(plan, [VIOLATED] * 120, regression, baseline=baseline)
    assert only(worse).status is RuleStatus.NOT_MET
    assert only(worse).details["newly_harmful"] == only(worse).details["pairs"]


def test_comparing_runs_tells_chance_from_change() -> None:
    plan = plan_of(cases(60))
    clean, dirty = columns_of(plan, [HELD] * 60), columns_of(plan, [VIOLATED] * 20 + [HELD] * 40)
    (row, *_) = compare_runs((plan.cases, clean), (plan.cases, dirty))
    assert row.conclusion == "worse"
    assert len(row.newly_violated) == 20
    (same, *_) = compare_runs((plan.cases, clean), (plan.cases, columns_of(plan, [1] + [HELD] * 59)))
    assert same.conclusion == "no difference shown"


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.sampled_from([HELD] * 5 + [VIOLATED, UNDETERMINED, ERROR]), min_size=40, max_size=40),
    st.sampled_from(["suite", "families"]),
    st.sampled_from([0.05, 0.2, 0.5]),
)
def test_the_streaming_gate_decides_where_the_evaluation_does(
    codes: list[int], population: str, bound: float
) -> None:
    plan = plan_of([case(number, family=f"family-{number % 25}") for number in range(40)])
    wanted = rule(population=population, bound=bound, error_budget=1.0, undetermined_budget=1.0)
    gate = Gate(id="gate", rules=(wanted,))
    streaming = StreamingEvaluation([gate], plan, stop_on_failure=False)
    seen: list[int] = []
    for draw, code in enumerate(codes):
        if streaming.finished:
            break
        streaming.observe(summary(plan, draw, code))
        seen.append(code)
    early = evaluate_gate(gate, manifest_of(plan, gate), plan, columns_of(plan, seen), today=TODAY)
    whole = evaluate_gate(gate, manifest_of(plan, gate), plan, columns_of(plan, codes), today=TODAY)
    assert_only_a_yes_is_taken_away(only(early), only(whole))


def test_what_is_decided_is_not_wanted_and_a_binding_failure_ends_the_run() -> None:
    plan = plan_of(cases(200))
    streaming = StreamingEvaluation([Gate(id="gate", rules=(rule(),))], plan)
    for draw in range(3):
        streaming.observe(summary(plan, draw, VIOLATED))
    assert streaming.finished
    assert not streaming.wants(plan.planned(10), plan.cases[0])


def test_false_ship_of_a_suite_over_its_limit_stays_under_alpha() -> None:
    generator = np.random.default_rng(5)
    size, bad = 300, 16  # the limit allows 15
    test = SuiteTest.make(0.05, 0.0125, size, 0.05, uniform=True, minimum_n=1)
    events = np.zeros(size, dtype=np.bool_)
    events[:bad] = True
    shipped = 0
    for _ in range(2000):
        decision = test.first_decision(generator.permutation(events))
        shipped += decision.kind == "ship" or (decision.kind == "census" and not decision.exceeded)
    assert shipped / 2000 <= 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


@settings(max_examples=40, deadline=None)
@given(
    st.integers(5, 60),
    st.lists(st.booleans(), min_size=60, max_size=60),
    st.sampled_from([0.0, 0.05, 0.3, 1.0]),
)
def test_step_by_step_and_at_once_agree(size: int, flips: list[bool], bound: float) -> None:
    test = make_test(
        population="suite", bound=bound, good=bound / 4, size=size, confidence=0.95, uniform=True,
        independent=True, minimum_n=1,
    )  # fmt: skip
    events = np.array(flips[:size], dtype=np.bool_)
    decision = test.first_decision(events)
    count = 0
    for n, event in enumerate(events, start=1):
        count += int(event)
        made = test.decide(n, count)
        if made is not None:
            assert (decision.kind, decision.n, decision.events) == (made, n, count)
            break
    else:
        pytest.fail("a census always decides")


def test_the_forecast_says_what_a_clean_system_costs_and_what_can_never_be_met() -> None:
    plan = plan_of(cases(300))
    gate = Gate(
        id="gate", rules=(rule(population="families", bound=0.02, good=0.005), rule("unset", bound=None))
    )
    made = forecast(gate, plan)
    row = made.rules[0].categories[0]
    assert row.least_calls is not None
    assert 149 <= row.least_calls <= 200
    by_rate = {item.rate: item.ship for item in row.chances}
    assert by_rate[0.0] == pytest.approx(1.0, abs=1e-6)
    assert by_rate[0.02] <= 0.0501
    assert "no bound" in made.rules[1].warning
    assert gate.rules[0].rule_class is RuleClass.BOUNDED
