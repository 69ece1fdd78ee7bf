"""Recorded runs, written through the engine's own writers."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from safecase.base import compress_frame, file_digest
from safecase.engine import RunFolder, RunPlan, RunStatus, build_plan, write_file
from safecase.engine.attempts._encoding import encode_attempt
from safecase.engine.journal._compaction import compact
from safecase.engine.journal._log import COLUMNS_NAME
from safecase.engine.run_folder import write_plan
from safecase.engine.status import RunState, write_status
from safecase.model import (
    Attempt,
    AttemptError,
    Baseline,
    Case,
    DrawOrder,
    ErrorOrigin,
    FailureKind,
    Gate,
    OutcomeKind,
    RunManifest,
    Score,
    ScorerCard,
    ScorerReference,
    SuiteReference,
    Transcript,
    Usage,
)
from support.messages import assistant
from support.moments import MOMENT
from support.runs import manifest_of


def attempt(
    plan: RunPlan, draw: int, outcome: OutcomeKind, *, text: str = "Sorry", cost: float | None = 0.01
) -> Attempt:
    """The attempt at ``draw``: latency, price and whether it was cached follow from draw and case."""
    planned, item = plan.planned(draw), plan.cases[plan.case_index[draw]]
    seed = hashlib.sha256(f"{draw}|{planned.id}".encode()).digest()
    failed = outcome is OutcomeKind.ERROR
    score = Score(scorer="refusal", scorer_version="1", outcome=outcome)
    error = AttemptError(origin=ErrorOrigin.TARGET, kind=FailureKind.TIMEOUT, message="too slow")
    return Attempt(
        draw=draw,
        case_id=item.id,
        case_digest=item.digest,
        repeat=planned.repeat,
        seed=planned.seed,
        outcome=outcome,
        scores=() if failed else (score,),
        error=error if failed else None,
        transcript=Transcript(messages=(*item.messages, assistant(text)), model="fake-1"),
        started_at=MOMENT,
        latency_ms=50 + seed[0] + seed[1] / 256,
        usage=Usage(
            input_tokens=10, output_tokens=5, calls=1, cost_usd=None if cost is None else cost * seed[2]
        ),
        cached=seed[3] < 20,
    )


def write_run(
    store: Path,
    cases: Sequence[Case],
    outcomes: Mapping[int, OutcomeKind],
    gates: Sequence[Gate] = (),
    *,
    run_id: str = "20260102T030405Z-abcdef",
    order: DrawOrder = DrawOrder.UNIFORM,
    repeats: int = 1,
    seed: int = 7,
    texts: Mapping[int, str] | None = None,
    cost: float | None = 0.01,
    baseline: Baseline | None = None,
    predecessor: RunManifest | None = None,
    cards: Sequence[ScorerCard] = (),
    scorers: Sequence[ScorerReference] = (),
    demo: bool = False,
    plan: RunPlan | None = None,
    **more: Any,
) -> RunFolder:
    """A finished, compacted run folder with the given outcome at each draw.

    ``plan`` replaces the honest one, ``more`` are fields of the manifest.
    """
    plan = plan or build_plan(cases, seed=seed, repeats=repeats, order=order)
    folder = store / run_id
    folder.mkdir(parents=True)
    manifest = manifest_of(
        plan,
        *gates,
        run_id=run_id,
        demo=demo,
        suites=tuple(
            SuiteReference(id=name, version="1", cases=count)
            for name, count in Counter(item.suite for item in cases).items()
        ),
        seed=seed,
        scorers=tuple(scorers),
        scorer_cards=tuple(cards),
        baseline=baseline,
        predecessor_run_id=predecessor.run_id if predecessor else "",
        predecessor_digest=predecessor.digest if predecessor else "",
        **{"draw_order": order, **more},
    )
    write_plan(folder, plan)
    write_file(folder / "manifest.json", manifest.model_dump_json(by_alias=True).encode())
    attempts = [
        attempt(plan, draw, outcome, text=(texts or {}).get(draw, "Sorry"), cost=cost)
        for draw, outcome in sorted(outcomes.items())
    ]
    attempts_digest = write_attempts(folder, plan, attempts)
    status = RunStatus(
        state=RunState.COMPLETE,
        planned=len(plan),
        recorded=len(attempts),
        skipped=len(plan) - len(attempts),
        attempts_digest=attempts_digest,
        columns_digest=file_digest(folder / COLUMNS_NAME),
        updated_at=MOMENT,
    )
    write_status(folder, status)
    return RunFolder.open(folder)


def write_attempts(folder: Path, plan: RunPlan, attempts: Sequence[Attempt]) -> str:
    """A journal of one frame, compacted as the engine does at the end of a run."""
    lines = b"".join(encode_attempt(item) + b"\n" for item in attempts)
    frame = compress_frame(lines)
    (folder / "journal-0000.jsonl.zst").write_bytes(frame)
    return compact(folder, plan)
