"""Who can read a run, and what a power cut can take: modes of files, and the order of calls to the disk."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from safecase.engine import ResponseCache, RunFolder, build_plan
from safecase.engine.journal._compaction import compact
from safecase.engine.journal._log import LOG_NAME
from safecase.engine.run import resume_run, run_plan
from safecase.engine.status import RunState
from support.cases import cases
from support.run_requests import FAST, request

STOP = FAST.model_copy(update={"maximum_calls": 20, "concurrency": 1})


def modes(folder: Path) -> dict[str, int]:
    return {path.name: stat.S_IMODE(path.stat().st_mode) for path in (folder, *folder.iterdir())}


@pytest.fixture
def open_to_all() -> Any:
    """A umask that takes nothing away."""
    before = os.umask(0)
    yield
    os.umask(before)


@pytest.mark.usefixtures("open_to_all")
async def test_only_the_owner_reads_a_run_whether_it_ended_or_not(tmp_path: Path) -> None:
    for limits in (FAST, STOP):
        folder = await run_plan(
            request(tmp_path, cases(40), limits=limits, settings_text={"target": {"model": "m"}})
        )
        found = modes(folder.path)
        assert found.pop(folder.path.name) == 0o700
        assert set(found.values()) == {0o600}, found
        assert folder.settings_text() == {"target": {"model": "m"}}


@pytest.mark.usefixtures("open_to_all")
def test_only_the_owner_reads_the_cache(tmp_path: Path) -> None:
    ResponseCache(tmp_path / ".cache" / "cache.sqlite").close()
    assert modes(tmp_path / ".cache") == {".cache": 0o700, "cache.sqlite": 0o600}


@pytest.mark.usefixtures("open_to_all")
async def test_a_run_for_a_remote_store_is_written_where_nobody_else_looks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    plan = build_plan(cases(5), seed=1)
    one, two = [
        await run_plan(request("memory://private-store", plan))  # type: ignore[arg-type]
        for _ in range(2)
    ]
    assert one.path.parent != two.path.parent
    for run in (one, two):
        above = run.path.relative_to(tmp_path).parts
        assert stat.S_IMODE((tmp_path / above[0]).stat().st_mode) == 0o700


def watched(monkeypatch: pytest.MonkeyPatch, calls: list[str]) -> None:
    """Notes what is renamed, made durable and removed, in order."""
    real: dict[str, Callable[..., Any]] = {"replace": Path.replace, "unlink": Path.unlink}

    def replace(self: Path, target: Any) -> Path:
        calls.append(f"rename {Path(target).name}")
        return real["replace"](self, target)

    def unlink(self: Path, missing_ok: bool = False) -> None:
        calls.append(f"remove {'journal' if self.name.startswith('journal') else self.name}")
        real["unlink"](self, missing_ok=missing_ok)

    synced = os.fsync

    def fsync(descriptor: int) -> None:
        calls.append("sync folder" if stat.S_ISDIR(os.fstat(descriptor).st_mode) else "sync file")
        synced(descriptor)

    monkeypatch.setattr(Path, "replace", replace)
    monkeypatch.setattr(Path, "unlink", unlink)
    monkeypatch.setattr(os, "fsync", fsync)


async def stopped(folder: Path) -> RunFolder:
    return await run_plan(request(folder, cases(40), limits=STOP))


async def test_journals_go_when_the_folder_that_names_the_log_is_on_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = await stopped(tmp_path)
    calls: list[str] = []
    with monkeypatch.context() as patch:
        watched(patch, calls)
        compact(run.path, run.plan)
    assert "remove journal" in calls
    renamed, removed = calls.index(f"rename {LOG_NAME}"), calls.index("remove journal")
    assert "sync folder" in calls[renamed:removed]
    assert "sync file" in calls[:renamed]


async def test_a_resume_makes_durable_what_a_killed_compaction_only_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = build_plan(cases(10), seed=1)
    run = await run_plan(request(tmp_path, plan))
    (run.path / "journal-0001-left.jsonl.zst").write_bytes(b"left behind")
    running = run.status.model_copy(update={"state": RunState.RUNNING, "attempts_digest": ""})
    (run.path / "status.json").write_text(running.model_dump_json())
    calls: list[str] = []
    with monkeypatch.context() as patch:
        watched(patch, calls)
        await resume_run(run.path, request(tmp_path, plan))
    assert "sync folder" in calls[: calls.index("remove journal")]
