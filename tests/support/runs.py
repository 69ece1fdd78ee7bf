"""Runs in memory: plans, manifests, outcomes as columns, and what the streaming gate sees of an attempt."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from safecase.engine import OUTCOME_CODES, RunPlan, SummaryColumns, build_plan
from safecase.gate import ERROR
from safecase.model import AttemptSummary, Case, DrawOrder, Gate, RunManifest, SystemVersion
from support.moments import MOMENT

SYSTEM = SystemVersion(system="bot", components={"model": "fake-1"})


def plan_of(
    items: Sequence[Case], *, seed: int = 7, repeats: int = 1, order: DrawOrder = DrawOrder.UNIFORM
) -> RunPlan:
    """A plan of these cases."""
    return build_plan(items, seed=seed, repeats=repeats, order=order)


def manifest_of(plan: RunPlan, *gates: Gate, **fields: Any) -> RunManifest:
    """The manifest of a run of ``plan`` that froze these gates."""
    values: dict[str, Any] = {
        "run_id": "run-1",
        "created_at": MOMENT,
        "safecase_version": "0",
        "system": SYSTEM,
        "target_name": "fake",
        "target_kind": "fake",
        "suites": (),
        "seed": plan.base_seed,
        "repeats": plan.repeats,
        "planned": len(plan),
        "draw_order_digest": plan.draw_order_digest,
        "plan_digest": plan.plan_digest,
        "gates": gates,
        "draw_order": plan.order,
    }
    return RunManifest(**(values | fields))


def columns_of(
    plan: RunPlan, codes: Sequence[int], draws: Sequence[int] | None = None, **fields: Any
) -> SummaryColumns:
    """Columns with the outcome ``codes`` of `safecase.gate` at ``draws`` (default: the first ones)."""
    at = np.array(range(len(codes)) if draws is None else draws, dtype=np.int64)
    n = len(at)
    values: dict[str, Any] = {
        "draw": at,
        "case_index": plan.case_index[at],
        "repeat": plan.repeat[at],
        "outcome": np.array(codes, dtype=np.int8),
        "error_origin": np.where(np.array(codes) == ERROR, 0, -1).astype(np.int8),
        "latency_ms": np.linspace(10, 20, n),
        "input_tokens": np.ones(n, dtype=np.int64),
        "output_tokens": np.ones(n, dtype=np.int64),
        "cost_usd": np.full(n, 0.001),
        "cached": np.zeros(n, dtype=np.bool_),
        "value": np.full(n, np.nan),
        "label": np.zeros(n, dtype=np.int32),
        "labels": ("",),
    }
    return SummaryColumns(**(values | fields))


def summary(plan: RunPlan, draw: int, code: int) -> AttemptSummary:
    """What the streaming gate sees of the attempt at ``draw`` with the outcome ``code``."""
    item = plan.cases[plan.case_index[draw]]
    return AttemptSummary(
        draw=draw, case_id=item.id, repeat=int(plan.repeat[draw]), family=item.family, suite=item.suite,
        risk=item.risk, severity=item.severity, attack=item.attack, harm=item.harm, language="en",
        benign=item.benign, outcome=OUTCOME_CODES[code],
    )  # fmt: skip
