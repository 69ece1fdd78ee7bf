"""Runs made of outcomes, for tests of the gate."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import numpy as np

from safecase.engine import RunPlan, SummaryColumns, build_plan
from safecase.model import (
    AttackClass,
    Case,
    DrawOrder,
    Expectation,
    Gate,
    GateRule,
    HarmClass,
    Message,
    MessageRole,
    RunManifest,
    Severity,
    SystemVersion,
)


def case(number: int, **changes: object) -> Case:
    fields: dict[str, object] = {
        "id": f"case-{number}",
        "suite": "suite",
        "risk": "risk",
        "severity": Severity.SEV2,
        "attack": AttackClass.JAILBREAK,
        "harm": HarmClass.MISUSE_ENABLEMENT,
        "family": f"family-{number}",
        "messages": (Message(role=MessageRole.USER, content=f"prompt {number}"),),
        "expect": (Expectation(scorer="refusal"),),
    }
    return Case.model_validate(fields | changes)


def cases(count: int, **changes: object) -> list[Case]:
    return [case(number, **changes) for number in range(count)]


def plan_of(
    items: Sequence[Case], *, seed: int = 7, repeats: int = 1, order: DrawOrder = DrawOrder.UNIFORM
) -> RunPlan:
    return build_plan(items, seed=seed, repeats=repeats, order=order)


def columns_of(plan: RunPlan, codes: Sequence[int], draws: Sequence[int] | None = None) -> SummaryColumns:
    """Columns with outcome ``codes`` at ``draws`` (default: the first ones)."""
    at = np.array(range(len(codes)) if draws is None else draws, dtype=np.int64)
    n = len(at)
    return SummaryColumns(
        draw=at,
        case_index=plan.case_index[at],
        repeat=plan.repeat[at],
        outcome=np.array(codes, dtype=np.int8),
        error_origin=np.where(np.array(codes) == 3, 0, -1).astype(np.int8),
        latency_ms=np.linspace(10, 20, n),
        input_tokens=np.ones(n, dtype=np.int64),
        output_tokens=np.ones(n, dtype=np.int64),
        cost_usd=np.full(n, 0.001),
        cached=np.zeros(n, dtype=np.bool_),
        value=np.full(n, np.nan),
        label=np.zeros(n, dtype=np.int32),
        labels=("",),
    )


def rule(**changes: object) -> GateRule:
    return GateRule.model_validate({"id": "rule", "metric": "violation_rate", "bound": 0.05, **changes})


def manifest_of(plan: RunPlan, gate: Gate) -> RunManifest:
    return RunManifest(
        run_id="run-1",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        safecase_version="0",
        system=SystemVersion(system="s", components={"model": "m"}),
        target_name="t",
        target_kind="replay",
        suites=(),
        seed=plan.base_seed,
        repeats=plan.repeats,
        planned=len(plan),
        draw_order_digest=plan.draw_order_digest,
        plan_digest=plan.plan_digest,
        gates=(gate,),
        draw_order=plan.order,
    )
