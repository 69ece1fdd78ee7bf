"""The tools of the house: hooks that fetch nothing, a help that lists every target, a log of changes."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import pytest
from ruamel.yaml import YAML

ROOT = Path(__file__).resolve().parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PACKAGE_OF = {"lint-imports": "import-linter"}
"""Tools that are called otherwise than the package they come with."""


def test_every_hook_is_local_and_runs_a_tool_of_the_project() -> None:
    hooks = YAML(typ="safe", pure=True).load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    tools = {re.split(r"[><=;\[ ]", line)[0] for line in PROJECT["optional-dependencies"]["dev"]}
    assert {repository["repo"] for repository in hooks["repos"]} == {"local"}
    found = [hook for repository in hooks["repos"] for hook in repository["hooks"]]
    assert [hook["id"] for hook in found] == ["ruff-check", "ruff-format", "mypy", "lint-imports"]
    for hook in found:
        assert hook["language"] == "system"
        tool = hook["entry"].split()[0].removeprefix(".venv/bin/")
        assert PACKAGE_OF.get(tool, tool) in tools


def test_help_lists_every_target() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    declared = re.search(r"^\.PHONY: (.+)$", text, re.MULTILINE)
    assert declared
    try:
        shown = subprocess.run(
            ["make", "--no-print-directory", "help"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
    except FileNotFoundError:
        pytest.skip("make is not installed")
    told = re.findall(r"^make (\w+) +\S", shown, re.MULTILINE)
    assert told == declared[1].split()


def test_the_log_of_changes_begins_with_what_is_not_released() -> None:
    headings = re.findall(r"^## (.+)$", (ROOT / "CHANGELOG.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert headings[0] == "Unreleased"
    assert headings[1].startswith(f"{PROJECT['version']} (")
