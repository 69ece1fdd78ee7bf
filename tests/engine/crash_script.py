"""Begins or resumes one fixed run, and prints how many attempts are durable. Killed by its test."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from safecase.engine import build_plan, event_loop, resume_run, run_plan
from safecase.engine.journal._writer import JournalSettings
from support.cases import cases
from support.run_requests import request
from support.targets import FakeTarget

RUN_ID = "20260101T000000Z-c4a5e1"


def main() -> None:
    store = Path(sys.argv[1])
    delay = float(sys.argv[2])
    plan = build_plan(cases(300, families=120), seed=11, repeats=2)
    asked = request(
        store,
        plan,
        target=FakeTarget(delay=delay),
        run_id=RUN_ID,
        journal=JournalSettings(group_records=16, group_seconds=0.02),
        progress=lambda item: print(item.recorded, flush=True),
        progress_seconds=0.005,
    )
    print(0, flush=True)
    if (store / RUN_ID / "manifest.json").exists():
        work = resume_run(store / RUN_ID, asked)
    else:
        work = run_plan(asked)
    with event_loop() as loop:
        loop.run(work)
    print("done", flush=True)


if __name__ == "__main__":
    main()
