"""One million attempts through the engine: memory over time, compaction, and how fast columns are read.

python bench/million.py                 # 1,000,000 attempts, an in-process target that answers at once
python bench/million.py --attempts 100000 --json
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import sys
import tempfile
import threading
import time
from pathlib import Path

import uvloop

from _workload import InstantTarget, build_pattern_scorer, make_cases
from safecase.engine import Progress, RunFolder, RunRequest, build_plan
from safecase.engine.run import run_plan
from safecase.model import Limits, RunSettings, SystemVersion


class MemoryWatch(threading.Thread):
    """Samples the resident set of this process."""

    def __init__(self, seconds: float = 0.5) -> None:
        super().__init__(daemon=True)
        self.samples: list[tuple[float, float]] = []
        self._seconds = seconds
        self._done = threading.Event()
        self._started_at = time.monotonic()

    def run(self) -> None:
        while not self._done.wait(self._seconds):
            self.samples.append((time.monotonic() - self._started_at, resident_megabytes()))

    def finish(self) -> None:
        self._done.set()
        self.join()


def resident_megabytes() -> float:
    """Resident set of this process in MB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--attempts", type=int, default=1_000_000)
    parser.add_argument("--cases", type=int, default=2_000)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    repeats = max(arguments.attempts // arguments.cases, 1)
    result: dict[str, object] = {"attempts": arguments.cases * repeats, "cases": arguments.cases}
    started = time.perf_counter()
    plan = build_plan(make_cases(arguments.cases), seed=1, repeats=repeats)
    result["plan_seconds"] = round(time.perf_counter() - started, 2)
    result["memory_before_mb"] = round(resident_megabytes(), 1)
    watch = MemoryWatch()
    watch.start()
    durable: list[float] = []

    def progress(item: Progress) -> None:
        if item.recorded == len(plan) and not durable:
            durable.append(item.elapsed_seconds)

    with tempfile.TemporaryDirectory() as store:
        request = RunRequest(
            plan=plan,
            target=InstantTarget(),
            build_scorer=build_pattern_scorer,
            system=SystemVersion(system="bench", components={"model": "instant-1"}),
            store=Path(store),
            settings=RunSettings(limits=Limits(concurrency=64)),
            progress=progress,
        )
        started = time.perf_counter()
        folder = uvloop.run(run_plan(request))
        total = time.perf_counter() - started
        result["attempts_per_second"] = round(len(plan) / durable[0])
        result["compaction_seconds"] = round(total - durable[0], 2)
        for name in ("attempts.jsonl.zst", "attempts.npz"):
            result[f"{name}_megabytes"] = round((folder.path / name).stat().st_size / 1e6, 1)
        watch.finish()
        started = time.perf_counter()
        columns = RunFolder.open(folder.path).columns()
        result["columns_seconds"] = round(time.perf_counter() - started, 3)
        result["columns_length"] = len(columns)
    tenth = max(len(watch.samples) // 10, 1)
    result["memory_series_mb"] = [round(value) for _, value in watch.samples[::tenth]]
    result["memory_peak_sampled_mb"] = round(max(value for _, value in watch.samples), 1)
    result["memory_peak_mb"] = round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000, 1)
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:24} {value}")


if __name__ == "__main__":
    sys.exit(main())
