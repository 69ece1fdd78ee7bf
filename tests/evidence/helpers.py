"""Synthetic runs, written through the engine's own writers, and packs of them."""

from __future__ import annotations

import base64
import hashlib
import io
import zipfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safecase.base import FrameWriter, compress_frame, decompressed_pieces, digest
from safecase.engine import RunFolder, RunPlan, RunStatus, build_plan, write_file
from safecase.engine.attempts._encoding import encode_attempt
from safecase.engine.journal._compaction import compact
from safecase.engine.run_folder import write_plan
from safecase.engine.status import RunState, write_status
from safecase.evidence import VerificationReport, build_pack
from safecase.evidence._archive import PackWriter
from safecase.evidence.signing import SigningKey, render_envelope, sign_statement
from safecase.gate import BaselineRun, evaluate_gate
from safecase.model import (
    AttackClass,
    Attempt,
    AttemptError,
    Baseline,
    Case,
    DrawOrder,
    ErrorOrigin,
    Expectation,
    FailureKind,
    Gate,
    GateRule,
    HarmClass,
    Message,
    MessageRole,
    OutcomeKind,
    Risk,
    RunManifest,
    Score,
    ScorerCard,
    ScorerReference,
    Severity,
    SuiteReference,
    SystemVersion,
    Transcript,
    Usage,
    Verdict,
)
from safecase.model.rule import CoverageRequirement
from safecase.model.vocabulary import Likelihood

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
    manifest = RunManifest(
        run_id=run_id,
        created_at=MOMENT,
        safecase_version="0",
        system=SystemVersion(system="bot", components={"model": "fake-1"}),
        target_name="fake",
        target_kind="fake",
        demo=demo,
        suites=tuple(
            SuiteReference(id=name, version="1", cases=count)
            for name, count in Counter(item.suite for item in cases).items()
        ),
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
        **{"draw_order": order, **more},
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


def write_attempts(folder: Path, plan: RunPlan, attempts: Sequence[Attempt]) -> str:
    """A journal of one frame, compacted as the engine does at the end of a run."""
    lines = b"".join(encode_attempt(item) + b"\n" for item in attempts)
    frame = compress_frame(lines)
    (folder / "journal-0000.jsonl.zst").write_bytes(frame)
    return compact(folder, plan)


def unpacked(frame: bytes) -> bytes:
    """What one Zstandard frame holds."""
    return b"".join(decompressed_pieces(io.BytesIO(frame)))


def undeclared(content: bytes) -> bytes:
    """A frame whose header does not say how much it holds, as a pack's attempts are written."""
    buffer = io.BytesIO()
    with FrameWriter(buffer) as frame:
        frame.write(content)
    return buffer.getvalue()


def judge(run: RunFolder, *, baseline: RunFolder | None = None, **fields: Any) -> list[Verdict]:
    """The verdict of the real gate on each of the run's rules."""
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


def key(number: int = 1, *, ephemeral: bool = False) -> SigningKey:
    """A fixed key, so that packs are the same in every test run."""
    seed = hashlib.sha256(f"test key {number}".encode()).digest()
    return SigningKey(Ed25519PrivateKey.from_private_bytes(seed), ephemeral=ephemeral)


def pack(run: RunFolder, destination: Path, verdicts: Sequence[Verdict] | None = None, **fields: Any) -> Path:
    """A signed pack of a run with the verdicts of its gates."""
    baseline = fields.get("baseline")
    declared = [item.model_dump(mode="json") for item in RISKS]
    values: dict[str, Any] = {
        "run": run,
        "verdicts": judge(run, baseline=baseline) if verdicts is None else verdicts,
        "files": {"report.html": b"<p>report</p>", "workspace/risks.yaml": orjson.dumps({"risks": declared})},
        "key": key(),
        "destination": destination,
        "created_at": MOMENT,
        **fields,
    }
    return build_pack(**values).path


def risk(name: str, severity: Severity) -> Risk:
    return Risk(
        id=name,
        title=name,
        harm=HarmClass.MISUSE_ENABLEMENT,
        severity=severity,
        likelihood=Likelihood.POSSIBLE,
    )


RISKS = (risk("jailbreak", Severity.SEV2), risk("risk-0", Severity.SEV1), risk("minor", Severity.SEV4))
"""What the workspace in each pack declares."""


def repack(source: Path, destination: Path, change: Mapping[str, Any]) -> Path:
    """A pack with entries changed by ``change`` (name -> bytes -> bytes) and signed anew by another key."""
    with zipfile.ZipFile(source) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    envelope = orjson.loads(entries.pop("statement.dsse.json"))
    statement = orjson.loads(base64.b64decode(envelope["payload"]))
    for name, work in change.items():
        if name != "statement":
            entries[name] = work(entries[name])
    statement["subject"] = [
        {"name": name, "digest": {"sha256": hashlib.sha256(data).hexdigest()}}
        for name, data in entries.items()
    ]
    for item in statement["predicate"]["verdicts"]:
        verdict = Verdict.model_validate_json(entries[f"verdicts/{item['gate']}.json"])
        item.update(kind=verdict.kind.value, digest=digest(verdict))
    if "statement" in change:
        statement = change["statement"](statement)
    entries["statement.dsse.json"] = render_envelope(sign_statement(statement, key(2)))
    return write_entries(destination, entries.items())


def write_entries(destination: Path, entries: Iterable[tuple[str, bytes]]) -> Path:
    """A well-formed pack file of any entries, stored and deflated as packs have them."""
    with PackWriter(destination) as writer:
        for name, data in entries:
            writer.add(name, data, compressed=name.endswith((".zst", ".dsse.json")))
    return destination


def failed(report: VerificationReport) -> str:
    """What a verification objects to, in one string."""
    return "; ".join(f"{item.name}: {item.detail}" for item in report.checks if not item.ok)


def rule(name: str, metric: str = "violation_rate", bound: float | None = 0.1, **fields: Any) -> GateRule:
    return GateRule.model_validate({"id": name, "metric": metric, "bound": bound, **fields})


def gate(*rules: GateRule, **fields: Any) -> Gate:
    return Gate(**{"id": "release", "coverage": NO_COVERAGE, "rules": rules, **fields})
