"""Whole runs against fakes: outcomes, failures, limits, stopping, the folder that comes out."""

from __future__ import annotations

import asyncio

import orjson
import pytest

from safecase.engine import OUTCOME_CODES, RunFolder, build_plan, resume_run, run_plan
from safecase.engine.status import RunState
from safecase.engine.summary import summarise
from safecase.model import OutcomeKind
from support.cases import cases
from support.run_requests import log, request
from support.targets import FakeTarget, until_called


async def test_a_run_gives_a_complete_compacted_folder(tmp_path) -> None:
    plan = build_plan(cases(120, families=40), seed=7, repeats=2)
    target = FakeTarget()
    folder = await run_plan(request(tmp_path, plan, target=target))
    status = folder.status
    assert status.state is RunState.COMPLETE
    assert (status.planned, status.recorded, status.skipped, status.not_run) == (240, 240, 0, 0)
    assert status.outcomes["violated"] + status.outcomes["held"] == 240
    assert status.outcomes["violated"] > 5
    assert status.calls == 240
    assert target.closed
    names = sorted(path.name for path in folder.path.iterdir())
    assert names == [
        "attempts.jsonl.zst",
        "attempts.npz",
        "cases.jsonl.zst",
        "draws.npz",
        "manifest.json",
        "status.json",
    ]
    again = RunFolder.open(folder.path)
    attempts = list(again.attempts())
    assert [attempt.draw for attempt in attempts] == list(range(240))
    assert again.manifest.plan_digest == plan.plan_digest == again.plan.plan_digest
    assert {request.seed for request in target.requests} == set(plan.seed.tolist())
    for attempt in attempts:
        planned = plan.planned(attempt.draw)
        assert (attempt.id, attempt.seed) == (planned.id, planned.seed)
    assert again.attempt(attempts[17].id) == attempts[17]


async def test_columns_agree_with_the_attempts_from_table_and_from_journals(tmp_path) -> None:
    plan = build_plan(cases(90), seed=7)

    def fail_some(request, number):
        if request.case_id.endswith("7"):
            raise RuntimeError("boom")

    complete = await run_plan(request(tmp_path, plan, target=FakeTarget(fail_some)))
    stopped = await run_plan(
        request(
            tmp_path,
            plan,
            target=FakeTarget(fail_some),
            limits=request(tmp_path, plan).settings.limits.model_copy(update={"maximum_calls": 60}),
        )
    )
    assert complete.compacted
    assert not stopped.compacted
    for folder in (complete, stopped):
        columns = folder.columns()
        attempts = list(folder.attempts())
        assert len(columns) == len(attempts) > 40
        for position, attempt in enumerate(attempts):
            summary = summarise(attempt, plan.cases[columns.case_index[position]])
            assert columns.draw[position] == summary.draw
            assert columns.repeat[position] == summary.repeat
            assert plan.cases[columns.case_index[position]].id == summary.case_id
            assert OUTCOME_CODES[columns.outcome[position]] is summary.outcome
            assert columns.labels[columns.label[position]] == summary.label
            assert (columns.error_origin[position] == -1) == (summary.error_origin is None)
            assert columns.latency_ms[position] == summary.latency_ms
            assert columns.input_tokens[position] == summary.input_tokens
            assert (summary.value is None) == (columns.value[position] != columns.value[position])
    assert complete.status.outcomes["error"] == 9


async def test_the_log_does_not_depend_on_concurrency(tmp_path) -> None:
    plan = build_plan(cases(60), seed=1)
    logs = []
    for concurrency in (1, 5, 64):
        limits = request(tmp_path, plan).settings.limits.model_copy(update={"concurrency": concurrency})
        logs.append(log(await run_plan(request(tmp_path, plan, limits=limits))))
    assert logs[0] == logs[1] == logs[2]


async def test_a_budget_stops_the_run_and_resume_finishes_it_with_the_same_log(tmp_path) -> None:
    plan = build_plan(cases(80), seed=1)
    undisturbed = await run_plan(request(tmp_path, plan))
    tight = request(tmp_path, plan).settings.limits.model_copy(update={"maximum_calls": 30})
    target = FakeTarget()
    stopped = await run_plan(request(tmp_path, plan, target=target, limits=tight))
    assert stopped.status.state is RunState.STOPPED
    assert "30 calls" in stopped.status.reason
    assert target.calls == 30
    assert (stopped.status.recorded, stopped.status.not_run) == (30, 50)
    finished = await resume_run(stopped.path, request(tmp_path, plan))
    assert finished.status.state is RunState.COMPLETE
    assert finished.status.sessions == 2
    assert log(finished) == log(undisturbed)


async def test_progress_is_reported_and_a_broken_display_does_no_harm(tmp_path) -> None:
    seen = []
    target = FakeTarget(delay=0.01)
    await run_plan(request(tmp_path, cases(80), target=target, progress=seen.append))
    assert len(seen) >= 3
    last = seen[-1]
    assert last.finished
    assert last.recorded == last.planned == 80
    assert last.outcomes["held"] + last.outcomes["violated"] == 80
    assert any(0 < item.recorded + item.waiting < 80 and item.rate > 0 for item in seen)

    def broken(progress) -> None:
        raise RuntimeError("no terminal")

    folder = await run_plan(request(tmp_path, cases(30), target=FakeTarget(delay=0.05), progress=broken))
    assert folder.status.state is RunState.COMPLETE


async def test_cancelling_the_task_flushes_and_leaves_a_resumable_folder(tmp_path) -> None:
    plan = build_plan(cases(200), seed=1)
    target = FakeTarget(delay=0.02)
    asked = request(tmp_path, plan, target=target, run_id="20260101T000000Z-abcdef")
    task = asyncio.ensure_future(run_plan(asked))
    await until_called(target, 60)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    folder = RunFolder.open(tmp_path / "20260101T000000Z-abcdef")
    assert folder.status.state is RunState.STOPPED
    assert 0 < folder.status.recorded < 200
    assert len(list(folder.attempts())) == folder.status.recorded
    finished = await resume_run(folder.path, request(tmp_path, plan))
    assert log(finished) == log(await run_plan(request(tmp_path, plan)))


async def test_status_is_plain_json(tmp_path) -> None:
    folder = await run_plan(request(tmp_path, cases(3)))
    status = orjson.loads((folder.path / "status.json").read_bytes())
    assert status["state"] == "complete"
    assert set(status["outcomes"]) == {kind.value for kind in OutcomeKind}
