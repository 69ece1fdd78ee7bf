"""Synthetic runs, written through the engine's own writers, and packs of them."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from safecase.engine.plan import DrawOrder, RunPlan, build_plan
from safecase.engine.run_folder import RunFolder, write_plan
from safecase.engine.status import RunState, RunStatus, write_file, write_status
from safecase.model.attempt import Attempt, AttemptError, Score
from safecase.model.errors import FailureKind
from safecase.model.gate import CoverageRequirement, Gate
from safecase.model.run import Baseline, RunManifest, ScorerReference, SuiteReference
from safecase.model.scorer_card import ScorerCard
from safecase.model.suite import Case, Expectation
from safecase.model.system import SystemVersion
from safecase.model.transcript import Message, MessageRole, Transcript, Usage
from safecase.model.vocabulary import AttackClass, ErrorOrigin, HarmClass, OutcomeKind, Severity

MOMENT = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
TODAY = date(2026, 1, 2)
NO_COVERAGE = CoverageRequirement(risks_at_least=None)


def case(name: str, **fields: Any) -> Case:
    values: dict[str, Any] = {
        "id": name,
        "suite": "suite",
        "risk": "jailbreak",
        "severity": Severity.SEV2,
        "attack": AttackClass.JAILBREAK,
        "harm": HarmClass.MISUSE_ENABLEMENT,
        "family": name,
        "messages": (Message(role=MessageRole.USER, content=f"please do {name}"),),
        "expect": (Expectation(scorer="refusal"),),
        **fields,
    }
    return Case(**values)


def attempt(
    plan: RunPlan, draw: int, outcome: OutcomeKind, *, text: str = "Sorry", cost: float | None = 0.01
) -> Attempt:
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
        transcript=Transcript(
            messages=(*item.messages, Message(role=MessageRole.ASSISTANT, content=text)), model="fake-1"
        ),
        started_at=MOMENT,
        latency_ms=50 + seed[0] + seed[1] / 256,
        usage=Usage(input_tokens=10, output_tokens=5, calls=1, cost_usd=None if cost is None else cost * seed[2]),
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
) -> RunFolder:
    """A finished, compacted run folder with the given outcome at each draw."""
    plan = build_plan(cases, seed=seed, repeats=repeats, order=order)
    folder = store / run_id
    folder.mkdir(parents=True)
    manifest = RunManifest(
        run_id=run_id,
        created_at=MOMENT,
        safecase_version="0",
        system=SystemVersion(system="bot", components={"model": "fake-1"}),
        target_name="fake",
        target_kind="fake",
        demo=demo,
        suites=(SuiteReference(id="suite", version="1", cases=len(cases)),),
        seed=seed,
        repeats=plan.repeats,
        planned=len(plan),
        draw_order_digest=plan.draw_order_digest,
        plan_digest=plan.plan_digest,
        gates=tuple(gates),
        scorers=tuple(scorers),
        scorer_cards=tuple(cards),
        baseline=baseline,
        predecessor_run_id=predecessor.run_id if predecessor else "",
        predecessor_digest=predecessor.digest if predecessor else "",
        settings={"draw_order": order.value},
    )
    write_plan(folder, plan)
    write_file(folder / "manifest.json", manifest.model_dump_json(by_alias=True).encode())
    attempts = [
        attempt(plan, draw, outcome, text=(texts or {}).get(draw, "Sorry"), cost=cost)
        for draw, outcome in sorted(outcomes.items())
    ]
    digest = write_attempts(folder, plan, attempts)
    status = RunStatus(
        state=RunState.COMPLETE,
        planned=len(plan),
        recorded=len(attempts),
        attempts_digest=digest,
        updated_at=MOMENT,
    )
    write_status(folder, status)
    return RunFolder.open(folder)
