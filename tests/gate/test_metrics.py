"""What every metric must say of itself, and that nothing falls through to a default."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safecase.base import InputError, Registry
from safecase.engine import OUTCOME_CODES, RunPlan
from safecase.gate import ERROR, HELD, UNDETERMINED, VIOLATED, StreamingEvaluation, evaluate_gate, outcomes
from safecase.gate.metrics import metric_of
from safecase.gate.metrics._metric import Metric
from safecase.model import (
    METRICS,
    CaseScope,
    Comparator,
    Gate,
    GateRule,
    LimitRange,
    MetricDeclaration,
    RuleStatus,
)
from safecase.workspace import load_lenient, workspace_schema
from support.cases import case, cases
from support.moments import TODAY
from support.rules import rule
from support.runs import columns_of, manifest_of, plan_of

NAMES = METRICS.names()


def a_rule(name: str, **changes: Any) -> GateRule:
    """The simplest rule of a metric that has a limit."""
    metric = METRICS.get(name)
    fields: dict[str, Any] = {"comparator": metric.comparator, "bound": 0.5}
    fields |= {"k": 1} if metric.needs_tries else {}
    return rule(metric=name, **(fields | changes))


def judged(asked: GateRule, plan: RunPlan, made: int) -> Any:
    gate = Gate(id="gate", rules=(asked,))
    columns = columns_of(plan, [HELD] * made)
    verdict = evaluate_gate(gate, manifest_of(plan, gate), plan, columns, today=TODAY)
    return verdict.rules[0]


def test_metrics_are_found_by_their_files() -> None:
    files = {path.stem for path in (Path(outcomes.__file__).parent / "metrics").glob("[!_]*.py")}
    assert set(NAMES) == files
    with pytest.raises(InputError, match=r"safecase\.nothing"):
        Registry("metric", packages=["safecase.nothing"]).names()


@pytest.mark.parametrize("name", NAMES)
def test_each_metric_says_what_it_is(name: str) -> None:
    metric = METRICS.get(name)
    assert isinstance(metric, Metric)
    assert metric.name == name
    assert metric.unit in ("rate", "points", "ms", "usd")
    assert (metric.limits is LimitRange.QUANTITY) == (metric.unit in ("ms", "usd"))
    assert metric.judged == (metric.counts is not None), "who counts outcomes rests on those who tell them"
    demand = metric.demand(a_rule(name))
    assert not demand[0].islower()
    assert not demand.endswith(".")
    others = [METRICS.get(other) for other in NAMES if other != name]
    assert demand not in [other.demand(a_rule(other.name)) for other in others if isinstance(other, Metric)]
    assert metric.demand(a_rule(name, bound=None)) == "No limit is set for this rule"


@pytest.mark.parametrize("name", NAMES)
def test_each_metric_is_judged_and_watched(name: str) -> None:
    useful = [case(number, harm="over_refusal", attack=None) for number in range(30, 60)]
    plan = plan_of([*cases(30, group="a"), *useful])
    asked = a_rule(name, bound=None)
    assert judged(asked, plan, 60).status is RuleStatus.NOT_CONFIGURED
    watch = StreamingEvaluation([Gate(id="gate", rules=(a_rule(name),))], plan)
    assert (asked.id in watch.progress()) == (METRICS.get(name).cases is not CaseScope.RISKS)


def test_a_metric_that_nobody_wrote_is_an_error_and_never_a_default() -> None:
    asked = a_rule("violation_rate").model_copy(update={"metric": "violence_rate"})
    plan = plan_of(cases(3))
    for work in (
        lambda: metric_of(asked),
        lambda: judged(asked, plan, 3),
        lambda: StreamingEvaluation([Gate.model_construct(id="gate", rules=(asked,))], plan),
    ):
        with pytest.raises(InputError, match=r"there is no metric named 'violence_rate'.*violation_rate"):
            work()


def test_a_metric_that_is_only_declared_cannot_be_evaluated(monkeypatch: pytest.MonkeyPatch) -> None:
    found = METRICS.get("violation_rate")
    declared = {name: getattr(found, name) for name in Metric.__dataclass_fields__}
    monkeypatch.setitem(METRICS._items, "violation_rate", MetricDeclaration(**declared))
    with pytest.raises(TypeError, match="violation_rate"):
        metric_of(a_rule("violation_rate"))


def test_a_misspelt_metric_is_told_with_its_line_and_the_name_that_was_meant(tmp_path: Path) -> None:
    (tmp_path / "safecase.yaml").write_text(
        "system: {id: bot, title: Bot}\n"
        "gates:\n"
        "  - id: release\n"
        "    rules:\n"
        "      - id: harm\n"
        "        metric: violation_rat\n"
        "        bound: 0.1\n"
    )
    _, problems = load_lenient(tmp_path)
    told = [item for item in problems if "violation_rat" in item.message]
    assert [(item.message, item.hint) for item in told] == [
        ("'violation_rat' is not a metric", "did you mean 'violation_rate'?")
    ]
    assert told[0].position is not None
    assert told[0].position.line == 6


def test_the_schema_lists_every_metric() -> None:
    field = workspace_schema()["$defs"]["GateRule"]["properties"]["metric"]
    assert field["enum"] == list(NAMES)


def test_the_digest_of_a_gate_stays() -> None:
    """Manifests of earlier runs carry it; it was taken when metrics were words of an enum."""
    rules = (
        a_rule("violation_rate", id="harm", bound=0.02, per="risk"),
        a_rule("utility_rate", id="use", bound=0.9),
        a_rule("latency_p95_ms", id="slow", bound=4000),
    )
    recorded = "sha256:19544d1ea5c765a0006a7f988268fe4cc978e01154892e1e40f55c154e6dbd2d"
    assert Gate(id="release", rules=rules).digest == recorded


@pytest.mark.parametrize("name", NAMES)
def test_a_limit_of_the_wrong_direction_is_refused(name: str) -> None:
    wrong = {Comparator.AT_MOST: ">=", Comparator.AT_LEAST: "<="}[METRICS.get(name).comparator]
    with pytest.raises(ValueError, match=f"metric {name} needs comparator"):
        a_rule(name, comparator=wrong)


def test_outcome_codes_are_places_in_the_engines_list() -> None:
    names = [OUTCOME_CODES[code].value for code in (HELD, VIOLATED)]
    names += [OUTCOME_CODES[code].value for code in (UNDETERMINED, ERROR)]
    assert names == ["held", "violated", "undetermined", "error"]
