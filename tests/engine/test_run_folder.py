"""Run folders at rest: stores, compaction, damage, what is asked for and is not there."""

from __future__ import annotations

import shutil

import fsspec
import pytest

from safecase.base import InfrastructureError, InputError
from safecase.engine import RunFolder, build_plan
from safecase.engine.journal._compaction import compact
from safecase.engine.journal._log import AttemptLog
from safecase.engine.run import new_run_id, resume_run, run_plan
from safecase.engine.run_folder import CASES_NAME
from safecase.engine.status import RunState
from support.cases import cases
from support.run_requests import FAST, log, request

STOP = FAST.model_copy(update={"maximum_calls": 20, "concurrency": 1})


async def test_a_memory_store_gets_the_ended_run_and_opens_by_url(tmp_path, monkeypatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    plan = build_plan(cases(25), seed=1)
    folder = await run_plan(request("memory://safecase-test-store", plan))  # type: ignore[arg-type]
    url = f"memory://safecase-test-store/{folder.manifest.run_id}"
    assert fsspec.filesystem("memory").exists(url + "/manifest.json")
    copy = RunFolder.open(url)
    assert copy.path != folder.path
    assert log(copy) == log(folder)
    with pytest.raises(InputError, match="local folder"):
        await resume_run(url, request("memory://safecase-test-store", plan))  # type: ignore[arg-type]
    with pytest.raises(InfrastructureError, match="could not be read"):
        RunFolder.open("memory://safecase-test-store/nowhere")


async def test_a_file_url_is_a_local_folder(tmp_path) -> None:
    folder = await run_plan(request(f"file://{tmp_path}/runs", cases(5)))  # type: ignore[arg-type]
    assert folder.path.parent == tmp_path / "runs"
    assert len(list(RunFolder.open(f"file://{folder.path}").attempts())) == 5


async def test_compaction_keeps_every_record_byte_for_byte_and_is_verified(tmp_path) -> None:
    plan = build_plan(cases(60), seed=1)
    stopped = await run_plan(request(tmp_path, plan, limits=STOP))
    before = list(stopped.records())
    assert len(before) == 20
    content = compact(stopped.path, plan)
    assert stopped.compacted
    assert not list(stopped.path.glob("journal-*"))
    assert list(stopped.records()) == before
    assert AttemptLog.of(stopped.path).digest() == (20, content)


async def test_a_kill_between_log_and_status_is_put_right(tmp_path) -> None:
    plan = build_plan(cases(30), seed=1)
    folder = await run_plan(request(tmp_path, plan))
    finished = folder.status
    journal = folder.path / "journal-0001-left.jsonl.zst"
    journal.write_bytes(b"left behind")
    running = finished.model_copy(
        update={"state": RunState.RUNNING, "recorded": 0, "attempts_digest": "", "outcomes": {}}
    )
    (folder.path / "status.json").write_text(running.model_dump_json())
    again = await resume_run(folder.path, request(tmp_path, plan))
    assert not journal.exists()
    assert again.status.model_copy(update={"updated_at": finished.updated_at}) == finished
    assert log(again) == log(folder)


async def test_resuming_a_complete_run_changes_nothing(tmp_path) -> None:
    plan = build_plan(cases(10), seed=1)
    folder = await run_plan(request(tmp_path, plan))
    before = {path.name: path.read_bytes() for path in folder.path.iterdir()}
    await resume_run(folder.path, request(tmp_path, plan))
    assert {path.name: path.read_bytes() for path in folder.path.iterdir()} == before


async def test_questions_that_have_no_answer_are_said_plainly(tmp_path) -> None:
    folder = await run_plan(request(tmp_path, cases(5)))
    for name in ("case-00001#7", "nothing#0", "case-00001", "case-00001#x"):
        with pytest.raises(InputError, match="no attempt"):
            folder.attempt(name)
    with pytest.raises(InputError, match="there is no run"):
        RunFolder.open(tmp_path)


async def test_files_that_do_not_belong_together_are_refused(tmp_path) -> None:
    one = await run_plan(request(tmp_path, build_plan(cases(12), seed=1)))
    two = await run_plan(request(tmp_path, build_plan(cases(12), seed=2)))
    shutil.copy(two.path / "draws.npz", one.path / "draws.npz")
    with pytest.raises(InfrastructureError, match="draw order is not the one"):
        RunFolder.open(one.path).cases()
    data = (two.path / CASES_NAME).read_bytes()
    (two.path / CASES_NAME).write_bytes(data[: len(data) // 2])
    with pytest.raises(InfrastructureError, match="cannot read the run's plan"):
        RunFolder.open(two.path).cases()


def test_run_ids_are_dated_and_distinct() -> None:
    import re

    ids = {new_run_id() for _ in range(50)}
    assert len(ids) == 50
    assert all(re.fullmatch(r"\d{8}T\d{6}Z-[0-9a-f]{6}", name) for name in ids)
