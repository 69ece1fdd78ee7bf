"""Verdicts of the real gate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from safecase.engine import RunFolder, RunPlan
from safecase.gate import BaselineRun, evaluate_gate
from safecase.model import CategoryResult, Gate, GateRule, Verdict
from support.moments import TODAY
from support.risks import RISKS
from support.runs import columns_of, manifest_of


def decide(plan: RunPlan, codes: Sequence[int], *rules: GateRule, **fields: Any) -> Verdict:
    """The verdict of a gate of these rules on a run with the outcome ``codes``."""
    gate = Gate(id="gate", rules=rules)
    return evaluate_gate(gate, manifest_of(plan, gate), plan, columns_of(plan, codes), today=TODAY, **fields)


def judge(run: RunFolder, *, baseline: RunFolder | None = None, **fields: Any) -> list[Verdict]:
    """The verdicts of the gates that a recorded run froze."""
    earlier = BaselineRun.read(baseline) if baseline else None
    return [
        evaluate_gate(
            gate,
            run.manifest,
            run.plan,
            run.columns(),
            baseline=earlier,
            **{"today": TODAY, "risks": RISKS, **fields},
        )
        for gate in run.manifest.gates
    ]


def only(verdict: Verdict) -> CategoryResult:
    """The result of the first slice of the first rule."""
    return verdict.rules[0].categories[0]
