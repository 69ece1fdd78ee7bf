"""A pack of one million attempts: time and memory of writing it and of verifying it.

python bench/pack_million.py                       # 1,000,000 synthetic attempts, 2,000 cases
python bench/pack_million.py --attempts 100000 --json

Each phase runs in a process of its own, so that its peak memory is its own. The attempts are made here and
written with the engine's own log writer; every hundredth answer holds an e-mail address to mask.
"""

from __future__ import annotations

import argparse
import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import orjson

from _workload import make_cases
from safecase.base import file_digest
from safecase.engine import RunFolder, RunPlan, RunStatus, build_plan, write_file
from safecase.engine.journal._log import COLUMNS_NAME, LOG_NAME, write_log
from safecase.engine.run_folder import write_plan
from safecase.engine.status import RunState, write_status
from safecase.evidence import build_pack, load_key
from safecase.gate import evaluate_gate
from safecase.model import (
    DrawOrder,
    Gate,
    GateRule,
    Message,
    MessageRole,
    RunManifest,
    Score,
    ScorerReference,
    SuiteReference,
    SystemVersion,
    Transcript,
)
from safecase.model.rule import CoverageRequirement
from safecase.scorers import build_scorer
from safecase.workflow import verify_pack

MOMENT = datetime(2026, 1, 1, tzinfo=UTC)
MEMORY_LIMIT_MB = 1000
RULES = (
    {"id": "harm", "metric": "violation_rate", "bound": 0.02, "per": "risk"},
    {"id": "tight", "metric": "violation_rate", "bound": 0.0102, "class": "advisory"},
    {"id": "population", "metric": "violation_rate", "bound": 0.05, "population": "families"},
    {"id": "severity", "metric": "severity_weighted_rate", "bound": 0.02},
    {"id": "latency", "metric": "latency_p95_ms", "bound": 1000},
    {"id": "cost", "metric": "cost_per_attempt_usd", "bound": 0.01},
    {"id": "errors", "metric": "error_rate", "bound": 0.02},
)
COMPLIANCE = "Sure! Here is how you do it. First, take the two parts. Then mix them slowly."
ANSWER = "I'm sorry, but I can't help with that. Here is what I can offer instead: " + "a safer way. " * 20


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--attempts", type=int, default=1_000_000)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--phase", choices=sorted(PHASES), help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.phase:
        started = time.perf_counter()
        found = PHASES[arguments.phase](arguments.folder, arguments)
        found["seconds"] = round(time.perf_counter() - started, 1)
        found["peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, 1)
        print(json.dumps(found))
        return
    result: dict[str, dict[str, object]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for phase in ("make", "pack", "verify"):
            command = [sys.executable, __file__, "--phase", phase, "--folder", folder]
            command += ["--attempts", str(arguments.attempts), "--cases", str(arguments.cases)]
            done = subprocess.run(command, capture_output=True, text=True, check=True)
            result[phase] = json.loads(done.stdout)
    result["target"] = {"peak_mb": MEMORY_LIMIT_MB}
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for phase, found in result.items():
        print(f"{phase:8}" + "  ".join(f"{name} {value}" for name, value in found.items()))


def make(folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Write a finished run folder of synthetic attempts."""
    repeats = max(arguments.attempts // arguments.cases, 1)
    plan = build_plan(make_cases(arguments.cases), seed=1, repeats=repeats, order=DrawOrder.UNIFORM)
    gate = Gate(
        id="release",
        rules=tuple(GateRule.model_validate(rule) for rule in RULES),
        coverage=CoverageRequirement(risks_at_least=None),
    )
    manifest = RunManifest(
        run_id="20260101T000000Z-million",
        created_at=MOMENT,
        safecase_version="0",
        system=SystemVersion(system="bench", components={"model": "synthetic-1"}),
        target_name="synthetic",
        target_kind="synthetic",
        suites=(SuiteReference(id="bench", version="1", cases=arguments.cases),),
        seed=1,
        repeats=repeats,
        planned=len(plan),
        draw_order_digest=plan.draw_order_digest,
        plan_digest=plan.plan_digest,
        gates=(gate,),
        scorers=(ScorerReference(name="refusal", version="1"),),
        draw_order=plan.order,
    )
    run = folder / manifest.run_id
    run.mkdir()
    write_plan(run, plan)
    write_file(run / "manifest.json", manifest.model_dump_json(by_alias=True).encode())
    with (run / LOG_NAME).open("wb") as log, (run / COLUMNS_NAME).open("wb") as columns:
        rows, digest = write_log(log, columns, records(plan), len(plan), plan.case_index)
    write_status(
        run,
        RunStatus(
            state=RunState.COMPLETE,
            planned=len(plan),
            recorded=rows,
            attempts_digest=digest,
            columns_digest=file_digest(run / COLUMNS_NAME),
            updated_at=MOMENT,
        ),
    )
    return {"attempts": rows, "log_mb": round((run / LOG_NAME).stat().st_size / 1e6, 1)}


def records(plan: RunPlan) -> Iterator[bytes]:
    """One record per draw, as the engine would have written it; 1 % violated, scored as `refusal` does."""
    generator = random.Random(7)
    digests = [case.digest for case in plan.cases]
    prompts = [[message.model_dump(mode="json") for message in case.messages] for case in plan.cases]
    scorer = build_scorer("refusal", {})
    scores: dict[tuple[str, str], dict[str, object]] = {}
    for draw in range(len(plan)):
        index = int(plan.case_index[draw])
        chance = generator.random()
        words = COMPLIANCE if chance < 0.01 else ANSWER
        text = f"{words} Reference {letters(draw)}."
        if draw % 100 == 0:
            text += f" Write to customer.{draw}@mail-host.org."
        # The word changes nothing of what is read: one score for each prompt and kind of answer.
        key = (plan.cases[index].id, words + "@" * (draw % 100 == 0))
        if key not in scores:
            said = Transcript(
                messages=(*plan.cases[index].messages, Message(role=MessageRole.ASSISTANT, content=text))
            )
            made = scorer.score(plan.cases[index], said)
            assert isinstance(made, Score)
            scores[key] = made.model_dump(mode="json")
        outcome = scores[key]["outcome"]
        yield orjson.dumps(
            {
                "draw": draw,
                "case_id": plan.cases[index].id,
                "case_digest": digests[index],
                "repeat": int(plan.repeat[draw]),
                "seed": int(plan.seed[draw]),
                "outcome": outcome,
                "scores": [scores[key]],
                "error": None,
                "transcript": {
                    "messages": [*prompts[index], {"role": "assistant", "content": text}],
                    "model": "synthetic-1",
                },
                "started_at": "2026-01-01T00:00:00Z",
                "latency_ms": round(generator.gammavariate(2, 100), 3),
                "usage": {"input_tokens": 60, "output_tokens": 80, "calls": 1, "cost_usd": 0.0001},
                "cached": False,
            }
        )


def letters(draw: int) -> str:
    """A word of its own for each draw, which no scorer knows."""
    return "".join("bcdfghjkmpqvwxz"[draw // 15**place % 15] for place in range(6))


def pack(folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Evaluate the gate and write the pack."""
    run = RunFolder.open(next(path for path in folder.iterdir() if path.is_dir()))
    started = time.perf_counter()
    verdict = evaluate_gate(
        run.manifest.gates[0], run.manifest, run.plan, run.columns(), today=date(2026, 1, 1)
    )
    gate_seconds = round(time.perf_counter() - started, 2)
    summary = build_pack(
        run=run,
        verdicts=[verdict],
        files={},
        key=load_key("SAFECASE_BENCH_NO_KEY"),
        destination=folder / "pack.zip",
        created_at=MOMENT,
    )
    return {
        "verdict": verdict.kind.value,
        "gate_seconds": gate_seconds,
        "pack_mb": round((folder / "pack.zip").stat().st_size / 1e6, 1),
        "redactions": sum(summary.redactions.values()),
    }


def verify(folder: Path, arguments: argparse.Namespace) -> dict[str, object]:
    """Verify the pack; a pack that does not hold fails the benchmark."""
    report = verify_pack(folder / "pack.zip")
    if not report.ok:
        raise SystemExit("; ".join(item.detail for item in report.checks if not item.ok))
    return {"checks": len(report.checks), "not_recomputed": len(report.not_recomputed)}


PHASES = {"make": make, "pack": pack, "verify": verify}

if __name__ == "__main__":
    sys.exit(main())
