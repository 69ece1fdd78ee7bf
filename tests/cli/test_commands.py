"""Commands: a file each, found by its name, told in the documentation, built without what others need."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer

from safecase.base import ExitCode
from safecase.cli._console import exit_on_error
from safecase.cli._discovery import PANELS, builtin_commands
from safecase.cli.main import build_app
from support.command_line import MODULE, run_python
from support.packages import write_distribution

ROOT = Path(__file__).resolve().parents[2]
WORKFLOW = ROOT / "src" / "safecase" / "workflow"


def program(*asked: str) -> Any:
    return typer.main.get_command(build_app(asked))


def paths(command: Any, words: str = "safecase") -> Iterator[str]:
    """Every command as people type it, sub-commands in place of their group."""
    if not hasattr(command, "commands"):
        yield words
        return
    if command.invoke_without_command:
        yield words
    for name, below in command.commands.items():
        yield from paths(below, f"{words} {name}")


@pytest.mark.parametrize("name", builtin_commands())
def test_a_file_brings_the_command_that_it_is_named_after(name: str) -> None:
    assert list(program(name).commands) == [name]


def test_the_whole_program_has_each_command_under_a_known_heading() -> None:
    found = program()
    assert sorted(found.commands) == list(builtin_commands())
    assert {item.rich_help_panel for item in found.commands.values()} <= set(PANELS)


def test_every_command_has_its_row_in_the_documentation_and_no_row_is_of_nothing() -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    rows = re.findall(r"^\| `(safecase [^`]+)` \| \S", page, re.MULTILINE)
    assert sorted(rows) == sorted(paths(program()))


def test_use_cases_are_named_like_the_commands() -> None:
    files = {file.stem.replace("_", "-") for file in WORKFLOW.glob("[a-z]*.py")}
    assert files - set(builtin_commands()) == set()
    below = {file.stem for file in (WORKFLOW / "guard").glob("[a-z]*.py")}
    # The guard is built for all of them and by no command.
    assert below - {"build"} <= set(program("guard").commands["guard"].commands)


def test_help_loads_nothing_that_only_the_work_needs() -> None:
    code = (
        "import sys\n"
        "from safecase.cli.main import build_app\n"
        "try:\n    build_app()(['--help'], prog_name='safecase')\n"
        "except SystemExit:\n    pass\n"
        "print(sorted(name for name in sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(re.findall(r"'([\w.]+)'", done.stderr))
    assert "safecase.cli.commands.run" in loaded
    heavy = {"numpy", "scipy", "pydantic", "orjson", "aiohttp", "pyarrow", "jinja2", "cryptography"}
    assert loaded & heavy == set()
    rooms = {name.split(".")[1] for name in loaded if name.startswith("safecase.") and name.count(".") >= 2}
    assert rooms <= {"base", "cli", "records"}


def test_a_command_is_built_without_the_others() -> None:
    assert list(program("verify", "x.zip").commands) == ["verify"]
    # A word that is no command needs all of them: the message says which was meant.
    assert len(program("verfy").commands) == len(builtin_commands())


def outside(folder: Path, points: dict[str, str], source: str) -> dict[str, str]:
    """Environment in which a package with those entry points is installed."""
    (folder / "outside_commands.py").write_text(source)
    write_distribution(folder, "outside-commands", {"safecase.command": points})
    return {"PYTHONPATH": os.pathsep.join([str(folder), os.environ.get("PYTHONPATH", "")])}


def test_a_package_adds_a_command_and_takes_none(tmp_path: Path) -> None:
    page = (ROOT / "docs" / "commands.md").read_text()
    recipe = re.search(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert recipe is not None
    points = {
        "hello": "outside_commands:register",
        "broken": "outside_commands:absent",
        "gate": "outside_commands:take",
    }
    source = recipe[1] + "\n\ndef take(app):\n    raise SystemExit('taken')\n"
    environment = outside(tmp_path, points, source)

    def safecase(*arguments: str) -> subprocess.CompletedProcess[str]:
        return run_python(tmp_path, *MODULE, *arguments, **environment)

    greeted = safecase("hello", "--name", "Ada")
    assert (greeted.returncode, greeted.stdout) == (0, "Hello, Ada.\n")
    told = safecase("--help")
    assert told.returncode == 0
    assert "Greet somebody." in told.stdout
    assert "the command 'broken' of outside-commands does not load" in told.stderr
    own = safecase("gate", "--help")
    assert own.returncode == 0
    assert "Decide on a run" in own.stdout


def test_the_help_and_the_documentation_name_every_exit_code_in_the_same_words() -> None:
    told = " ".join(str(build_app().info.help).split())
    page = (ROOT / "docs" / "exit-codes.md").read_text()
    rows = re.findall(r"^\| (\d+) \| ([^|]+) \| [^|]+ \|$", page, re.MULTILINE)
    assert rows == [(str(code.value), code.meaning) for code in ExitCode]
    for code in ExitCode:
        assert f"{code.value} {code.meaning}" in told


@pytest.mark.parametrize("inside", [True, False], ids=["inside of a command", "before it began"])
def test_an_interrupted_program_says_so_by_its_code(inside: bool, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    app = build_app(["keys"])
    app.command("wait")(interrupt)
    with pytest.raises(SystemExit) as caught:
        exit_on_error((lambda: app(["wait"], prog_name="safecase")) if inside else interrupt, as_json=False)
    assert caught.value.code == ExitCode.INTERRUPTED == 130
    assert "safecase resume" in capsys.readouterr().err
