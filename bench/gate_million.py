"""How long the gate takes over one million attempts in twenty categories."""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, date, datetime

import numpy as np

from safecase.engine import SummaryColumns, build_plan
from safecase.gate import evaluate_gate
from safecase.model import (
    Case,
    DrawOrder,
    Expectation,
    Gate,
    GateRule,
    Message,
    MessageRole,
    RunManifest,
    SystemVersion,
)

CASES, REPEATS = 10_000, 100


def main() -> None:
    """Time one evaluation; the data are synthetic, 1 % of attempts violated."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    cases = [
        Case.model_validate(
            {
                "id": f"c{number}",
                "suite": "s",
                "risk": f"r{number % 20}",
                "severity": "sev2",
                "attack": "jailbreak",
                "harm": "misuse_enablement",
                "family": f"f{number}",
                "messages": [Message(role=MessageRole.USER, content="x")],
                "expect": [Expectation(scorer="refusal")],
            }
        )
        for number in range(CASES)
    ]
    plan = build_plan(cases, seed=1, repeats=REPEATS, order=DrawOrder.UNIFORM)
    n = len(plan)
    generator = np.random.default_rng(1)
    columns = SummaryColumns(
        draw=np.arange(n),
        case_index=plan.case_index,
        repeat=plan.repeat,
        outcome=(generator.random(n) < 0.01).astype(np.int8),
        error_origin=np.full(n, -1, dtype=np.int8),
        latency_ms=generator.gamma(2, 100, n),
        input_tokens=np.ones(n, dtype=np.int64),
        output_tokens=np.ones(n, dtype=np.int64),
        cost_usd=np.full(n, 0.001),
        cached=np.zeros(n, dtype=np.bool_),
        value=np.full(n, np.nan),
        label=np.zeros(n, dtype=np.int32),
        labels=("",),
    )
    rules = [
        {"id": "harm", "metric": "violation_rate", "bound": 0.02, "per": "risk"},
        {"id": "tight", "metric": "violation_rate", "bound": 0.0102},
        {"id": "latency", "metric": "latency_p95_ms", "bound": 1000},
    ]
    gate = Gate(id="g", rules=tuple(GateRule.model_validate(rule) for rule in rules))
    manifest = RunManifest(
        run_id="r",
        created_at=datetime.now(UTC),
        safecase_version="0",
        system=SystemVersion(system="s", components={}),
        target_name="t",
        target_kind="replay",
        suites=(),
        seed=1,
        repeats=REPEATS,
        planned=n,
        draw_order_digest="x",
        plan_digest="y",
        gates=(gate,),
    )
    started = time.perf_counter()
    verdict = evaluate_gate(gate, manifest, plan, columns, today=date(2026, 1, 1))
    seconds = time.perf_counter() - started
    if arguments.json:
        print(json.dumps({"attempts": n, "seconds": seconds, "target_seconds": 2.0}))
        return
    print(f"{n:,} attempts, {len(rules)} rules, 22 categories: {seconds:.2f} s (target < 2 s)")
    for result in verdict.rules:
        print(f"  {result.status.value}: {result.sentence}")


if __name__ == "__main__":
    main()
