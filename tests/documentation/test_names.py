"""Names and paths on the pages: each leads to something that is there, and users see public names only."""

from __future__ import annotations

import re
from importlib import import_module
from pathlib import Path

import pytest

import safecase
from safecase.attacks import CONVERTERS
from safecase.cli._discovery import ENTRY_POINTS
from safecase.evidence import METHODS
from safecase.guard import CHECKS
from safecase.model import METRICS
from safecase.scorers import SCORERS
from safecase.targets import TARGETS

ROOT = Path(__file__).resolve().parents[2]
SOURCE = Path(safecase.__file__).parent
NOTES = sorted((ROOT / "design").glob("*.md"))
FOR_USERS = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "CHANGELOG.md"])
GROUPS = {
    ENTRY_POINTS,
    *(table.group for table in (SCORERS, CHECKS, TARGETS, CONVERTERS, METRICS, METHODS)),
}
"""Groups of entry points: they look like modules and are none."""
FILES = re.compile(r"safecase\.(?:yaml|lock|schema\.json|zip)$")
"""Files that begin with the program's name."""
DOTTED = re.compile(r"(?<![\w./-])safecase(?:\.[A-Za-z_]\w*)+")
IMPORT = re.compile(r"^\s*from (safecase[\w.]*) import ([\w, ]+)", re.MULTILINE)
PATH = re.compile(r"`((?:\.?[\w-]+/)+(?:[\w-]+(?:\.\w+)*)?)(?:::\w+)?`")
HOUSE = ("src", "tests", "docs", "design", "bench", "examples")
"""Folders of the repository that pages speak of."""
PLACEHOLDER = re.compile(r"/(?:NAME|ROOM)\b")


def page_name(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def names_on(page: Path) -> set[str]:
    """Every dotted name of the package, imported ones with their module."""
    text = page.read_text(encoding="utf-8")
    found = {name for name in DOTTED.findall(text) if not FILES.match(name)} - GROUPS
    for module, listed in IMPORT.findall(text):
        found |= {f"{module}.{name.split()[0]}" for name in listed.split(",") if name.strip()}
    return found


def is_there(name: str) -> bool:
    """Whether a dotted name is a module or something in one."""
    parts = name.split(".")
    for size in range(len(parts), 0, -1):
        module = ".".join(parts[:size])
        try:
            value: object = import_module(module)
        except ModuleNotFoundError as error:
            # A module that is there and lacks a package of its own is not what is looked for.
            if not module.startswith(str(error.name)):
                raise
            continue
        for part in parts[size:]:
            value = getattr(value, part, None)
        return value is not None
    return False


def paths_on(page: Path) -> set[str]:
    """Paths in backticks that begin in a folder of the repository or, where the house is told, in a room."""
    rooms = {path.name for path in SOURCE.iterdir() if path.is_dir()}
    told = page in NOTES or page.name == "contributing.md"
    starts = {*HOUSE, *(rooms if told else ())}
    found = PATH.findall(page.read_text(encoding="utf-8"))
    return {path for path in found if path.split("/")[0] in starts and not PLACEHOLDER.search(path)}


def test_the_pages_speak_of_names_and_paths() -> None:
    pages = [*FOR_USERS, *NOTES]
    assert len(set().union(*map(names_on, pages))) > 30
    assert len(set().union(*map(paths_on, pages))) > 30


@pytest.mark.parametrize("page", [*FOR_USERS, *NOTES], ids=page_name)
def test_every_name_of_the_package_leads_somewhere(page: Path) -> None:
    assert [name for name in sorted(names_on(page)) if not is_there(name)] == []


@pytest.mark.parametrize("page", FOR_USERS, ids=page_name)
def test_users_are_shown_public_names(page: Path) -> None:
    private = [name for name in sorted(names_on(page)) if any(part[0] == "_" for part in name.split("."))]
    assert private == []


@pytest.mark.parametrize("page", [*FOR_USERS, *NOTES], ids=page_name)
def test_every_path_of_the_repository_leads_somewhere(page: Path) -> None:
    lost = [
        path for path in sorted(paths_on(page)) if not (ROOT / path).exists() and not (SOURCE / path).exists()
    ]
    assert lost == []
