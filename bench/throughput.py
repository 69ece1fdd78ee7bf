"""Attempts per second, end to end: HTTP call, scoring, durable journal; rows one and two of the table.

The yardstick is a bare aiohttp client against the same server in the same run. `other_engines.py` drives
Inspect and promptfoo beside it.

    python bench/throughput.py                                  # zero latency, 64 in flight
    python bench/throughput.py --latency 0.2 --in-flight 200    # ideal: in-flight / latency
"""

from __future__ import annotations

import argparse
import asyncio
import importlib.util
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import uvloop

from _workload import PlainHttpTarget, build_pattern_scorer, make_cases
from loopback_server import running
from safecase.engine import RunRequest, build_plan, run_plan, settled_heap
from safecase.model import (
    BuildContext,
    Case,
    Expectation,
    Limits,
    RunSettings,
    SystemVersion,
    Target,
    TargetConfiguration,
)


async def bare_client(base_url: str, count: int, in_flight: int) -> float:
    """Requests per second of aiohttp alone: same bodies, answers parsed, nothing kept."""
    bodies = [
        orjson.dumps(
            {
                "model": "loopback-1",
                "messages": [{"role": item.role.value, "content": item.text} for item in case.messages],
            }
        )
        for case in make_cases(min(count, 1000))
    ]
    numbers = iter(range(count))
    connector = aiohttp.TCPConnector(limit=in_flight)
    async with aiohttp.ClientSession(connector=connector) as session:

        async def work() -> None:
            for number in numbers:
                async with session.post(
                    base_url + "/chat/completions",
                    data=bodies[number % len(bodies)],
                    headers={"Content-Type": "application/json"},
                ) as response:
                    orjson.loads(await response.read())

        started = time.perf_counter()
        await asyncio.gather(*(work() for _ in range(in_flight)))
        return count / (time.perf_counter() - started)


async def product(
    base_url: str, cases: tuple[Case, ...], in_flight: int, store: Path, minimal: bool
) -> tuple[float, str]:
    """Attempts per second until the last one is durable, compaction excluded and reported by the caller."""
    target, what = _target(base_url, in_flight, minimal)
    finished: list[tuple[float, int]] = []
    plan = build_plan(cases, seed=1)
    request = RunRequest(
        plan=plan,
        target=target,
        build_scorer=_build_scorer(minimal),
        system=SystemVersion(system="bench", components={"model": "loopback-1"}),
        store=store,
        settings=RunSettings(limits=Limits(concurrency=in_flight)),
        progress=lambda item: finished.append((item.elapsed_seconds, item.recorded)),
        progress_seconds=0.1,
    )
    with settled_heap():
        folder = await run_plan(request)
    status = folder.status
    assert status.recorded == len(plan)
    assert status.outcomes["error"] == 0
    durable = next(elapsed for elapsed, recorded in finished if recorded == len(plan))
    return len(plan) / durable, what


def _target(base_url: str, in_flight: int, minimal: bool) -> tuple[Target, str]:
    if minimal or not _present("safecase.targets.openai_chat"):
        return PlainHttpTarget(base_url, in_flight), "minimal HTTP target"
    from safecase.targets import build_target

    configuration = TargetConfiguration(
        id="loopback",
        kind="openai_chat",
        options={"model": "loopback-1", "base_url": base_url},
        limits=Limits(concurrency=in_flight),
    )
    return build_target(configuration, Path.cwd()), "safecase openai_chat"


def _build_scorer(minimal: bool) -> Any:
    if minimal or not _present("safecase.scorers.refusal.refusal"):
        return build_pattern_scorer
    from safecase.scorers import build_scorer

    context = BuildContext()

    def build(expectation: Expectation) -> Any:
        return build_scorer(expectation.scorer, dict(expectation.parameters), context)

    return build


def _present(module: str) -> bool:
    try:
        return importlib.util.find_spec(module) is not None
    except ModuleNotFoundError:
        return False


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "--attempts", type=int, default=0, help="default: 20 s of work at the ideal rate, or 20,000"
    )
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--latency", type=float, default=0.0, help="seconds the server takes to answer")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--minimal", action="store_true", help="a minimal target and scorer: the engine alone"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    ideal = arguments.in_flight / arguments.latency if arguments.latency else None
    count = arguments.attempts or (int(ideal * 20) if ideal else 20_000)
    cases = make_cases(count)
    bare_rates: list[float] = []
    rates: list[float] = []
    what = ""
    for _ in range(arguments.rounds):
        with running(arguments.latency) as base_url, tempfile.TemporaryDirectory() as store:
            bare_rates.append(uvloop.run(bare_client(base_url, count, arguments.in_flight)))
            rate, what = uvloop.run(
                product(base_url, cases, arguments.in_flight, Path(store), arguments.minimal)
            )
            rates.append(rate)
    result = {
        "attempts": count,
        "in_flight": arguments.in_flight,
        "latency_seconds": arguments.latency,
        "target": what,
        "ideal_per_second": ideal,
        "bare_aiohttp_per_second": round(statistics.median(bare_rates), 1),
        "safecase_per_second": round(statistics.median(rates), 1),
        "ratio_to_bare": round(statistics.median(rates) / statistics.median(bare_rates), 3),
        "rounds": [round(rate, 1) for rate in rates],
    }
    if arguments.json:
        print(json.dumps(result, indent=2))
        return
    for name, value in result.items():
        print(f"{name:26} {value}")


if __name__ == "__main__":
    sys.exit(main())
