"""The commands of the documentation that the tests don't run as they stand, each with its reason.

This is the whole list. What stands here is still resolved: the target exists in the Makefile, the file and
its options exist, and where another command does the same work it is run instead.
"""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Callable
from dataclasses import dataclass

from documentation.blocks import ROOT


@dataclass(frozen=True)
class NotRun:
    """Commands of one form: why they are not run, what is asked of them, what is run in their place."""

    pattern: str
    reason: str
    resolve: Callable[[str], None]
    """Raises AssertionError where the command could not work."""
    instead: Callable[[str], list[str]] = lambda statement: []


def find(statement: str) -> NotRun | None:
    """The entry that a statement falls under; None where it is to be run."""
    return next((entry for entry in ENTRIES if re.match(entry.pattern, statement)), None)


def make_recipe(statement: str) -> list[str]:
    """The lines of the Makefile's target. Raises AssertionError where there is none of that name."""
    target = shlex.split(statement, comments=True)[1]
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    found = re.search(rf"^{re.escape(target)}:.*\n((?:\t.*\n)+)", text, re.MULTILINE)
    assert found is not None, f"the Makefile has no target '{target}'"
    return [line.strip().lstrip("@").replace("$(BIN)/", "") for line in found[1].splitlines()]


def _demo(statement: str) -> list[str]:
    # `init` first, so that the workspace is narrowed before it is run: the demo takes the one that is there.
    return ["safecase init demo-workspace --profile agent", *make_recipe(statement)]


def _resolve_make(statement: str) -> None:
    make_recipe(statement)


def _resolve_pip(statement: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = shlex.split(statement, comments=True)[2:]
    assert wanted, statement
    for requirement in wanted:
        if requirement in ("./verifier", "safecase-verify"):
            assert (ROOT / "verifier" / "pyproject.toml").is_file()
            continue
        found = re.fullmatch(r"(\.|safecase)(?:\[([\w,]+)\])?", requirement)
        assert found is not None, f"{requirement} is not this project"
        for extra in filter(None, (found[2] or "").split(",")):
            assert extra in project["optional-dependencies"], f"there is no extra '{extra}'"


def _resolve_verifier(statement: str) -> None:
    from safecase_verify.command import main

    for option in (word for word in shlex.split(statement, comments=True) if word.startswith("--")):
        assert option in ("--trust", "--public-key", "--require-trust", "--json"), option
    assert callable(main)


def _resolve_bench(statement: str) -> None:
    words = shlex.split(statement, comments=True)
    script = ROOT / next(word for word in words if word.startswith("bench/"))
    assert script.is_file(), f"there is no {script.relative_to(ROOT)}"
    text = script.read_text(encoding="utf-8")
    for option in (word for word in words if word.startswith("--")):
        assert f'"{option}"' in text, f"{script.name} takes no {option}"


ENTRIES = (
    NotRun(r"make demo\b", "sets up an environment from a package index", _resolve_make, _demo),
    NotRun(r"make (test|lint|docs)\b", "would run these tests within these tests", _resolve_make),
    NotRun(r"pip install\b", "needs a package index; the tests run the sources", _resolve_pip),
    NotRun(
        r"safecase-verify\b",
        "a program of another distribution; tests/verifier runs it, and `safecase verify` its code",
        _resolve_verifier,
    ),
    NotRun(r"(\w+=\S+ )?python bench/", "takes minutes; its figures stand on the page", _resolve_bench),
)
