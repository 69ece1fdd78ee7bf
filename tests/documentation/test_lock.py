"""What was tested is what is installed: every dependency stands in the lock, within its bounds."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "constraints.txt"
TESTED = ("dev", "docs")
"""Extras that `make` installs; what only other extras need is not locked, because it was not tested."""


def read_lock() -> dict[str, Version]:
    lines = [
        line for line in LOCK.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")
    ]
    found: dict[str, Version] = {}
    for line in lines:
        match = re.fullmatch(r"([A-Za-z0-9._-]+)==([A-Za-z0-9.+!]+)", line)
        assert match, f"'{line}' is not name==version"
        name = canonicalize_name(match[1])
        assert name not in found, f"{name} stands twice"
        found[name] = Version(match[2])
    return found


def read_requirements() -> list[Requirement]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = project["optional-dependencies"]
    verifier = tomllib.loads((ROOT / "verifier" / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    # The verifier itself comes from the checkout, with the version that a test holds equal.
    named = [line for line in project["dependencies"] if not line.startswith(verifier["name"])]
    tested = (line for name in TESTED for line in extras[name])
    return [Requirement(line) for line in (*named, *tested, *verifier["dependencies"])]


@pytest.mark.parametrize("requirement", read_requirements(), ids=lambda item: item.name)
def test_every_dependency_stands_in_the_lock_within_its_bounds(requirement: Requirement) -> None:
    locked = read_lock()
    name = canonicalize_name(requirement.name)
    if requirement.marker is not None and not requirement.marker.evaluate():
        pytest.skip("not installed on this platform")
    assert name in locked, f"{name} is not in the lock: run `make lock`"
    assert requirement.specifier.contains(locked[name]), f"{locked[name]} is outside of {requirement}"


def test_the_lock_names_neither_the_product_nor_a_place() -> None:
    text = LOCK.read_text(encoding="utf-8")
    assert "safecase" not in read_lock()
    assert "://" not in text
    assert "--hash" not in text


def test_make_installs_by_the_lock() -> None:
    make = (ROOT / "Makefile").read_text(encoding="utf-8")
    installs = [line for line in make.splitlines() if "pip install" in line and "[dev,docs]" in line]
    assert any("-c constraints.txt" in line for line in installs)
