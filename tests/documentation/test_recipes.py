"""The recipes for things of one's own, done as a reader does them: from an empty folder, block by block.

A recipe's blocks stand below ``<!-- recipe: NAME -->``. A block whose first line is a comment with a file's
name is written to that file; a block of commands is run. ``pip install .`` is done as pip would leave it: the
distribution's metadata stand where Python finds them.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from support.command_line import MODULE, run_python
from support.packages import write_distribution

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted((ROOT / "docs").rglob("*.md"))
BLOCK = re.compile(
    r"^<!-- recipe: (?P<name>[^>]+?) -->\n(?:<!-- exits: (?P<code>\d) -->\n)?"
    r"```(?P<language>\w*)\n(?P<body>.*?)^```",
    re.MULTILINE | re.DOTALL,
)
FILE = re.compile(r"^# (\S+\.(?:py|yaml|toml))\n")


def recipes() -> dict[str, list[re.Match[str]]]:
    found: dict[str, list[re.Match[str]]] = {}
    for page in PAGES:
        for block in BLOCK.finditer(page.read_text(encoding="utf-8")):
            found.setdefault(block["name"], []).append(block)
    return found


RECIPES = recipes()


class Reader:
    """Somebody at an empty folder who does what the page says."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.site = folder.parent / "site"
        self.said: list[str] = []

    def follow(self, name: str) -> str:
        """Do every block of a recipe in order; returns what the commands printed."""
        for block in RECIPES[name]:
            body = block["body"]
            file = FILE.match(body)
            if file:
                (self.folder / file[1]).write_text(body, encoding="utf-8")
                continue
            assert block["language"] == "sh", f"recipe '{name}': neither a file nor commands:\n{body}"
            for line in body.splitlines():
                if line == "pip install .":
                    self.install()
                else:
                    self.run(*self.words(line), code=int(block["code"] or 0))
        return "\n".join(self.said)

    def install(self) -> None:
        """What ``pip install .`` leaves: the modules and the metadata with the entry points."""
        project = tomllib.loads((self.folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        write_distribution(self.site, project["name"], project["entry-points"], version=project["version"])
        for file in self.folder.glob("*.py"):
            (self.site / file.name).write_bytes(file.read_bytes())

    def words(self, line: str) -> list[str]:
        """The words of a command, with patterns of files filled in as a shell does."""
        words = []
        for word in shlex.split(line):
            files = sorted(self.folder.glob(word)) if "*" in word else []
            words += [str(file.relative_to(self.folder)) for file in files] or [word]
        return words

    def run(self, program: str, *arguments: str, code: int = 0) -> str:
        """Run one command in the folder; keeps and returns what it printed."""
        start = MODULE if program == "safecase" else ()
        path = os.pathsep.join([str(self.site), str(ROOT / "src")])
        done = run_python(self.folder, *start, *arguments, PYTHONPATH=path)
        assert done.returncode == code, (program, arguments, done.stdout[-2000:], done.stderr[-2000:])
        assert "Traceback" not in done.stderr, done.stderr[-2000:]
        self.said.append(done.stdout)
        return done.stdout


@pytest.fixture
def reader(tmp_path: Path) -> Reader:
    folder = tmp_path / "empty"
    folder.mkdir()
    return Reader(folder)


def check_scorer(reader: Reader, said: str) -> None:
    assert "1 held" in said
    listed = reader.run("safecase", "plugins")
    assert re.search(r"scorer +brief +sha256:[0-9a-f]+ +my_scorers\.py", listed)


def check_packaged_scorer(reader: Reader, said: str) -> None:
    assert re.search(r"scorer +short +1 +shortness 1\.0", said)


def check_check(reader: Reader, said: str) -> None:
    assert "written in capitals" in said
    assert "block" in said


def check_packaged_check(reader: Reader, said: str) -> None:
    assert said.strip() == "flag"


def check_converter(reader: Reader, said: str) -> None:
    assert "rules~shout" in said
    assert "rules~shout+base64" in said


def check_target(reader: Reader, said: str) -> None:
    assert "1 held" in said


def check_metric(reader: Reader, said: str) -> None:
    assert "At most 10 % of the answers may take more than two seconds: 0 of 60 answers did" in said
    (pack,) = reader.folder.glob("packs/*/*.zip")
    found = json.loads(reader.run("safecase", "verify", str(pack), "--json"))
    assert (found["ok"], found["not_recomputed"]) == (True, [])
    listed = json.loads(reader.run("safecase", "plugins", "--json"))["plugins"]
    origins = {(row["kind"], row["name"]): (row["origin"], row["problem"]) for row in listed}
    assert origins["metric", "slow_answer_rate"] == ("slow-answers 1.0", "")
    assert origins["metric_method", "slow_answer_rate"] == ("slow-answers 1.0", "")
    # A verifier who lacks the package is told what is missing.
    shutil.rmtree(reader.site)
    told = reader.run("safecase", "verify", str(pack), code=1)
    assert "slow_answer_rate" in told


def check_command(reader: Reader, said: str) -> None:
    assert said == "Hello, Ada.\n"
    assert "Greet somebody." in reader.run("safecase", "--help")


CHECKED: dict[str, Callable[[Reader, str], None]] = {
    "scorer": check_scorer,
    "packaged-scorer": check_packaged_scorer,
    "check": check_check,
    "packaged-check": check_packaged_check,
    "converter": check_converter,
    "target": check_target,
    "metric": check_metric,
    "command": check_command,
}


def test_every_recipe_of_the_pages_is_followed_here() -> None:
    assert set(RECIPES) == set(CHECKED)


@pytest.mark.parametrize("name", sorted(CHECKED))
def test_a_recipe_works_as_written_from_an_empty_folder(reader: Reader, name: str) -> None:
    CHECKED[name](reader, reader.follow(name))
