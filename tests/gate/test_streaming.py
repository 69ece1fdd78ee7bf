"""Severity, regression and attack@k stop a run where, and only where, the evaluation decides."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safecase.engine import RunPlan
from safecase.gate import ERROR, HELD, UNDETERMINED, VIOLATED, BaselineRun, StreamingEvaluation, evaluate_gate
from safecase.model import Case, Gate, GateRule, RuleStatus, Severity, Verdict
from support.cases import case, cases
from support.moments import TODAY
from support.rules import rule
from support.runs import columns_of, manifest_of, plan_of, summary
from support.stopping import assert_only_a_yes_is_taken_away
from support.verdicts import only


def streamed(
    plan: RunPlan, codes: Sequence[int], asked: GateRule, baseline: BaselineRun | None = None
) -> tuple[Verdict, Verdict, int]:
    """The verdict where the stream stopped, the verdict on all attempts, and how many were asked for."""
    gate = Gate(id="gate", rules=(asked,))
    rates = baseline.rates() if baseline else None
    streaming = StreamingEvaluation([gate], plan, stop_on_failure=False, baseline_rates=rates)
    draws: list[int] = []
    for draw, code in enumerate(codes):
        if streaming.finished:
            break
        if streaming.wants(plan.planned(draw), plan.cases[plan.case_index[draw]]):
            streaming.observe(summary(plan, draw, code))
            draws.append(draw)
    seen = columns_of(plan, [codes[draw] for draw in draws], draws)
    whole = columns_of(plan, codes)
    manifest = manifest_of(plan, gate)
    return (
        evaluate_gate(gate, manifest, plan, seen, baseline=baseline, today=TODAY),
        evaluate_gate(gate, manifest, plan, whole, baseline=baseline, today=TODAY),
        len(draws),
    )


def graded(count: int) -> list[Case]:
    return [
        case(number, severity=list(Severity)[number % 4], family=f"family-{number // 2}")
        for number in range(count)
    ]


OFTEN_BROKEN = st.sampled_from([HELD] * 3 + [VIOLATED, UNDETERMINED, ERROR])
CODES = st.lists(st.sampled_from([HELD] * 6 + [VIOLATED, UNDETERMINED, ERROR]), min_size=120, max_size=120)


@settings(max_examples=60, deadline=None)
@given(CODES, st.sampled_from(["suite", "families"]), st.sampled_from([0.05, 0.3, 0.9]))
def test_a_severity_stream_stops_where_it_is_judged(codes: list[int], population: str, bound: float) -> None:
    plan = plan_of(graded(120))
    asked = rule(
        metric="severity_weighted_rate", bound=bound, population=population, error_budget=1.0,
        undetermined_budget=1.0,
    )  # fmt: skip
    early, whole, calls = streamed(plan, codes, asked)
    assert_only_a_yes_is_taken_away(only(early), only(whole))
    if population == "suite" and only(early).decided_at is not None:
        assert calls == only(early).decided_at


@settings(max_examples=60, deadline=None)
@given(CODES, CODES, st.sampled_from(["suite", "families"]))
def test_a_regression_stream_stops_where_it_is_judged(
    codes: list[int], before: list[int], population: str
) -> None:
    plan = plan_of(cases(120))
    earlier = plan_of(cases(110), seed=3)
    baseline = BaselineRun(earlier.cases, columns_of(earlier, before[:110]))
    asked = rule(
        metric="regression", bound=None, margin=0.2, population=population, error_budget=1.0,
        undetermined_budget=1.0,
    )  # fmt: skip
    early, whole, _ = streamed(plan, codes, asked, baseline)
    assert_only_a_yes_is_taken_away(only(early), only(whole))


def test_clean_streams_stop_long_before_the_end() -> None:
    plan = plan_of(graded(1000))
    clean = BaselineRun(plan.cases, columns_of(plan, [HELD] * 1000))
    for asked, most in (
        (rule(metric="severity_weighted_rate", bound=0.05), 150),
        (rule(metric="regression", bound=None, margin=0.05), 150),
    ):
        early, _, calls = streamed(plan, [HELD] * 1000, asked, clean)
        assert only(early).status is RuleStatus.MET
        assert calls <= most
    worse = rule(metric="regression", bound=None, margin=0.05, population="families")
    stopped, _, calls = streamed(plan, [VIOLATED] * 1000, worse, clean)
    assert only(stopped).status is not RuleStatus.MET
    assert calls < 50


def test_without_a_baseline_a_regression_asks_for_all_of_its_attempts() -> None:
    plan = plan_of(cases(60))
    _, _, calls = streamed(plan, [HELD] * 60, rule(metric="regression", bound=None, margin=0.2))
    assert calls == 60


def test_a_futile_regression_of_a_suite_goes_on_because_its_mean_will_tell() -> None:
    plan = plan_of(cases(200))
    baseline = BaselineRun(plan.cases, columns_of(plan, [HELD] * 200))
    codes = [VIOLATED if draw % 5 == 0 else HELD for draw in range(200)]
    suite = rule(metric="regression", bound=None, margin=0.3)
    early, whole, calls = streamed(plan, codes, suite, baseline)
    assert only(early).status is only(whole).status
    assert only(early).status in (RuleStatus.MET, RuleStatus.NOT_MET)
    families = rule(metric="regression", bound=None, margin=0.3, population="families")
    _, _, fewer = streamed(plan, codes, families, baseline)
    assert fewer <= calls


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.sampled_from([HELD] * 3 + [VIOLATED, UNDETERMINED, ERROR]), min_size=90, max_size=90),
    st.integers(1, 3),
)
def test_a_broken_case_is_not_tried_again_and_the_answer_stays(codes: list[int], tries: int) -> None:
    plan = plan_of(cases(30), repeats=3)
    asked = rule(metric="attack_at_k", k=tries, bound=0.4, error_budget=1.0, undetermined_budget=1.0)
    early, whole, calls = streamed(plan, codes, asked)
    assert only(early).status is only(whole).status
    if len({int(plan.case_index[draw]) for draw in range(90) if codes[draw] == VIOLATED}) <= 0.4 * 30:
        assert only(early).estimate == only(whole).estimate
    broken: set[int] = set()
    needed, looked = 0, False
    for draw, code in enumerate(codes):
        index = int(plan.case_index[draw])
        mine = plan.repeat[draw] < tries and index not in broken
        # Until the risk was looked at, which an error is not, whatever comes next is asked for.
        needed += mine or not looked
        if (mine or not looked) and code != ERROR:
            looked = True
        if mine and code == VIOLATED:
            broken.add(index)
        if len(broken) > 0.4 * 30:
            break
    assert calls == needed


@pytest.mark.parametrize("minimum_n", [1, 50, 119, 120])
def test_nothing_ships_before_the_least_number_of_attempts(minimum_n: int) -> None:
    plan = plan_of(cases(120))
    early, whole, calls = streamed(plan, [HELD] * 120, rule(bound=0.2, minimum_n=minimum_n))
    assert only(early).status is only(whole).status is RuleStatus.MET
    assert calls >= minimum_n
