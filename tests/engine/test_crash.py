"""SIGKILL at random moments, resume, until the run is complete: nothing lost, nothing twice, the same log."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from safecase.engine import RunFolder, build_plan, run_plan
from safecase.engine.journal._reader import JournalIndex, journal_paths
from safecase.engine.status import RunState
from support.cases import cases
from support.run_requests import log, request

from .crash_script import RUN_ID

SCRIPT = Path(__file__).with_name("crash_script.py")
KILLS = 15


def _kill_after(store: Path, seconds: float, *, once_running: bool = False) -> tuple[int, bool]:
    """Start the script and kill it after ``seconds``; the last acknowledged count, and if it was done.

    ``once_running`` counts the seconds from the first report of progress instead of from the start.
    """
    process = subprocess.Popen(
        [sys.executable, str(SCRIPT), str(store), "0.05"], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    process.stdout.readline()
    if once_running:
        process.stdout.readline()
    timer = threading.Timer(seconds, lambda: os.kill(process.pid, signal.SIGKILL))
    timer.start()
    lines = [line.strip() for line in process.stdout if line.endswith("\n")]
    process.wait(30)
    timer.cancel()
    assert process.returncode in (0, -signal.SIGKILL)
    numbers = [int(line) for line in lines if line.isdigit()]
    return max(numbers, default=0), "done" in lines


async def test_killed_and_resumed_gives_the_undisturbed_log(tmp_path) -> None:
    rng = random.Random(20240)
    store = tmp_path / "killed"
    store.mkdir()
    folder = store / RUN_ID
    kills, acknowledged, done = 0, 0, False
    began = time.monotonic()
    while not done and time.monotonic() - began < 120:
        if kills < KILLS:
            # Some kills hit the start of a session, most its work.
            running = rng.random() < 0.7
            told, done = _kill_after(store, rng.uniform(0.0, 0.15 if running else 0.4), once_running=running)
            kills += 1
        else:
            told, done = _kill_after(store, 60)
        acknowledged = max(acknowledged, told)
        if folder.exists() and not (folder / "manifest.json").exists():
            shutil.rmtree(folder)  # killed before the plan was committed: there is no run yet
            continue
        if folder.exists() and not (folder / "attempts.jsonl.zst").exists():
            index = JournalIndex(journal_paths(folder))  # raises where a draw stands twice
            assert len(index) >= acknowledged
    assert done
    assert kills >= KILLS
    finished = RunFolder.open(folder)
    assert finished.status.state is RunState.COMPLETE
    assert finished.status.sessions >= 5
    plan = build_plan(cases(300, families=120), seed=11, repeats=2)
    undisturbed = await run_plan(request(tmp_path / "whole", plan))
    assert log(finished) == log(undisturbed)
    assert finished.manifest.draw_order_digest == undisturbed.manifest.draw_order_digest
    assert finished.status.outcomes == undisturbed.status.outcomes
    print(
        f"{kills} kills, {finished.status.sessions} sessions, {finished.status.dropped_bytes} bytes dropped"
    )
