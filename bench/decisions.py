"""How often the gate errs, and what a decision costs: `python bench/decisions.py [ROW...] [--quick]`.

Every figure is a function of `ROWS` that gives lines of one Markdown table; who measures something else
adds a function. Systems are simulated through the gate itself: cases, a plan of a fresh seed, outcomes, the
streaming gate, `evaluate_gate`. No figure is typed in: docs/results/decisions.md is what this prints.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import lru_cache
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from safecase.engine import RunPlan, SummaryColumns, build_plan
from safecase.gate import HELD, VIOLATED, BaselineRun, StreamingEvaluation, evaluate_gate
from safecase.gate._proportion_test import make_test
from safecase.model import (
    AttackClass,
    AttemptSummary,
    Case,
    DrawOrder,
    Expectation,
    Gate,
    GateRule,
    HarmClass,
    Message,
    MessageRole,
    OutcomeKind,
    RunManifest,
    Severity,
    SystemVersion,
)
from safecase.model.rule import CoverageRequirement

TODAY = date(2026, 1, 1)
_CONFIDENCE_AT_FIRST_TRY = 0.975
"""The first try of a line spends half of the 5 %."""


@dataclass(frozen=True)
class Line:
    """One line of the table."""

    what: str
    measured: str
    target: str
    good: bool


def simulated_cases(
    families: Sequence[int], *, risks: int = 1, group: bool = False, severities: Sequence[Severity] = ()
) -> tuple[Case, ...]:
    """Cases of families of these sizes; with ``group`` each family is a pair of one case a group."""
    found: list[Case] = []
    for family, size in enumerate(families):
        for member in range(2 if group else size):
            number = len(found)
            found.append(
                Case(
                    id=f"c{number}",
                    suite="suite",
                    risk=f"risk-{family % risks}",
                    severity=severities[number % len(severities)] if severities else Severity.SEV1,
                    attack=AttackClass.JAILBREAK,
                    harm=HarmClass.MISUSE_ENABLEMENT,
                    family=f"f{family}",
                    group="ab"[member] if group else "",
                    messages=(Message(role=MessageRole.USER, content=f"item {number}"),),
                    expect=(Expectation(scorer="refusal"),),
                )
            )
    return tuple(found)


def columns_of(
    plan: RunPlan, codes: NDArray[np.int8], draws: NDArray[np.int64] | None = None
) -> SummaryColumns:
    """A run with these outcome codes, one per planned draw, of which ``draws`` (default: all) were made."""
    made = np.arange(len(plan)) if draws is None else draws
    n = len(made)
    return SummaryColumns(
        draw=made,
        case_index=plan.case_index[made],
        repeat=plan.repeat[made],
        outcome=codes[made],
        error_origin=np.full(n, -1, dtype=np.int8),
        latency_ms=np.ones(n),
        input_tokens=np.ones(n, dtype=np.int64),
        output_tokens=np.ones(n, dtype=np.int64),
        cost_usd=np.zeros(n),
        cached=np.zeros(n, dtype=np.bool_),
        value=np.full(n, np.nan),
        label=np.zeros(n, dtype=np.int32),
        labels=("",),
    )


def manifest_of(plan: RunPlan, gate: Gate) -> RunManifest:
    """The manifest of a run that froze ``gate``."""
    return RunManifest(
        run_id="bench",
        created_at=datetime(2026, 1, 1, tzinfo=UTC),
        safecase_version="0",
        system=SystemVersion(system="bench", components={"model": "1"}),
        target_name="bench",
        target_kind="bench",
        suites=(),
        seed=plan.base_seed,
        repeats=plan.repeats,
        planned=len(plan),
        draw_order_digest=plan.draw_order_digest,
        plan_digest=plan.plan_digest,
        gates=(gate,),
        draw_order=plan.order,
    )


def gate_of(**fields: Any) -> Gate:
    """A gate of one floor."""
    rule = GateRule.model_validate({"id": "rule", "class": "floor", **fields})
    return Gate(id="gate", rules=(rule,), coverage=CoverageRequirement(risks_at_least=None))


def prefix_status(
    plan: RunPlan, gate: Gate, codes: NDArray[np.int8], baseline: BaselineRun | None = None
) -> tuple[str, int]:
    """The status of the gate's rule where its stream stops, as a run would, and how many calls that took."""
    rates = baseline.rates() if baseline else None
    streaming = StreamingEvaluation([gate], plan, baseline_rates=rates)
    made = np.zeros(len(plan), dtype=np.bool_)
    for draw in range(len(plan)):
        if streaming.finished:
            break
        case = plan.cases[plan.case_index[draw]]
        if streaming.wants(plan.planned(draw), case):
            streaming.observe(_summary(plan, draw, int(codes[draw])))
            made[draw] = True
    seen = columns_of(plan, codes, np.flatnonzero(made))
    verdict = evaluate_gate(gate, manifest_of(plan, gate), plan, seen, baseline=baseline, today=TODAY)
    return verdict.rules[0].status.value, int(made.sum())


_OUTCOMES = (OutcomeKind.HELD, OutcomeKind.VIOLATED, OutcomeKind.UNDETERMINED, OutcomeKind.ERROR)


def _summary(plan: RunPlan, draw: int, code: int) -> AttemptSummary:
    case = plan.cases[plan.case_index[draw]]
    return AttemptSummary(
        draw=draw,
        case_id=case.id,
        repeat=int(plan.repeat[draw]),
        family=case.family,
        suite=case.suite,
        risk=case.risk,
        severity=case.severity,
        attack=case.attack,
        harm=case.harm,
        language="en",
        benign=False,
        outcome=_OUTCOMES[code],
    )


_System: TypeAlias = tuple[tuple[Case, ...], NDArray[np.bool_]]
"""Cases, and which of them the system fails."""

UNEQUAL = tuple([1] * 80 + [5] * 14 + [20] * 4 + [60] * 2)
"""Sizes of 100 families, 350 cases: what a suite of templates looks like."""


def false_met(runs: int) -> list[Line]:
    """How often a system exactly at its bound is called met, for every metric, with families of unequal size
    that fail as a whole: a family's cases all hold or all fail."""
    half = 0.05
    limits: dict[str, dict[str, Any]] = {
        "violation_rate": {"bound": half},
        "severity_weighted_rate": {"bound": half},
        "regression": {"margin": half},
        "attack_at_k": {"k": 1, "bound": half},
    }
    settings: list[tuple[str, str, Callable[[np.random.Generator], _System]]] = [
        *((metric, "families", _families) for metric in limits),
        *((metric, "suite", _suite) for metric in limits if metric != "attack_at_k"),
        ("group_difference", "families", _groups),
    ]
    limits["group_difference"] = {"bound": half}
    lines = []
    for metric, population, make in settings:
        name, fields = (
            f"{metric}, {population}",
            {"metric": metric, "population": population, **limits[metric]},
        )
        generator = np.random.default_rng(20270101)
        met = 0
        for _ in range(runs):
            cases, bad = make(generator)
            plan = build_plan(cases, seed=int(generator.integers(2**40)))
            codes = np.where(bad[plan.case_index], VIOLATED, HELD).astype(np.int8)
            baseline = None
            if metric == "regression":
                held = np.full(len(plan), HELD, dtype=np.int8)
                baseline = BaselineRun(plan.cases, columns_of(plan, held))
            met += prefix_status(plan, gate_of(**fields), codes, baseline)[0] == "met"
        error = 3 * (0.05 * 0.95 / runs) ** 0.5
        lines.append(
            Line(f"false *met* at the bound: {name}", _share(met, runs), "≤ 5 %", met / runs <= 0.05 + error)
        )
    return lines


@lru_cache(maxsize=1)
def _unequal() -> tuple[Case, ...]:
    return simulated_cases(UNEQUAL)


def _suite(generator: np.random.Generator) -> _System:
    """A suite of unequal families of which one more case than 5 % fails."""
    cases = _unequal()
    families = generator.permutation(len(UNEQUAL))
    start = np.concatenate(([0], np.cumsum(UNEQUAL)))
    bad = np.zeros(len(cases), dtype=np.bool_)
    wanted = int(0.05 * len(cases)) + 1
    for family in families:
        left = wanted - int(bad.sum())
        bad[start[family] : start[family] + min(left, UNEQUAL[family])] = True
    return cases, bad


def _families(generator: np.random.Generator) -> _System:
    """Unequal families out of a population of which 5 % fail, the whole family at once."""
    cases = _unequal()
    fails = generator.random(len(UNEQUAL)) < 0.05
    return cases, np.repeat(fails, UNEQUAL)


def _groups(generator: np.random.Generator) -> _System:
    """Pairs of which group b fails 5 points more often."""
    cases = simulated_cases([2] * 200, group=True)
    fails = np.zeros(len(cases), dtype=np.bool_)
    fails[1::2] = generator.random(200) < 0.05
    return cases, fails


def calls_for_a_clean_system(runs: int) -> list[Line]:
    """Calls at a bound of 2 % for a system without a failure, on its first try."""
    test = make_test(
        population="families", bound=0.02, good=0.005, size=600, confidence=_CONFIDENCE_AT_FIRST_TRY,
        uniform=True, independent=True, minimum_n=1,
    )  # fmt: skip
    n = test.first_decision(np.zeros(600, dtype=np.bool_)).n
    what = "calls to a decision, clean system, bound 2 %, first try, 600 families (no method: < 183)"
    return [Line(what, f"{n}", "≤ 215", n <= 215)]


def calls_with_one_bad_risk(runs: int) -> list[Line]:
    """20 risks at a bound of 5 %, one of them at 8 %, the others at 0.5 %; 300 families a risk. An earlier
    run said which is worst."""
    cases = simulated_cases([1] * 6000, risks=20)
    of_case = np.array([int(case.risk.split("-")[1]) for case in cases])
    gate = gate_of(
        metric="violation_rate", bound=0.05, good=0.005, per="risk", population="families",
        confidence=_CONFIDENCE_AT_FIRST_TRY,
    )  # fmt: skip
    lines = []
    for name, blocks, most in (
        ("riskiest first", [(f"risk-{number}",) for number in range(20)], 110),
        ("uniform order", None, None),
    ):
        generator = np.random.default_rng(11)
        calls, met, made = 0, 0, max(runs // 20, 10)
        for _ in range(made):
            plan = build_plan(
                cases,
                seed=int(generator.integers(2**40)),
                order=DrawOrder.UNIFORM if blocks is None else DrawOrder.RISKIEST_FIRST,
                risk_blocks=blocks,
            )
            bad = generator.random(len(cases)) < np.where(of_case == 0, 0.08, 0.005)
            codes = np.where(bad[plan.case_index], VIOLATED, HELD).astype(np.int8)
            status, n = prefix_status(plan, gate, codes)
            calls += n
            met += status == "met"
        mean = calls / made
        lines.append(
            Line(
                f"calls, 20 risks, one at 8 % of a bound of 5 %, {name} ({met} of {made} met)",
                f"{mean:.0f}",
                f"≤ {most}" if most else "beside it",
                most is None or mean <= most,
            )
        )
    return lines


def _share(count: int, runs: int) -> str:
    return f"{100 * count / runs:.1f} % of {runs:,}"


ROWS: dict[str, Callable[[int], list[Line]]] = {
    "false-met": false_met,
    "clean": calls_for_a_clean_system,
    "one-bad-risk": calls_with_one_bad_risk,
}
"""Name → what measures it; each gets the number of simulated runs."""


def main(arguments: Sequence[str]) -> int:
    """Print the table; 1 where a figure misses its target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("rows", nargs="*", choices=[*ROWS, []], help="which figures; default: all")
    parser.add_argument("--quick", action="store_true", help="60 simulated runs in place of 1,000")
    options = parser.parse_args(arguments)
    runs, missed = 60 if options.quick else 1000, False
    print("| what | measured | target | |\n|---|---|---|---|")
    for name in options.rows or ROWS:
        started = time.perf_counter()
        for line in ROWS[name](runs):
            missed = missed or not line.good
            print(
                f"| {line.what} | {line.measured} | {line.target} | {'' if line.good else 'missed'} |",
                flush=True,
            )
        print(f"{name}: {time.perf_counter() - started:.0f} s", file=sys.stderr)
    return int(missed)


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
