"""What a new kind of thing costs: the files that the contributing page counts, and nothing else.

The files are put into a copy of the package. The program then knows the things, and the tests of the
documentation miss the rows, so that nobody forgets those.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import safecase
import safecase_verify

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(safecase.__file__).parent

SCORER = """
from safecase.base import NoParameters, Registered
from safecase.model import Case, OutcomeKind, Score, Transcript
from safecase.scorers._registry import SCORERS
from safecase.scorers._transcripts import ScoreWriter


@SCORERS.register("always_held", version="1", parameters=NoParameters)
class AlwaysHeld(Registered):
    def score(self, case: Case, transcript: Transcript) -> Score:
        return ScoreWriter(self.name, self.version).write(OutcomeKind.HELD, "whatever it says")
"""
CHECK = """
from safecase.base import NoParameters, Registered
from safecase.guard._content import Content
from safecase.guard._registry import CHECKS
from safecase.model import CheckResult, FlowPoint


@CHECKS.register("always_open", version="1", parameters=NoParameters)
class AlwaysOpen(Registered):
    surfaces = frozenset({FlowPoint.USER_INPUT})

    def inspect(self, content: Content) -> CheckResult:
        return CheckResult(score=0.0)
"""
METRIC = """
from safecase.gate.metrics._quantity import LatencyMetric

METRIC = LatencyMetric(name="latency_p75_ms", quantile=0.75, share="75 %")
"""
METHOD = """
from safecase_verify.methods._latency import latency_method

METHOD = latency_method(0.75)
"""
COMMAND = """
import typer


def register(app: typer.Typer) -> None:
    app.command("hello", rich_help_panel="Workspace")(hello)


def hello() -> None:
    \"\"\"Greet somebody.\"\"\"
    typer.echo("Hello.")
"""


@dataclass(frozen=True)
class NewKind:
    """Something new of one kind."""

    kind: str
    """As the contributing page's table calls it."""
    name: str
    files: dict[str, str]
    """Path below the package → content."""
    page: str
    """The page of the documentation that gets a row."""


NEW = (
    NewKind("scorer", "always_held", {"scorers/rules/always_held.py": SCORER}, "scorers.md"),
    NewKind("check", "always_open", {"guard/structure/always_open.py": CHECK}, "guard.md"),
    NewKind(
        "metric",
        "latency_p75_ms",
        {"gate/metrics/latency_p75_ms.py": METRIC, "../safecase_verify/methods/latency_p75_ms.py": METHOD},
        "gates.md",
    ),
    NewKind("command", "hello", {"cli/commands/hello.py": COMMAND}, "commands.md"),
)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for PYTHONPATH with a copy of the package that has the new files."""
    folder = tmp_path_factory.mktemp("copy")
    for source in (SOURCE, Path(safecase_verify.__file__).parent):
        shutil.copytree(source, folder / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    for new in NEW:
        for path, content in new.files.items():
            file = folder / "safecase" / path
            assert not file.exists()
            file.write_text(content, encoding="utf-8")
    return folder


def run_python(copy: Path, *arguments: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    """Run Python with the copy in place of the package."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder or copy,
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
        env={**os.environ, "PYTHONPATH": str(copy), "COLUMNS": "200"},
    )


def find_test(name: str) -> str:
    """The pytest id of a test function, wherever it stands."""
    (file,) = (
        path for path in sorted((ROOT / "tests").rglob("test_*.py")) if f"def {name}(" in path.read_text()
    )
    return f"{file}::{name}"


def test_the_files_alone_make_the_program_know_it(copy: Path) -> None:
    done = run_python(copy, "-m", "safecase.cli.main", "plugins", "--json")
    assert done.returncode == 0, done.stderr
    rows = {(row["kind"], row["name"]): row for row in json.loads(done.stdout)["plugins"]}
    for new in NEW[:3]:
        row = rows[new.kind, new.name]
        assert (row["origin"], row["problem"]) == ("built in", "")
    assert ("metric_method", "latency_p75_ms") in rows
    assert "Greet somebody." in run_python(copy, "-m", "safecase.cli.main", "--help").stdout
    assert run_python(copy, "-m", "safecase.cli.main", "hello").stdout == "Hello.\n"


def test_the_tests_of_the_documentation_name_the_rows_that_are_missing(copy: Path) -> None:
    wanted = [
        find_test("test_every_name_is_documented"),
        find_test("test_every_command_has_its_row_in_the_documentation_and_no_row_is_of_nothing"),
    ]
    options = ("-q", "-n", "0", "-vv", "-p", "no:cacheprovider", "--tb=short")
    done = run_python(copy, "-m", "pytest", *options, *wanted, folder=ROOT)
    assert done.returncode == 1, done.stdout[-3000:] + done.stderr[-3000:]
    assert f"{len(NEW)} failed" in done.stdout
    for new in NEW:
        assert new.name in done.stdout


def test_the_contributing_page_counts_the_same_files() -> None:
    page = (ROOT / "docs" / "contributing.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| a (\w+) \| (\d+) \| .*\[(\w+\.md)\]\(\3\) \|$", page, re.MULTILINE)
    assert rows == [(new.kind, str(len(new.files)), new.page) for new in NEW]
