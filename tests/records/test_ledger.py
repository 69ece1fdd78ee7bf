"""The ledger of runs: chained, durable, held by one writer at a time, whole again after a merge."""

from __future__ import annotations

import threading
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson
import pytest

from safecase.base import CheckFailed, InfrastructureError
from safecase.model import Predecessor, RunFinished, RunPurpose, RunResult, RunStarted
from safecase.records import Ledger
from support.moments import MOMENT


def start(run_id: str, *predecessors: Predecessor, **fields: Any) -> RunStarted:
    values: dict[str, Any] = {
        "at": MOMENT,
        "run_id": run_id,
        "manifest_digest": f"sha256:{run_id}",
        "purpose": RunPurpose.OPEN,
        "line": "main",
        "try_number": 1,
        "candidate": "c",
        "system_version": "v",
        "predecessors": predecessors,
    }
    return RunStarted(**{**values, **fields})


def finish(run_id: str, recorded: int = 3, *, complete: bool = True) -> RunFinished:
    result = RunResult(
        attempts_digest=f"sha256:{recorded}", recorded=recorded, answered=recorded, answered_sealed=0
    )
    return RunFinished(at=MOMENT, run_id=run_id, complete=complete, result=result)


def test_each_line_names_the_one_before_and_edits_are_found_at_their_line(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "records" / "runs.jsonl")
    assert ledger.read().events == ()
    first = ledger.append(start("a"))
    second = ledger.append(finish("a"))
    third = ledger.append(start("b"))
    assert (first.previous, second.previous, third.previous) == ((), (first.digest,), (second.digest,))
    assert ledger.read().events == (first, second, third)
    lines = ledger.path.read_bytes().splitlines(keepends=True)
    for kept, place in (([lines[0], lines[2]], 2), ([lines[1], lines[2]], 1), ([lines[1], *lines[:1]], 1)):
        ledger.path.write_bytes(b"".join(kept))
        with pytest.raises(CheckFailed, match="chain of the ledger of runs is broken") as found:
            ledger.read()
        assert str(found.value.where).endswith(f":{place}")
    ledger.path.write_bytes(lines[0].replace(b'"main"', b'"moon"') + lines[1])
    with pytest.raises(CheckFailed, match="broken"):
        ledger.read()
    ledger.path.write_bytes(lines[0] + b"{}\n")
    with pytest.raises(CheckFailed, match="does not read"):
        ledger.read()


def test_a_line_that_a_kill_cut_off_was_never_written(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs.jsonl")
    first = ledger.append(start("a"))
    with ledger.path.open("ab") as stream:
        stream.write(b'{"event": "run_fini')
    assert ledger.read().events == (first,)
    second = ledger.append(finish("a"))
    assert ledger.read().events == (first, second)


def test_two_branches_are_joined_by_the_next_line(tmp_path: Path) -> None:
    ours, theirs = Ledger(tmp_path / "a.jsonl"), Ledger(tmp_path / "b.jsonl")
    root = ours.append(start("a"))
    theirs.path.write_bytes(ours.path.read_bytes())
    left, right = ours.append(start("b")), theirs.append(start("c"))
    ours.path.write_bytes(ours.path.read_bytes() + theirs.path.read_bytes().splitlines(keepends=True)[1])
    assert left.previous == right.previous == (root.digest,)
    joined = ours.append(finish("a"))
    assert joined.previous == (left.digest, right.digest)
    assert [item.run_id for item in ours.read().ends()] == ["a", "b", "c"]


def test_ends_are_runs_that_nobody_names_as_they_stand_now(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs.jsonl")
    ledger.append(start("a"))
    (running,) = ledger.read().ends()
    assert running == Predecessor(run_id="a", manifest_digest="sha256:a")
    ledger.append(start("b", running))
    assert [item.run_id for item in ledger.read().ends()] == ["b"]
    ledger.append(finish("a"))
    ends = ledger.read().ends()
    assert [(item.run_id, bool(item.result_digest)) for item in ends] == [("a", True), ("b", False)], (
        "its result is news to the chain"
    )
    ledger.append(start("c", *ends))
    assert [item.run_id for item in ledger.read().ends()] == ["c"]


def test_writers_wait_for_each_other_and_lose_nothing(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs.jsonl")

    def begin(number: int) -> None:
        with Ledger(ledger.path).locked() as writer:
            writer.append(start(f"r{number}", *writer.history.ends()))

    threads = [threading.Thread(target=begin, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    starts = list(ledger.read().starts.values())
    assert len(starts) == 8
    for before, after in pairwise(starts):
        assert [item.run_id for item in after.predecessors] == [before.run_id]


def test_a_ledger_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "records").write_text("a file")
    with pytest.raises(InfrastructureError, match="cannot write the ledger"):
        Ledger(tmp_path / "records" / "runs.jsonl").append(start("a"))


def test_lines_are_json_of_one_form(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "runs.jsonl")
    ledger.append(start("a"))
    (line,) = ledger.path.read_bytes().splitlines()
    assert orjson.loads(line)["event"] == "run_started"
