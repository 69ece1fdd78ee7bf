"""Writes the API page: every public name of every room, in the words of its own docstring.

The names are those that the rooms' facades list; nothing else is public. Run by ``make api``.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

import safecase

PAGE = Path(__file__).resolve().parents[1] / "api.md"
SOURCE = Path(safecase.__file__).parent
INTRODUCTION = """\
# Python API

Every public name, by room. What is not listed here is private and may change. Import from the room, never
from a module in it: `from safecase.gate import evaluate_gate`. A room loads a module when one of its names is
first used.

This page is written by `make api` from the docstrings: change them, not it.
"""


def find_facades() -> list[str]:
    """The package itself, the rooms in the order of the map, then the rooms inside of rooms."""
    rooms = re.findall(r"^    ([a-z]+) {2,}\S", safecase.__doc__ or "", re.MULTILINE)
    listed = {
        ".".join(path.parent.relative_to(SOURCE.parent).parts)
        for path in SOURCE.rglob("__init__.py")
        if "lazy_exports(__name__)" in path.read_text(encoding="utf-8")
    }

    def place(name: str) -> tuple[int, str]:
        _, *parts = name.split(".")
        return (rooms.index(parts[0]) if parts and parts[0] in rooms else -1, name)

    return sorted(listed, key=place)


def first_paragraph(text: str) -> str:
    """The first paragraph of a docstring, on one line, fit for a table."""
    paragraph = " ".join(text.split("\n\n", 1)[0].split())
    return re.sub(r"``([^`]+)``", r"`\1`", paragraph).replace("|", "\\|")


def read_note(module: str, name: str) -> str:
    """The text under the assignment of ``name`` in its module; empty where there is none."""
    tree = ast.parse(inspect.getsource(importlib.import_module(module)))
    for assigned, following in zip(tree.body, tree.body[1:], strict=False):
        targets = (
            assigned.targets if isinstance(assigned, ast.Assign) else [getattr(assigned, "target", None)]
        )
        named = [target.id for target in targets if isinstance(target, ast.Name)]
        if name in named and isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            return str(following.value.value)
    return ""


def read_origins(facade: str) -> dict[str, str]:
    """Public name → the module that defines it."""
    source = SOURCE.parent.joinpath(*facade.split("."), "__init__.py").read_text(encoding="utf-8")
    return {
        alias.asname or alias.name: node.module
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }


def describe(name: str, value: object, module: str) -> str:
    """One row of a table."""
    if inspect.isclass(value) or inspect.isroutine(value):
        text = inspect.getdoc(value) or ""
    else:
        text = read_note(module, name)
    kind = "class" if inspect.isclass(value) else "function" if inspect.isroutine(value) else "value"
    return f"| `{name}` | {kind} | {first_paragraph(text)} |"


def render_facade(name: str) -> Iterator[str]:
    """The section of a room."""
    facade = importlib.import_module(name)
    origins = read_origins(name)
    yield f"\n## {name}\n"
    yield first_paragraph(inspect.getdoc(facade) or "")
    yield "\n| name | kind | what |\n|---|---|---|"
    for item in facade.__all__:
        yield describe(item, getattr(facade, item), origins[item])


def render_page() -> str:
    """The whole page."""
    return INTRODUCTION + "\n".join(line for name in find_facades() for line in render_facade(name)) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render_page(), encoding="utf-8")
