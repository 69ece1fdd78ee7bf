"""The table of requirements says what is so: commands parse, tests exist, cited ids have a row."""

from __future__ import annotations

import ast
import csv
import importlib
import re
import shlex
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import typer

from safecase.cli.main import build_app

ROOT = Path(__file__).resolve().parents[2]
TABLE = ROOT / "docs" / "requirements.tsv"
PAGE = ROOT / "docs" / "requirements.md"
COLUMNS = ["id", "state", "command", "test"]
STATES = {"works", "partial", "absent"}
ID = re.compile(r"\b[A-Z]{3}-\d{2}\b")
OTHER_NAMES = {"CRC-32", "UTF-16"}
"""What looks like an id and is the name of something else."""


def rows() -> list[dict[str, str]]:
    with TABLE.open(encoding="utf-8", newline="") as stream:
        reader = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
        assert reader.fieldnames == COLUMNS
        return list(reader)


def identify(row: dict[str, str]) -> str:
    return row["id"]


def split_commands(text: str) -> list[str]:
    return [part for part in (part.strip() for part in text.split("&&")) if part]


def resolve(words: list[str]) -> tuple[Any, list[str]]:
    """The command of the real program, and the words behind its name."""
    command: Any = typer.main.get_command(build_app())
    rest = words
    while hasattr(command, "commands"):
        assert rest, f"'safecase {' '.join(words)}' names a group and no command"
        assert rest[0] in command.commands, f"there is no command 'safecase {' '.join(words)}'"
        command, rest = command.commands[rest[0]], rest[1:]
    return command, rest


def find_call(name: str) -> object:
    """What a dotted name stands for; raises AssertionError where nothing does."""
    module, _, attribute = name.rpartition(".")
    found = getattr(importlib.import_module(module), attribute, None)
    assert callable(found), f"{name} is nothing that can be called"
    return found


@lru_cache(maxsize=1)
def documentation() -> str:
    return "\n".join(page.read_text(encoding="utf-8") for page in sorted((ROOT / "docs").rglob("*.md")))


@lru_cache(maxsize=256)
def read_test_names(file: str) -> frozenset[str]:
    """Names of the test functions in a file, read and not run."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(
        node.name
        for node in ast.walk(tree)
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name.startswith("test_")
    )


def test_ids_are_unique_well_formed_and_in_the_order_of_the_page() -> None:
    ids = [row["id"] for row in rows()]
    assert len(ids) == len(set(ids))
    assert not [name for name in ids if not ID.fullmatch(name)]
    told = re.findall(rf"^\| ({ID.pattern}) \| \S", PAGE.read_text(encoding="utf-8"), re.MULTILINE)
    assert told == ids


def test_states_are_known_and_only_what_is_shown_works() -> None:
    for row in rows():
        name, state = row["id"], row["state"]
        assert state in STATES, name
        if state == "absent":
            assert row["command"] + row["test"] == "", f"{name} is absent and has a command or a test"
        else:
            assert row["command"], f"{name} is {state} without a command"
        if state == "works":
            assert row["test"], f"{name} works, and no test shows it"


@pytest.mark.parametrize("row", [row for row in rows() if row["command"]], ids=identify)
def test_every_command_parses_against_the_program(row: dict[str, str]) -> None:
    for text in split_commands(row["command"]):
        if not text.startswith("safecase "):
            find_call(text)
            assert re.search(rf"\b{text.rpartition('.')[2]}\b", documentation()), f"{text} is not documented"
            continue
        command, rest = resolve(shlex.split(text)[1:])
        with command.make_context(command.name, list(rest), resilient_parsing=False):
            pass


@pytest.mark.parametrize("row", [row for row in rows() if row["test"]], ids=identify)
def test_every_test_exists(row: dict[str, str]) -> None:
    for place in row["test"].split("; "):
        file, separator, name = place.partition("::")
        assert (ROOT / file).is_file(), f"there is no {file}"
        assert not separator or name in read_test_names(file), f"{file} has no {name}"


def docstrings(tree: ast.AST) -> Iterator[str]:
    """Every text that stands by itself in a module: docstrings, and the notes under fields and constants."""
    for node in ast.walk(tree):
        if not isinstance(node, ast.Expr) or not isinstance(node.value, ast.Constant):
            continue
        if isinstance(node.value.value, str):
            yield node.value.value


def test_every_requirement_that_the_code_cites_has_a_row() -> None:
    known = {row["id"] for row in rows()} | OTHER_NAMES
    lost = []
    for file in sorted((ROOT / "src").rglob("*.py")):
        text = file.read_text(encoding="utf-8")
        if ID.search(text):
            cited = {name for note in docstrings(ast.parse(text)) for name in ID.findall(note)}
            # Findings name theirs as plain strings.
            cited |= set(re.findall(rf'"({ID.pattern})"', text))
            lost += [f"{file.relative_to(ROOT)}: {name}" for name in sorted(cited - known)]
    assert not lost
