"""Design notes stand in their index, have their parts, and name tests and pages that exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "design"
NOTES = sorted(path for path in FOLDER.glob("*.md") if path.name != "README.md")
PARTS = ["Problem", "Decision", "Why", "What must repeat it", "What guards it"]
LINK = re.compile(r"\[[^\]]+\]\(([^)#]+)(?:#[^)]*)?\)")
PLACE = re.compile(r"`(tests/[\w/]+\.py)(?:::(\w+))?`")


def name_of(path: Path) -> str:
    return path.stem


def read_functions(file: Path) -> set[str]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {node.name for node in ast.walk(tree) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))}


def test_the_index_lists_every_note() -> None:
    listed = LINK.findall((FOLDER / "README.md").read_text(encoding="utf-8"))
    assert {path.name for path in NOTES} <= set(listed)


@pytest.mark.parametrize("note", NOTES, ids=name_of)
def test_a_note_has_its_parts_in_order(note: Path) -> None:
    text = note.read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == PARTS
    assert "*Where*" in text


@pytest.mark.parametrize("note", [*NOTES, FOLDER / "README.md"], ids=name_of)
def test_links_lead_somewhere(note: Path) -> None:
    for target in LINK.findall(note.read_text(encoding="utf-8")):
        assert (note.parent / target).exists(), target


@pytest.mark.parametrize("note", NOTES, ids=name_of)
def test_the_tests_that_guard_it_exist(note: Path) -> None:
    guards = note.read_text(encoding="utf-8").split("## What guards it")[1]
    places = PLACE.findall(guards)
    assert len(places) >= 5
    for file, name in places:
        assert (ROOT / file).is_file(), file
        assert not name or name in read_functions(ROOT / file), f"{file} has no {name}"
