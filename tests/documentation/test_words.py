"""What the documentation tells people to type and to write is what the program takes."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from ruamel.yaml import YAML

from documentation.blocks import PAGES, ROOT, page_name, read_blocks
from safecase.attacks._registry import CONVERTERS
from safecase.cli.main import build_app
from safecase.guard import CHECKS
from safecase.model import METRICS, AttackClass
from safecase.scorers import SCORERS
from safecase.targets._registry import TARGETS
from safecase.workspace import load_workspace

INLINE = re.compile(r"`(safecase [a-z][^`]*)`")
ANYWHERE = {"--help", "-h", "--install-completion", "--show-completion"}


def blocks(page: str) -> list[str]:
    return [block.body for block in read_blocks(ROOT / "docs" / page) if block.language == "yaml"]


def commands(page: Path) -> Iterator[str]:
    for block in read_blocks(page):
        if block.language not in ("", "sh"):
            continue
        for line in block.body.replace("\\\n", " ").splitlines():
            for part in re.split(r"&&|\s#|\|\|| > ", line):
                found = re.match(r"\s*(?:\.venv/bin/)?(safecase .*)", part)
                if found:
                    yield found[1]
    yield from INLINE.findall(page.read_text(encoding="utf-8"))


def resolve(words: list[str]) -> tuple[Any, list[str]]:
    command: Any = typer.main.get_command(with_the_recipe())
    rest = words
    while hasattr(command, "commands") and rest and not rest[0].startswith("-"):
        assert rest[0] in command.commands, f"there is no command '{' '.join(words)}'"
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def with_the_recipe() -> typer.Typer:
    """The program as it is for whoever has followed the recipe for a command of one's own."""
    app = build_app()
    page = (ROOT / "docs" / "commands.md").read_text(encoding="utf-8")
    recipe = re.search(r"^```python\n(.*?)^```", page, re.MULTILINE | re.DOTALL)
    assert recipe is not None
    names: dict[str, Any] = {}
    exec(recipe[1], names)
    names["register"](app)
    return app


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_command_exists_with_its_options(page: Path) -> None:
    for line in commands(page):
        command, rest = resolve(shlex.split(line)[1:])
        options = {name for item in command.params for name in (*item.opts, *item.secondary_opts)}
        for word in rest:
            if re.match(r"^--?[a-z]", word):
                assert word.split("=")[0] in options | ANYWHERE, line


@pytest.mark.parametrize("page", PAGES, ids=page_name)
def test_every_yaml_block_reads(page: Path) -> None:
    for block in read_blocks(page):
        if block.language == "yaml":
            assert YAML(typ="safe", pure=True).load(block.body)


@pytest.mark.parametrize(
    ("page", "names"),
    [
        ("attacks.md", CONVERTERS.names()),
        ("attacks.md", [item.value for item in AttackClass]),
        ("scorers.md", SCORERS.names()),
        ("guard.md", CHECKS.names()),
        ("targets.md", TARGETS.names()),
        ("gates.md", METRICS.names()),
    ],
)
def test_every_name_is_documented(page: str, names: list[str]) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    assert [name for name in names if f"`{name}`" not in text] == []


def test_the_pages_write_a_workspace_that_loads(tmp_path: Path) -> None:
    """The suites of the attacks page and the gate of the gates page, in one workspace."""
    (tmp_path / "safecase.yaml").write_text(
        """
system: {id: documented, title: From the documentation}
risks:
  - {id: system-prompt-leak, title: Leak, harm: privacy_leakage, severity: sev2, likelihood: likely}
targets:
  - {id: demo, kind: demo}
"""
    )
    (tmp_path / "suites.yaml").write_text(blocks("attacks.md")[0])
    (tmp_path / "gates.yaml").write_text(blocks("gates.md")[0].replace("severity:sev1", "severity:sev2"))
    workspace = load_workspace(tmp_path)
    cases = workspace.suites[0].cases
    assert [case.id for case in cases] == ["leak", "leak~base64", "leak~rot13+leetspeak", "leak~role_play"]
    assert {case.family for case in cases} == {"leak"}
    assert workspace.gates[0].rules[0].bound == 0.02


def leaves(command: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    for word, part in getattr(command, "commands", {}).items():
        yield from leaves(part, f"{name} {word}".strip())
    if not hasattr(command, "commands"):
        yield name, command


def test_every_command_that_comes_to_an_end_takes_json() -> None:
    without = [
        name
        for name, command in leaves(typer.main.get_command(build_app()))
        if not any("--json" in option.opts for option in command.params)
    ]
    assert without == ["demo serve"]
