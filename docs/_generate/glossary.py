"""Writes the glossary: every public type of the vocabulary, in the words of its own docstring.

The types are found by walking ``safecase.model``, so a type that is added, renamed or moved there changes the
page by itself. Run by ``make glossary``.
"""

from __future__ import annotations

import ast
import importlib
import inspect
import pkgutil
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from enum import Enum
from pathlib import Path
from types import ModuleType

from pydantic import BaseModel

PACKAGE = "safecase.model"
PAGE = Path(__file__).resolve().parents[1] / "glossary.md"
INTRODUCTION = """\
# Glossary

The vocabulary of the product, from the types themselves: each word is one type, defined once, in
`safecase.model`. [Concepts](concepts.md) tells the same words as a story; start there.

This page is written by `make glossary` from the docstrings: change them, not it.
"""


def walk_modules() -> Iterator[ModuleType]:
    """The package and every module below it, by name."""
    package = importlib.import_module(PACKAGE)
    yield package
    for found in sorted(pkgutil.walk_packages(package.__path__, f"{PACKAGE}."), key=lambda item: item.name):
        yield importlib.import_module(found.name)


def is_word(found: object) -> bool:
    """Whether a class stands for a thing that people talk about: a record, a list of words, a seam.

    A record without a field is the base of others; errors and registries are machinery.
    """
    if not inspect.isclass(found) or found.__name__.startswith("_"):
        return False
    if issubclass(found, BaseModel):
        return bool(found.model_fields)
    return issubclass(found, Enum) or is_dataclass(found) or bool(getattr(found, "_is_protocol", False))


def list_words(module: ModuleType) -> list[type]:
    """The words that a module defines, in the order in which it does."""
    defined = (item for item in vars(module).values() if getattr(item, "__module__", "") == module.__name__)
    return [item for item in defined if is_word(item) and inspect.getdoc(item)]


def first_paragraph(text: str) -> str:
    """The first paragraph of a docstring, as Markdown, with requirement ids as links."""
    paragraph = " ".join(text.split("\n\n", 1)[0].split())
    plain = re.sub(r"``([^`]+)``", r"`\1`", paragraph)
    return re.sub(r"\b([A-Z]{3}-\d{2})\b", r"[\1](requirements.md)", plain)


def read_notes(module: ModuleType) -> dict[tuple[str, str], str]:
    """(Class, name) → the text that stands under an assignment in the class."""
    notes: dict[tuple[str, str], str] = {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if not isinstance(node, ast.ClassDef):
            continue
        for assigned, following in zip(node.body, node.body[1:], strict=False):
            if (
                isinstance(assigned, ast.Assign)
                and isinstance(assigned.targets[0], ast.Name)
                and isinstance(following, ast.Expr)
                and isinstance(following.value, ast.Constant)
                and isinstance(following.value.value, str)
            ):
                notes[node.name, assigned.targets[0].id] = inspect.cleandoc(following.value.value)
    return notes


def render_members(word: type[Enum], notes: dict[tuple[str, str], str]) -> Iterator[str]:
    """The values of a list of words: on one line, or one a line where any of them is explained."""
    shown = {
        member.name: f"`{member.value}`"
        if isinstance(member.value, str)
        else f"`{member.name}` ({member.value})"
        for member in word
    }
    told = {name: notes[word.__name__, name] for name in shown if (word.__name__, name) in notes}
    if not told:
        yield f"One of {', '.join(shown.values())}."
        return
    for name, value in shown.items():
        yield f"- {value}: {first_paragraph(told[name])}" if name in told else f"- {value}"


def render_module(module: ModuleType) -> Iterator[str]:
    """The section of a module; nothing where it defines no word."""
    words = list_words(module)
    if not words:
        return
    name = module.__name__.removeprefix(PACKAGE).strip("._") or PACKAGE
    title = name.rpartition(".")[2].strip("_").replace("_", " ").capitalize()
    yield f"\n## {title}\n"
    yield first_paragraph(inspect.getdoc(module) or title)
    notes = read_notes(module)
    for word in words:
        yield f"\n### {word.__name__}\n"
        yield first_paragraph(inspect.getdoc(word) or "")
        if issubclass(word, Enum):
            yield ""
            yield from render_members(word, notes)


def render_glossary() -> str:
    """The whole page."""
    lines = [line for module in walk_modules() for line in render_module(module)]
    return INTRODUCTION + "\n".join(lines) + "\n"


if __name__ == "__main__":
    PAGE.write_text(render_glossary(), encoding="utf-8")
