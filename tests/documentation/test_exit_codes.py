"""What docs/exit-codes.md says about stopping, in processes of their own, as a terminal sends it."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from documentation.blocks import ROOT

SLOW = """
import time
from pathlib import Path

def answer(text):
    Path("called").touch()
    time.sleep(0.05)
    return "Hello!"
"""
WORKSPACE = """
system: {id: slow, title: A slow one}
risks: [{id: silence, title: No greeting, harm: over_refusal, severity: sev3, likelihood: possible}]
targets: [{id: slow, kind: python_callable, callable: "slow:answer", limits: {concurrency: 1}}]
suites:
  - id: greetings
    defaults: {risk: silence, severity: sev3, harm: over_refusal, expect: [compliance]}
    templates: [{id: greeting, prompt: "Hello, ${number}!", parameters: {number: [NUMBERS]}}]
gates: [{id: release, rules: [{id: served, metric: over_refusal_rate, bound: 0.1}]}]
""".replace("NUMBERS", ", ".join(map(str, range(1000))))
LONGER_THAN_A_PIPE = 1 << 20
PATIENCE = 60.0


def start(folder: Path, *arguments: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "safecase.cli.main", *arguments],
        cwd=folder,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        # A shell that runs the tests in the background has them, and what they start, ignore Ctrl-C.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    )


def test_interrupting_a_run_stops_it_in_good_order(tmp_path: Path) -> None:
    (tmp_path / "slow.py").write_text(SLOW, encoding="utf-8")
    (tmp_path / "safecase.yaml").write_text(WORKSPACE, encoding="utf-8")
    with start(tmp_path, "run", "--complete") as process:
        end = time.monotonic() + PATIENCE
        while not (tmp_path / "called").exists() and process.poll() is None and time.monotonic() < end:
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, complaints = process.communicate(timeout=PATIENCE)
    assert process.returncode == 4, complaints
    assert b"Traceback" not in complaints
    (run,) = (tmp_path / "runs").iterdir()
    status = json.loads((run / "status.json").read_text(encoding="utf-8"))
    assert status["state"] == "stopped"
    assert status["recorded"] < status["planned"]


def test_interrupting_anything_else_ends_with_130(tmp_path: Path) -> None:
    with start(tmp_path, "guard", "check", "-") as process:
        assert process.stdin is not None
        process.stdin.write(b"x" * LONGER_THAN_A_PIPE)  # returns when the command has begun to read
        while process.poll() is None:
            process.send_signal(signal.SIGINT)
            # Between two reads Python doesn't look: then the next Ctrl-C counts, as it does for a person.
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(timeout=3)
        complaints = process.stderr.read() if process.stderr is not None else b""
        process.stdin.close()
    assert process.returncode == 130, complaints
    assert b"Traceback" not in complaints


@pytest.mark.parametrize("code", [0, 1, 2, 3, 4, 130])
def test_every_code_stands_on_the_page(code: int) -> None:
    assert f"| {code} |" in (ROOT / "docs" / "exit-codes.md").read_text(encoding="utf-8")
