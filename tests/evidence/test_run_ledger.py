"""The ledger of runs in a pack: results, places and verdicts are held against it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from safecase.base import canonical_json, digest
from safecase.engine import RunFolder
from safecase.model import (
    LedgerEvent,
    OutcomeKind,
    Predecessor,
    ResultsRead,
    RunFinished,
    RunManifest,
    RunPurpose,
    RunResult,
    RunSetAside,
    RunStarted,
    Verdict,
    VerdictGiven,
    VerdictKind,
    candidate_digest,
)
from safecase_verify import VerificationReport, verify_pack
from support.cases import cases
from support.moments import MOMENT
from support.rules import gate, rule
from support.verdicts import judge

from .packs import failed, pack
from .run_folders import write_run

CASES = cases(40)
HELD = dict.fromkeys(range(40), OutcomeKind.HELD)
GATE = gate(rule("harm", bound=0.3))


def started(manifest: RunManifest, **fields: Any) -> RunStarted:
    values = {
        "manifest_digest": manifest.digest,
        "purpose": manifest.purpose,
        "line": manifest.line,
        "try_number": manifest.try_number,
        "candidate": manifest.candidate,
        "system_version": manifest.system.fingerprint,
        "predecessors": manifest.predecessors,
    }
    return RunStarted(at=MOMENT, run_id=manifest.run_id, **{**values, **fields})


def finished(run: RunFolder, **fields: Any) -> RunFinished:
    count = len(run.columns())
    values = {"recorded": count, "answered": count, "answered_sealed": count, **fields}
    result = RunResult(attempts_digest=run.status.attempts_digest, **values)
    return RunFinished(at=MOMENT, run_id=run.manifest.run_id, complete=True, result=result)


def given(verdict: Verdict, **fields: Any) -> VerdictGiven:
    values = {"run_id": verdict.run_id, "kind": verdict.kind, "verdict_digest": digest(verdict), **fields}
    return VerdictGiven(at=MOMENT, gate=verdict.gate, gate_digest=verdict.gate_digest, **values)


def lines(events: Sequence[LedgerEvent]) -> bytes:
    found, previous = b"", ()
    for event in events:
        chained = event.model_copy(update={"previous": previous})
        found, previous = found + canonical_json(chained) + b"\n", (chained.digest,)
    return found


def check(run: RunFolder, path: Path, events: Sequence[LedgerEvent], **fields: Any) -> VerificationReport:
    return verify_pack(pack(run, path, files={"runs.jsonl": lines(events)}, **fields))


def two_runs(store: Path, **fields: Any) -> tuple[RunFolder, RunFolder, RunFinished]:
    """One run, and a second of the same candidate that names its result."""
    mine = candidate_digest(write_run(store / "x", CASES, {}, [GATE]).manifest.system, [GATE])
    first = write_run(store, CASES, HELD, [GATE], run_id="20260101T000000Z-000001", candidate=mine)
    end = finished(first)
    named = Predecessor(
        run_id=first.manifest.run_id, manifest_digest=first.manifest.digest, result_digest=end.result.digest
    )
    values = {"candidate": mine, "predecessors": (named,), "try_number": 2, **fields}
    values.setdefault("notes", (f"This candidate was run 1 time before (last: {first.manifest.run_id}).",))
    second = write_run(store, CASES, HELD, [GATE], run_id="20260101T000000Z-000002", seed=8, **values)
    return first, second, end


def test_a_run_with_its_history_verifies_and_without_one_it_is_no_tick(tmp_path: Path) -> None:
    first, second, end = two_runs(tmp_path)
    (verdict,) = judge(second)
    events = [started(first.manifest), end, started(second.manifest), finished(second), given(verdict)]
    report = check(second, tmp_path / "a.zip", events, verdicts=[verdict], chain=[first.manifest])
    assert report.ok, failed(report)
    chain = next(item for item in report.checks if item.name == "chain")
    assert chain.shows_something
    assert "knows 1 earlier and 0 later runs" in chain.detail
    (alone,) = judge(first)
    for files in (lines([started(first.manifest), end, given(alone)]), None):
        more = {"runs.jsonl": files} if files else {}
        report = verify_pack(pack(first, tmp_path / "b.zip", [alone], files=more))
        assert report.ok, failed(report)
        chain = next(item for item in report.checks if item.name == "chain")
        assert not chain.shows_something
        assert "no history here" in chain.detail


def test_a_history_that_was_changed_is_found(tmp_path: Path) -> None:
    first, second, end = two_runs(tmp_path)
    (verdict,) = judge(second)
    before, mine, last, said = (
        started(first.manifest),
        started(second.manifest),
        finished(second),
        given(verdict),
    )
    honest = [before, end, mine, last, said]
    other = end.model_copy(update={"result": finished(first, answered=1).result})
    elsewhere = started(first.manifest, manifest_digest="sha256:0")
    for number, (events, words) in enumerate(
        (
            ([before, end, last, said], "does not know this run"),
            (
                [before, end, started(second.manifest, manifest_digest="sha256:0"), last],
                "another plan of this run",
            ),
            ([before, end, mine, said], "not those that the ledger holds as the result"),
            ([before, end, mine, finished(second, answered=1), said], "not those that the ledger holds"),
            (
                [before, other, mine, last, said],
                "a result of run 20260101T000000Z-000001 that the ledger does not",
            ),
            ([elsewhere, end, mine, last, said], "and the ledger knows another"),
            ([end, mine, last, said], "and the ledger knows another"),
            ([before, end, mine, last], "another verdict of this gate on this run, or none"),
            (
                [before, end, mine, last, given(verdict, verdict_digest="sha256:0")],
                "another verdict of this gate on this run",
            ),
        )
    ):
        report = check(
            second, tmp_path / f"{number}.zip", events, verdicts=[verdict], chain=[first.manifest][:0]
        )
        assert words in failed(report), (number, failed(report))
    content = lines(honest).splitlines(keepends=True)
    cut = verify_pack(
        pack(second, tmp_path / "cut.zip", [verdict], files={"runs.jsonl": b"".join(content[1:])})
    )
    assert "one was changed or removed" in failed(cut)


def test_tries_that_are_hidden_and_families_that_were_seen_are_found(tmp_path: Path) -> None:
    first, second, end = two_runs(tmp_path, try_number=1)
    (verdict,) = judge(second)
    assert verdict.try_number == 1
    tail = [started(second.manifest), finished(second), given(verdict)]
    hidden = check(second, tmp_path / "a.zip", [started(first.manifest), end, *tail], verdicts=[verdict])
    assert "this is try 2 of its release line, and the verdict says 1" in failed(hidden)
    for number, (changed, counts) in enumerate(
        (
            ([started(first.manifest, line="other"), end], False),
            ([started(first.manifest, line="other"), end.model_copy(update={"families": ("f0",)})], True),
            ([started(first.manifest, purpose=RunPurpose.EXPLORATORY), end], False),
            ([started(first.manifest), end, _aside(first)], False),
            ([started(first.manifest), end, _read(first), _aside(first)], True),
        )
    ):
        families = {case.family for case in CASES}
        named = [
            event.model_copy(update={"families": tuple(families)[:1]})
            if getattr(event, "families", ())
            else event
            for event in changed
        ]
        report = check(second, tmp_path / f"{number}.zip", [*named, *tail], verdicts=[verdict])
        assert ("this is try 2" in failed(report)) is counts, (number, failed(report))
    seen = end.model_copy(update={"families": (CASES[3].family,)})
    shown = started(first.manifest, purpose=RunPurpose.EXPLORATORY)
    report = check(second, tmp_path / "seen.zip", [shown, seen, *tail], verdicts=[verdict])
    assert f"the family {CASES[3].family} had been seen" in failed(report)


def test_an_earlier_block_of_the_same_candidate_stands(tmp_path: Path) -> None:
    first, second, end = two_runs(tmp_path)
    (verdict,) = judge(second)
    assert verdict.kind is VerdictKind.GO
    blocked = given(verdict, run_id=first.manifest.run_id, kind=VerdictKind.NO_GO)
    tail = [started(second.manifest), finished(second), given(verdict)]
    report = check(
        second, tmp_path / "a.zip", [started(first.manifest), end, blocked, *tail], verdicts=[verdict]
    )
    assert "run 20260101T000000Z-000001 of the same candidate was blocked" in failed(report)


def _aside(run: RunFolder) -> RunSetAside:
    return RunSetAside(at=MOMENT, run_id=run.manifest.run_id, because="the server was down")


def _read(run: RunFolder) -> ResultsRead:
    return ResultsRead(at=MOMENT, run_id=run.manifest.run_id, by="show")


@pytest.mark.parametrize("content", [b"\xff\n", b"[]\n", b'{"event": "run_started"}\n', b"{" * 9000 + b"\n"])
def test_a_ledger_of_any_shape_fails_in_words(tmp_path: Path, content: bytes) -> None:
    run = write_run(tmp_path, CASES, HELD, [GATE])
    assert "chain: " in failed(verify_pack(pack(run, tmp_path / "p.zip", files={"runs.jsonl": content})))
