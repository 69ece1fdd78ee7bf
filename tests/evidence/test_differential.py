"""Random gates over random runs: the gate and the independent recomputation must agree on everything."""

from __future__ import annotations

import random

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safecase.base import digest
from safecase.engine import OUTCOME_CODES, RunPlan, SummaryColumns, build_plan
from safecase.gate import BaselineRun, evaluate_gate
from safecase.model import (
    METRICS,
    DrawOrder,
    ScorerCard,
    ScorerReference,
    Severity,
    Verdict,
)
from safecase_verify.checks.decisions import Decided
from safecase_verify.checks.verdict import Evidence, check_verdict
from safecase_verify.reading.raw_run import RawRun
from support.moments import TODAY
from support.random_gates import random_card, random_cases, random_columns, random_rule
from support.risks import risk
from support.rules import gate
from support.runs import manifest_of

from .as_read import card_as_read, cases_as_read, manifest_as_read, verdict_as_read

RISKS = tuple(risk(f"risk-{number}", list(Severity)[number % 4]) for number in range(6))


def raw(plan: RunPlan, columns: SummaryColumns, card: ScorerCard | None = None) -> RawRun:
    """The same run as `PackedRun.raw` gives it."""
    outcome = dict[int, str]()
    latency, cost, cached = dict[int, float](), dict[int, float | None](), dict[int, bool]()
    for place, draw in enumerate(columns.draw.tolist()):
        outcome[draw] = OUTCOME_CODES[columns.outcome[place]].value
        latency[draw] = float(columns.latency_ms[place])
        price = float(columns.cost_usd[place])
        cost[draw] = None if np.isnan(price) else price
        cached[draw] = bool(columns.cached[place])
    return RawRun(
        cases=cases_as_read(plan.cases),
        case_index=plan.case_index.tolist(),
        repeat=plan.repeat.tolist(),
        outcome=outcome,
        latency_ms=latency,
        cost_usd=cost,
        cached=cached,
        seed=plan.base_seed,
        uniform=plan.order is DrawOrder.UNIFORM,
        cards=() if card is None else (("refusal", digest(card), card_as_read(card)),),
        digests=tuple(case.digest for case in plan.cases),
    )


def judged(seed: int) -> tuple[Verdict, Evidence]:
    """A random gate's verdict on a random run, and the evidence for it."""
    generator = random.Random(seed)
    cases = random_cases(generator)
    order = generator.choice((DrawOrder.UNIFORM, DrawOrder.UNIFORM, DrawOrder.RISKIEST_FIRST))
    blocks = generator.choice(([("risk-0",), ("risk-1", "risk-2")], [("risk-3",), ("risk-0",), ("risk-2",)]))
    plan = build_plan(
        cases, seed=generator.randrange(2**40), repeats=generator.choice((1, 1, 2, 3)), order=order,
        risk_blocks=None if order is DrawOrder.UNIFORM else blocks,
    )  # fmt: skip
    rules = [random_rule(number, metric, generator) for number, metric in enumerate(METRICS.names())]
    names = METRICS.names()
    rules += [random_rule(len(rules) + number, generator.choice(names), generator) for number in range(8)]
    card = random_card(generator) if generator.random() < 0.7 else None
    reference = ScorerReference(name="refusal", version="1", card_digest=digest(card) if card else "")
    release = gate(*rules)
    manifest = manifest_of(
        plan, release, scorers=(reference,), scorer_cards=(card,) if card else (), nonce="0" * 64
    )
    columns = random_columns(plan, generator)
    earlier = earlier_raw = None
    if generator.random() < 0.9:
        older = build_plan(cases[: max(1, len(cases) - 2)], seed=3, repeats=2, order=DrawOrder.UNIFORM)
        older_columns = random_columns(older, generator)
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
    return verdict, Evidence(
        manifest_as_read(manifest),
        raw(plan, columns, card),
        earlier_raw,
        severities,
        Decided(),
        TODAY,
        labels,
    )


@given(seed=st.integers(0, 2**32))
@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_gate_and_recomputation_agree_on_every_metric(seed: int) -> None:
    verdict, evidence = judged(seed)
    recount = check_verdict(verdict_as_read(verdict), evidence, "verdict.json")
    assert recount.skipped == []
    assert recount.recomputed == sum(len(result.categories) for result in verdict.rules)
