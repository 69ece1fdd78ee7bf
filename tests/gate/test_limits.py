"""Limits outside their range, exceptions nobody may grant, and what later attempts contradict."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from safecase.gate import ERROR, HELD, UNDETERMINED, VIOLATED
from safecase.model import GateRule, RuleStatus, StaleEvidence, VerdictKind
from safecase.workspace import load_lenient
from support.cases import cases
from support.decisions import exception_on, exceptions
from support.rules import rule
from support.runs import plan_of
from support.verdicts import decide, only

OUTSIDE: tuple[tuple[dict[str, Any], str], ...] = (
    ({"bound": 2}, "write 0.02 for 2 %"),
    ({"bound": -0.1}, "share between 0 and 1"),
    ({"metric": "severity_weighted_rate", "bound": 0}, "strictly between 0 and 1"),
    ({"metric": "severity_weighted_rate", "bound": 1}, "strictly between 0 and 1"),
    ({"metric": "regression", "bound": None, "margin": 0}, "strictly between 0 and 1"),
    ({"metric": "regression", "bound": None, "margin": 1}, "strictly between 0 and 1"),
    ({"metric": "regression", "bound": 1.5}, "share between 0 and 1"),
    ({"metric": "latency_p95_ms", "bound": -1}, "must not be negative"),
    ({"metric": "cost_per_attempt_usd", "bound": -0.01}, "must not be negative"),
    ({"metric": "utility_rate", "bound": 0.9}, "needs comparator '>='"),
    ({"metric": "violation_rate", "comparator": ">=", "bound": 0.9}, "needs comparator '<='"),
    ({"bound": 0.02, "good": 0.02}, "'good' must be smaller than 'bound'"),
    ({"metric": "utility_rate", "comparator": ">=", "bound": 0.9, "good": 0.8}, "must be larger"),
    ({"metric": "attack_at_k", "bound": 0.1}, "needs k"),
)


@pytest.mark.parametrize(("fields", "words"), OUTSIDE)
def test_a_limit_outside_of_its_range_is_refused(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        GateRule.model_validate({"id": "rule", "metric": "violation_rate", **fields})


@pytest.mark.parametrize(
    "fields",
    [
        {"bound": 0},
        {"bound": 1},
        {"metric": "severity_weighted_rate", "bound": 0.001},
        {"metric": "latency_p50_ms", "bound": 0},
        {"metric": "utility_rate", "comparator": ">=", "bound": 1},
        {"bound": None},
    ],
)
def test_limits_at_the_end_of_their_range_are_taken(fields: dict[str, Any]) -> None:
    assert GateRule.model_validate({"id": "rule", "metric": "violation_rate", **fields}).id == "rule"


def test_the_workspace_tells_the_line_of_a_limit_outside_its_range(tmp_path: Path) -> None:
    (tmp_path / "safecase.yaml").write_text(
        "system: {id: bot, title: Bot}\n"
        "gates:\n"
        "  - id: release\n"
        "    rules:\n"
        "      - {id: fine, metric: violation_rate, bound: 0.02}\n"
        "      - id: broken\n"
        "        metric: violation_rate\n"
        "        bound: 2\n"
    )
    _, problems = load_lenient(tmp_path)
    told = [item for item in problems if "write 0.02 for 2 %" in item.message]
    assert len(told) == 1
    assert told[0].position is not None
    assert (told[0].position.file, told[0].position.line) == ("safecase.yaml", 6)


def test_an_exception_excuses_only_what_was_measured_and_missed() -> None:
    plan = plan_of(cases(40))
    granted = exceptions(exception_on(decide(plan, [VIOLATED] * 40, rule())))
    missed = decide(plan, [VIOLATED] * 40, rule(), exceptions=granted)
    assert missed.kind is VerdictKind.GO_WITH_CONDITIONS
    for codes, asked in (
        ([HELD] * 30, rule(minimum_n=40)),
        ([ERROR] * 40, rule()),
        ([UNDETERMINED] * 40, rule()),
        ([VIOLATED] * 40, rule(bound=None)),
    ):
        assert decide(plan, codes, asked).rules[0].status is not RuleStatus.NOT_MET
        verdict = decide(plan, codes, asked, exceptions=granted)
        assert verdict.kind is VerdictKind.INSUFFICIENT_EVIDENCE
        assert verdict.conditions == ()
    stale = [StaleEvidence(what="model", recorded="a", present="b")]
    verdict = decide(plan, [VIOLATED] * 40, rule(), exceptions=granted, stale=stale)
    assert verdict.kind is VerdictKind.INSUFFICIENT_EVIDENCE


def test_attempts_after_the_decision_that_break_the_limit_are_told() -> None:
    plan = plan_of(cases(1000))
    codes = [HELD] * 970 + [VIOLATED] * 30
    quiet, loud = decide(plan, [HELD] * 1000, rule(bound=0.02)), decide(plan, codes, rule(bound=0.02))
    decided_at = only(loud).decided_at
    assert decided_at is not None
    assert decided_at < 300
    assert only(quiet).decided_at == decided_at
    assert only(loud).status is RuleStatus.MET
    assert only(loud).estimate == only(quiet).estimate, "what came later moves no number"
    assert "later_attempts_exceed_limit" not in only(quiet).details
    details = only(loud).details
    assert details["later_attempts_exceed_limit"] is True
    assert details["attempts_after_decision"] == 1000 - decided_at
    assert details["events_after_decision"] == 30
    assert "with the 30 bad ones among them the suite is over its limit" in only(loud).sentence
    assert any("look at them before anybody signs" in reason for reason in loud.reasons)
    assert not any("look at them" in reason for reason in quiet.reasons)


def test_a_population_claim_is_not_contradicted_by_one_suite() -> None:
    plan = plan_of(cases(1000))
    codes = [HELD] * 970 + [VIOLATED] * 30
    verdict = decide(plan, codes, rule(bound=0.02, population="families"))
    assert only(verdict).status is RuleStatus.MET
    assert "later_attempts_exceed_limit" not in only(verdict).details


def test_several_categories_name_those_that_later_attempts_contradict() -> None:
    second = [item.model_copy(update={"id": f"x-{item.id}", "risk": "two"}) for item in cases(1000)]
    many = [*cases(1000, risk="one"), *second]
    plan = plan_of(many)
    late = {draw for draw in range(1600, 2000) if plan.cases[plan.case_index[draw]].risk == "two"}
    codes = [VIOLATED if draw in late else HELD for draw in range(2000)]
    verdict = decide(plan, codes, rule(bound=0.02, per="risk"))
    assert verdict.kind is VerdictKind.GO
    assert "put the suite over its limit in two: look at them" in verdict.rules[0].sentence
