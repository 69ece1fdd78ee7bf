"""The rooms of the house: one order, told in three places, and the rules that keep a room a room."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Callable, Iterable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import safecase
from safecase.attacks import CONVERTERS, TextConverter
from safecase.base import InputError, KindRegistry, Registry
from safecase.cli._discovery import builtin_commands
from safecase.guard import CHECKS
from safecase.model import METRICS
from safecase.scorers import SCORERS
from safecase.targets import TARGETS
from safecase.text import find_codec
from safecase.text.codecs import _modules as codecs_by_name

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "safecase"
ROOMS = sorted(path.parent.name for path in SOURCE.glob("*/__init__.py"))
FILES = sorted(SOURCE.rglob("*.py"))


def kind_in(table: KindRegistry[Any, Any]) -> Callable[[str], str]:
    """Where the kind of a name is defined."""
    return lambda name: str(table.get(name).build.__module__)


def object_in(table: Registry[Any], package: str) -> Callable[[str], str]:
    """Where an object is defined that its file holds under an agreed name; the file itself brought it."""
    return lambda name: table.get(name) and f"{package}.{name}"


def family(name: str) -> str:
    """A file of converters: where at least one is defined."""
    module = f"safecase.attacks.{name}"
    mine = {item.name for item in vars(import_module(module)).values() if isinstance(item, TextConverter)}
    if not mine & {*CONVERTERS.names()}:
        raise InputError(f"{module} holds no converter")
    return module


def command(name: str) -> str:
    """Where the function is defined that adds a command."""
    if name.replace("_", "-") not in builtin_commands():
        raise InputError(f"there is no command '{name}'")
    return str(import_module(f"safecase.cli.commands.{name}").register.__module__)


def codec(name: str) -> str:
    """Where a codec is found; raises InputError where the file has none."""
    return codecs_by_name()[find_codec(name).name]


KINDS: dict[str, Callable[[str], str]] = {
    "text/codecs": codec,
    "attacks": family,
    "scorers": kind_in(SCORERS),
    "targets": kind_in(TARGETS),
    "guard": kind_in(CHECKS),
    "gate/metrics": object_in(METRICS, "safecase.gate.metrics"),
    "cli/commands": command,
}
"""Rooms of kinds, and what their registries say of a file's name: the module that defines the kind."""
LONGEST_FILE = 500
FULLEST_FOLDER = 20


def mapped() -> list[str]:
    """The rooms as the package's docstring lists them."""
    return re.findall(r"^    ([a-z]+) {2,}\S", safecase.__doc__ or "", re.MULTILINE)


def floors() -> list[list[str]]:
    """The import contract, lowest floor first."""
    contract = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"][0]
    return [
        [name.strip().removeprefix("safecase.") for name in layer.split("|")]
        for layer in reversed(contract["layers"])
    ]


def contributing() -> list[list[str]]:
    """The floors as the contributing page draws them, lowest first."""
    page = (ROOT / "docs" / "contributing.md").read_text()
    drawn = re.search(r"<!-- floors -->\n```text\n(.*?)```", page, re.DOTALL)
    assert drawn is not None
    return [line.split() for line in reversed(drawn[1].splitlines())]


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def is_ours(module: str) -> bool:
    """Whether a module is one of the package's; the verifier beside it is another distribution."""
    return module.partition(".")[0] == "safecase"


def imports(path: Path) -> Iterator[tuple[str, int]]:
    """Every module of the package that a file imports from, with its line."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.module and is_ours(node.module):
            yield node.module, node.lineno
            for name in node.names:
                inner = f"{node.module}.{name.name}"
                if (SOURCE.parent / Path(*inner.split("."))).with_suffix(".py").exists():
                    yield inner, node.lineno
        elif isinstance(node, ast.Import):
            yield from ((name.name, node.lineno) for name in node.names if name.name.startswith("safecase."))


def room_of(module: str) -> str:
    parts = module.split(".")
    return parts[1] if len(parts) > 1 else ""


def test_the_map_the_contract_and_the_contributing_page_agree() -> None:
    assert [room for floor in floors() for room in sorted(floor, key=mapped().index)] == mapped()
    assert [sorted(floor) for floor in contributing()] == [sorted(floor) for floor in floors()]
    assert sorted(mapped()) == ROOMS


def test_the_ten_places_of_the_contributing_page_are_there() -> None:
    page = (ROOT / "docs" / "contributing.md").read_text()
    section = page.split("## Where does it happen?")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (?!what|---)[^|]+\| ([^|]+) \|$", section, re.MULTILINE)
    assert len(rows) == 10
    places = [place for row in rows for place in re.findall(r"`([^`]+)`", row)]
    assert [place for place in places if not any((root / place).exists() for root in (SOURCE, ROOT))] == []


def test_a_room_imports_another_through_its_facade() -> None:
    """Else every module would be public by accident."""
    seams = {f"safecase.{room}" for room in ROOMS} | {
        module_of(path) for path in SOURCE.glob("*/*/__init__.py") if is_facade(path)
    }
    around = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in FILES
        for module, line in imports(path)
        if room_of(module) not in ("", room_of(module_of(path)))
        and module not in seams
        # The facade helper is what facades are made of.
        and module != "safecase.base.facade"
        # The package's own facade lists names of the rooms.
        and path != SOURCE / "__init__.py"
    ]
    assert around == []


def is_facade(path: Path) -> bool:
    return "lazy_exports(__name__)" in path.read_text(encoding="utf-8")


@pytest.mark.parametrize("group", ["bench", "examples"])
def test_private_modules_stay_inside(group: str) -> None:
    """Benchmarks may look inside a room; examples are what a user copies."""
    if group == "bench":
        pytest.skip("benchmarks measure parts that nobody else uses")
    inside = [
        f"{path.relative_to(ROOT)}:{line} imports {module}"
        for path in (ROOT / group).rglob("*.py")
        for module, line in imports(path)
        if any(part.startswith("_") for part in module.split("."))
    ]
    assert inside == []


def exported() -> set[str]:
    """Modules that some facade has names of."""
    facades = [path for path in FILES if path.name == "__init__.py" and is_facade(path)]
    return {module for path in facades for module, _ in imports(path)}


def is_in(path: Path, folders: Iterable[str]) -> bool:
    return any(path.is_relative_to(SOURCE / folder) for folder in folders)


def test_a_module_without_a_public_name_says_so() -> None:
    """A module that no facade exports from begins with ``_``; in rooms of kinds, so does what is no kind."""
    public = exported()
    silent = [
        str(path.relative_to(SOURCE))
        for path in FILES
        if path.name != "__init__.py"
        and path.parent != SOURCE
        and path != SOURCE / "cli" / "main.py"
        and not any(part.startswith("_") for part in path.relative_to(SOURCE).parts)
        and module_of(path) not in public
        and not is_in(path, KINDS)
    ]
    assert silent == []


@pytest.mark.parametrize("room", KINDS)
def test_a_file_in_a_room_of_kinds_is_a_kind_or_begins_with_an_underscore(room: str) -> None:
    """The file's name is the kind's name; what a facade exports may stand there besides."""
    public = exported()
    files = [
        path
        for path in sorted((SOURCE / room).rglob("*.py"))
        if not any(part.startswith("_") for part in path.relative_to(SOURCE).parts)
    ]
    assert files
    odd = []
    for path in files:
        if module_of(path) in public:
            continue
        try:
            found = KINDS[room](path.stem)
        except InputError as error:
            odd.append(f"{path.relative_to(SOURCE)}: {error}")
            continue
        if found != module_of(path):
            odd.append(f"{path.relative_to(SOURCE)}: the kind '{path.stem}' is defined in {found}")
    assert odd == []


def test_folders_and_files_stay_small() -> None:
    full = {
        str(folder.relative_to(SOURCE)): count
        for folder in {path.parent for path in FILES}
        if (count := len([*folder.glob("*.py")])) > FULLEST_FOLDER
    }
    long = {
        str(path.relative_to(SOURCE)): count
        for path in FILES
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > LONGEST_FILE
    }
    assert (full, long) == ({}, {})
