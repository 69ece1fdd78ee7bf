"""Random gates over random runs: the gate and the independent recomputation must agree on everything."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safecase.base import digest
from safecase.engine import RunPlan, SummaryColumns, build_plan
from safecase.evidence.raw_run import OUTCOMES, DrawColumn, RawRun
from safecase.evidence.verify._verdict import Evidence, check_verdict
from safecase.gate import BaselineRun, evaluate_gate
from safecase.gate.metrics._rate import RateMetric
from safecase.model import (
    METRICS,
    Case,
    Comparator,
    DrawOrder,
    GateRule,
    HarmClass,
    LimitRange,
    RunManifest,
    ScorerCard,
    ScorerPerformance,
    ScorerReference,
    Severity,
    SystemVersion,
    Verdict,
)

from .helpers import MOMENT, TODAY, case, gate, risk

RISKS = tuple(risk(f"risk-{number}", list(Severity)[number % 4]) for number in range(6))
RATES = tuple(name for name in METRICS.names() if isinstance(METRICS.get(name), RateMetric))


def shares(generator: random.Random) -> float:
    """Limits as people set them, and some that nobody would."""
    return generator.choice((0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9, 1.0, generator.random()))


def a_rule(number: int, metric: str, generator: random.Random) -> GateRule:
    declared = METRICS.get(metric)
    at_least = declared.comparator is Comparator.AT_LEAST
    bound: float | None = shares(generator)
    if declared.unit == "ms":
        bound = generator.choice((0.0, 80.0, 150.0, 1e9))
    elif declared.limits is LimitRange.QUANTITY:
        bound = generator.choice((0.0, 0.5, 1.0, 2.0))
    elif declared.limits is LimitRange.INSIDE:
        bound = min(max(bound or 0.0, 1e-3), 0.999)
    fields: dict[str, Any] = {
        "id": f"rule-{number}",
        "metric": metric,
        "comparator": ">=" if at_least else "<=",
        "bound": 1 - bound if at_least and bound is not None else bound,
        "confidence": generator.choice((0.8, 0.9, 0.95, 0.99)),
        "population": generator.choice(("suite", "suite", "families")),
        "per": generator.choice(("none", "none", "none", "risk", "language", "severity", "group", "attack")),
        "minimum_n": generator.choice((1, 1, 1, 5, 30, 200)),
        "error_budget": generator.choice((0.0, 0.02, 0.3, 1.0)),
        "undetermined_budget": generator.choice((0.0, 0.05, 0.3, 1.0)),
        "errors_count_as": generator.choice(("violated", "excluded")),
        "class": generator.choice(("floor", "bounded", "advisory")),
        "select": generator.choice(("", "", "risk:risk-1", "severity:sev1", "suite:nothing")),
        "requires_calibrated_scorers": generator.random() < 0.2,
    }
    if generator.random() < 0.15:
        fields["maximum_n"] = generator.choice((1, 10, 50))
    if generator.random() < 0.3 and fields["bound"] is not None:
        edge = fields["bound"]
        good = edge + (1 - edge) * generator.random() if at_least else edge * generator.random()
        if good != edge:
            fields["good"] = good
    if declared.needs_tries:
        fields["k"] = generator.choice((1, 2, 3))
    if declared.needs_baseline and generator.random() < 0.5:
        fields["margin"] = fields.pop("bound")
    if metric in RATES and generator.random() < 0.2:
        method = generator.choice(("rogan_gladen", "planted_recall", "two_phase", "two_phase"))
        fields["judge_correction"] = {"method": method}
        if method == "two_phase":
            fields["judge_correction"]["labels"] = generator.choice(("a.csv", "absent.csv"))
    if generator.random() < 0.05:
        fields["bound"] = fields["margin"] = fields["good"] = None
    return GateRule.model_validate(fields)


def some_cases(generator: random.Random) -> list[Case]:
    size = generator.choice((1, 2, 7, 30, 90, 250))
    families = generator.choice((1, 5, max(size // 2, 1), 20 * size))
    return [
        case(
            f"case-{number}",
            family=f"family-{generator.randrange(families)}",
            risk=f"risk-{generator.randrange(4)}",
            severity=list(Severity)[generator.randrange(4)],
            language=generator.choice(("de", "en")),
            group=generator.choice(("", "a", "b", "c")),
            held_out=generator.random() < 0.3,
            **({"harm": HarmClass.OVER_REFUSAL, "attack": None} if generator.random() < 0.3 else {}),
        )
        for number in range(size)
    ]


def some_columns(plan: RunPlan, generator: random.Random) -> SummaryColumns:
    """Outcomes at many rates, with gaps, with an end before the end, with and without prices."""
    rates = generator.choice(
        ((0, 0, 0), (0.01, 0, 0), (0.05, 0.01, 0.02), (0.3, 0.1, 0.1), (0, 1, 0), (1, 0, 0))
    )
    weights = (1 - sum(rates), rates[0], rates[2], rates[1])
    planned = len(plan)
    end = generator.choice((planned, planned, planned, planned // 2, max(planned - 1, 1)))
    gap = generator.choice((0.0, 0.0, 0.05))
    made = np.array([draw for draw in range(end) if generator.random() >= gap], dtype=np.int64)
    if not len(made):
        made = np.array([0], dtype=np.int64)
    n = len(made)
    codes = np.array(generator.choices((0, 1, 2, 3), weights, k=n), dtype=np.int8)
    costs = np.array([generator.random() * 2 for _ in range(n)])
    if generator.random() < 0.3:
        costs[generator.randrange(n)] = np.nan
    return SummaryColumns(
        draw=made,
        case_index=plan.case_index[made],
        repeat=plan.repeat[made],
        outcome=codes,
        error_origin=np.where(codes == 3, 0, -1).astype(np.int8),
        latency_ms=np.array([generator.choice((50.0, 100.0, generator.random() * 300)) for _ in range(n)]),
        input_tokens=np.ones(n, dtype=np.int64),
        output_tokens=np.ones(n, dtype=np.int64),
        cost_usd=costs,
        cached=np.array([generator.random() < 0.1 for _ in range(n)], dtype=np.bool_),
        value=np.full(n, np.nan),
        label=np.zeros(n, dtype=np.int32),
        labels=("",),
    )


def raw(plan: RunPlan, columns: SummaryColumns, card: ScorerCard | None = None) -> RawRun:
    """The same run as `PackedRun.raw` gives it."""
    codes = (1, 2, 3, 4)
    made = bytearray(len(plan))
    latency, cost, cached = dict[int, float](), dict[int, float | None](), dict[int, bool]()
    for place, draw in enumerate(columns.draw.tolist()):
        made[draw] = codes[columns.outcome[place]]
        latency[draw] = float(columns.latency_ms[place])
        price = float(columns.cost_usd[place])
        cost[draw] = None if np.isnan(price) else price
        cached[draw] = bool(columns.cached[place])
    return RawRun(
        cases=plan.cases,
        case_index=plan.case_index.tolist(),
        repeat=plan.repeat.tolist(),
        outcome=DrawColumn(made, OUTCOMES.__getitem__),
        latency_ms=latency,
        cost_usd=cost,
        cached=cached,
        seed=plan.base_seed,
        uniform=plan.order is DrawOrder.UNIFORM,
        cards=() if card is None else (("refusal", card),),
    )


def a_card(generator: random.Random) -> ScorerCard:
    counts = [generator.choice((0, 1, 10, 90, 300)) for _ in range(4)]
    performance = ScorerPerformance(
        category="all", true_positives=counts[0], false_positives=counts[1], true_negatives=counts[2],
        false_negatives=counts[3],
    )  # fmt: skip
    return ScorerCard(
        scorer="refusal", scorer_version="1", labels="labels.csv", labels_digest="sha256:0", measured=TODAY,
        performance=(performance,),
    )  # fmt: skip


def judged(seed: int) -> tuple[Verdict, Evidence]:
    """A random gate's verdict on a random run, and the evidence for it."""
    generator = random.Random(seed)
    cases = some_cases(generator)
    order = generator.choice((DrawOrder.UNIFORM, DrawOrder.UNIFORM, DrawOrder.FAMILY_ROUNDS))
    plan = build_plan(
        cases, seed=generator.randrange(2**40), repeats=generator.choice((1, 1, 2, 3)), order=order
    )
    rules = [a_rule(number, metric, generator) for number, metric in enumerate(METRICS.names())]
    names = METRICS.names()
    rules += [a_rule(len(rules) + number, generator.choice(names), generator) for number in range(8)]
    card = a_card(generator) if generator.random() < 0.7 else None
    reference = ScorerReference(name="refusal", version="1", card_digest=digest(card) if card else "")
    release = gate(*rules)
    manifest = RunManifest(
        run_id="run",
        created_at=MOMENT,
        safecase_version="0",
        system=SystemVersion(system="bot", components={"model": "fake-1"}),
        target_name="fake",
        target_kind="fake",
        suites=(),
        seed=plan.base_seed,
        repeats=plan.repeats,
        planned=len(plan),
        draw_order_digest=plan.draw_order_digest,
        plan_digest=plan.plan_digest,
        gates=(release,),
        scorers=(reference,),
        scorer_cards=(card,) if card else (),
        draw_order=order,
    )
    columns = some_columns(plan, generator)
    earlier = earlier_raw = None
    if generator.random() < 0.9:
        older = build_plan(cases[: max(1, len(cases) - 2)], seed=3, repeats=2, order=DrawOrder.UNIFORM)
        older_columns = some_columns(older, generator)
        earlier, earlier_raw = BaselineRun(older.cases, older_columns), raw(older, older_columns)
    share = generator.choice((0.5, 0.9, 1.0))
    labels = {
        "a.csv": {
            plan.planned(draw).id: generator.random() < 0.2
            for draw in range(len(plan))
            if generator.random() < share
        }
    }
    declared = RISKS[: generator.choice((1, 4, 6))]
    verdict = evaluate_gate(
        release, manifest, plan, columns, baseline=earlier, risks=declared, labels=labels, today=TODAY
    )
    severities = {item.id: item.severity.value for item in declared}
    return verdict, Evidence(manifest, raw(plan, columns, card), earlier_raw, severities, (), TODAY, labels)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_gate_and_recomputation_agree_on_every_metric(seed: int) -> None:
    verdict, evidence = judged(seed)
    recount = check_verdict(verdict, evidence, "verdict.json")
    assert recount.skipped == []
    assert recount.recomputed == sum(len(result.categories) for result in verdict.rules)
