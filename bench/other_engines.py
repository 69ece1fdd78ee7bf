"""The same calls by safecase, Inspect and promptfoo, each as its users run it: attempts per second, memory.

    python bench/other_engines.py --inspect VENV/bin/python --promptfoo node_modules/.bin/promptfoo
    python bench/other_engines.py --json

Each tool runs as a process of its own against the loopback server, with the same prompts, as many calls in
flight, a plain string-match scorer, no cache, no telemetry. Seconds are those of the whole command: start,
calls, scores, log. The server counts the calls, so that nobody's word is taken for them. A tool that is not
given or not found is named as not installed.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.request
from dataclasses import asdict, dataclass
from pathlib import Path

from _workload import make_cases
from loopback_server import running
from throughput import bare_client, product

INSPECT = """
import json, sys
from inspect_ai import Task, eval
from inspect_ai.dataset import MemoryDataset, Sample
from inspect_ai.scorer import includes
from inspect_ai.solver import generate

prompts, base_url, in_flight, logs = json.load(open(sys.argv[1])), sys.argv[2], int(sys.argv[3]), sys.argv[4]
samples = [Sample(id=str(n), input=text, target="sorry") for n, text in enumerate(prompts)]
task = Task(dataset=MemoryDataset(samples), solver=generate(), scorer=includes())
(log,) = eval(
    task, model="openai/loopback-1", model_base_url=base_url, max_connections=in_flight,
    max_samples=in_flight, log_dir=logs, display="none", model_args={"responses_api": False},
)
assert log.status == "success", log.error
assert log.results.completed_samples == len(prompts)
scores = [sample.scores["includes"].value for sample in log.samples]
assert scores == ["C"] * len(prompts), "not every answer was scored as it should be"
print(json.dumps({"version": log.eval.packages.get("inspect_ai", "")}))
"""


@dataclass(frozen=True)
class Row:
    """One tool's run. ``megabytes``: the largest of its processes."""

    tool: str
    version: str
    attempts: int
    calls_counted: int
    seconds: float
    per_second: float
    megabytes: float


def counted(base_url: str) -> int:
    """Completions that the server has given."""
    with urllib.request.urlopen(base_url) as answer:
        return int(answer.read())


def timed(command: list[str], environment: dict[str, str], folder: Path) -> tuple[float, float, str]:
    """Wall seconds, megabytes of the largest process, and standard output; raises on failure."""
    with (folder / "out").open("w+") as out, (folder / "err").open("w+") as err:
        started = time.perf_counter()
        process = subprocess.Popen(
            command, stdout=out, stderr=err, cwd=folder, env={**os.environ, **environment}
        )
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - started
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        err.seek(0)
        text, complaint = out.read(), err.read()
    if process.returncode:
        raise SystemExit(f"{command[0]} failed with {process.returncode}: {(complaint or text)[-2000:]}")
    return seconds, usage.ru_maxrss / 1024, text


def run_safecase(prompts: int, base_url: str, in_flight: int, folder: Path) -> tuple[float, float, str]:
    """This very script in a process of its own."""
    arguments = ["--child", base_url, "--attempts", str(prompts), "--in-flight", str(in_flight)]
    taken = timed([sys.executable, str(Path(__file__).resolve()), *arguments], {}, folder)
    return taken[0], taken[1], taken[2].strip()


def run_inspect(
    python: str, prompts: list[str], base_url: str, in_flight: int, folder: Path
) -> tuple[float, float, str]:
    """Inspect's eval() from a script."""
    (folder / "prompts.json").write_text(json.dumps(prompts))
    (folder / "task.py").write_text(INSPECT)
    command = [python, "task.py", "prompts.json", base_url, str(in_flight), str(folder / "logs")]
    seconds, memory, text = timed(command, {"OPENAI_API_KEY": "none"}, folder)
    return seconds, memory, str(json.loads(text.strip().splitlines()[-1])["version"])


def run_promptfoo(
    binary: str, prompts: list[str], base_url: str, in_flight: int, folder: Path
) -> tuple[float, float, str]:
    """``promptfoo eval`` on a configuration file."""
    configuration = {
        "providers": [{"id": "openai:chat:loopback-1", "config": {"apiBaseUrl": base_url, "apiKey": "none"}}],
        "prompts": ["{{question}}"],
        "defaultTest": {"assert": [{"type": "icontains", "value": "sorry"}]},
        "tests": [{"vars": {"question": text}} for text in prompts],
    }
    (folder / "promptfooconfig.json").write_text(json.dumps(configuration))
    quiet = {
        "PROMPTFOO_DISABLE_TELEMETRY": "1",
        "PROMPTFOO_DISABLE_UPDATE": "1",
        "PROMPTFOO_DISABLE_REMOTE_GENERATION": "1",
        "PROMPTFOO_CACHE_ENABLED": "false",
        "PROMPTFOO_CONFIG_DIR": str(folder / "state"),
    }
    command = [
        binary, "eval", "-c", "promptfooconfig.json", "-j", str(in_flight), "--no-cache", "--no-table",
        "--no-progress-bar", "-o", "result.json",
    ]  # fmt: skip
    seconds, memory, _ = timed(command, quiet, folder)
    result = json.loads((folder / "result.json").read_text())
    passed = result["results"]["stats"]["successes"]
    if passed != len(prompts):
        raise SystemExit(f"promptfoo scored {passed} of {len(prompts)} answers as expected")
    return seconds, memory, str(result.get("metadata", {}).get("promptfooVersion", ""))


def measure(arguments: argparse.Namespace, latency: float, attempts: int) -> tuple[list[Row], list[str]]:
    """Every tool in turn, each against a server of its own; and the tools that are not there."""
    cases = make_cases(attempts)
    prompts = [case.messages[0].text for case in cases]
    rows, missing = [], []
    tools = {
        "safecase": lambda url, folder: run_safecase(attempts, url, arguments.in_flight, folder),
        "Inspect": lambda url, folder: run_inspect(
            arguments.inspect, prompts, url, arguments.in_flight, folder
        ),
        "promptfoo": lambda url, folder: run_promptfoo(
            arguments.promptfoo, prompts, url, arguments.in_flight, folder
        ),
    }
    for name, run in tools.items():
        binary = {"Inspect": arguments.inspect, "promptfoo": arguments.promptfoo}.get(name, sys.executable)
        if not binary or shutil.which(binary) is None:
            missing.append(name)
            continue
        with running(latency) as url, tempfile.TemporaryDirectory() as folder:
            seconds, memory, version = run(url, Path(folder))
            calls = counted(url)
            if calls != attempts:
                raise SystemExit(f"{name} made {calls} calls for {attempts} attempts: no comparison")
            rows.append(Row(name, version, attempts, calls, seconds, attempts / seconds, memory))
    with running(latency) as url:
        rate = asyncio.run(bare_client(url, attempts, arguments.in_flight))
        rows.append(Row("bare aiohttp", "", attempts, counted(url), attempts / rate, rate, 0.0))
    return rows, missing


def child(base_url: str, attempts: int, in_flight: int) -> int:
    """One run of safecase, as the parent times it."""
    import uvloop

    from safecase import __version__

    with tempfile.TemporaryDirectory() as store:
        uvloop.run(product(base_url, make_cases(attempts), in_flight, Path(store), False))
    print(__version__)
    return 0


def main() -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--inspect", default="", help="a Python in which inspect_ai and openai are installed")
    parser.add_argument("--promptfoo", default=shutil.which("promptfoo") or "", help="promptfoo's program")
    parser.add_argument("--in-flight", type=int, default=64)
    parser.add_argument("--attempts", type=int, default=2000)
    parser.add_argument("--child", default="", help=argparse.SUPPRESS)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    if arguments.child:
        return child(arguments.child, arguments.attempts, arguments.in_flight)
    results = []
    for latency in (0.0, 0.2):
        rows, missing = measure(arguments, latency, arguments.attempts)
        results.append(
            {"latency_seconds": latency, "rows": [asdict(row) for row in rows], "missing": missing}
        )
        if arguments.json:
            continue
        print(
            f"\nserver latency {latency:g} s, {arguments.attempts} attempts, {arguments.in_flight} in flight"
        )
        names = ("tool", "version", "calls the server counted", "seconds", "attempts/s", "MB")
        print(f"| {' | '.join(names)} |\n{'|---' * len(names)}|")
        for row in rows:
            memory = f"{row.megabytes:.0f}" if row.megabytes else ""
            print(
                f"| {row.tool} | {row.version} | {row.calls_counted} | {row.seconds:.1f} | "
                f"{row.per_second:.0f} | {memory} |"
            )
        for name in missing:
            print(f"NOT INSTALLED: {name}")
    if arguments.json:
        print(json.dumps(results, indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
