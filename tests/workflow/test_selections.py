"""Cases of the built-in suites are found by what they are about, and coverage counts them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from safecase.model.selector import Selector
from safecase.model.suite import Case
from safecase.workspace import Workspace, load_workspace, select_cases

from .command_line import safecase


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("selections") / "w"
    safecase(made.parent, "init", str(made), "--profile", "agent")
    first_risk = (made / "risks.yaml").read_text().split("  - id: ")[1].split("\n", 1)[1]
    (made / "more.yaml").write_text(f"risks:\n  - id: unseen\n{first_risk}")
    return made


@pytest.fixture(scope="module")
def workspace(folder: Path) -> Workspace:
    return load_workspace(folder)


ABOUT: dict[str, Callable[[Case], bool]] = {
    "taxonomy:owasp-llm*": lambda case: any(item.framework == "owasp-llm" for item in case.taxonomy),
    "capability:cbrn": lambda case: case.capability == "cbrn",
    "capability:persuasion": lambda case: case.capability == "persuasion",
    "capability:deception": lambda case: case.capability == "deception",
    "capability:autonomous_replication": lambda case: case.capability == "autonomous_replication",
    "language:de": lambda case: case.language == "de",
    "modality:image": lambda case: case.modality == "image",
    "suite:jailbreak,held_out:true": lambda case: case.suite == "jailbreak" and case.held_out,
}


def test_cases_are_chosen_by_what_they_are_about(workspace: Workspace) -> None:
    everything = [case for suite in workspace.suites for case in suite.cases]
    for select, holds in ABOUT.items():
        cases = select_cases(workspace, Selector.parse(select))
        assert len(cases) >= 5, select
        assert [case.id for case in cases] == [case.id for case in everything if holds(case)], select


def test_coverage_counts_each_risk_and_names_the_blind_spot(folder: Path, workspace: Workspace) -> None:
    rows = json.loads(safecase(folder, "show", "coverage", "--json"))["coverage"]
    assert len(rows) >= 10
    for row in rows:
        cases = select_cases(workspace, Selector.parse(f"risk:{row['risk']}"))
        assert row["cases"] == len(cases)
        assert row["families"] == len({case.family for case in cases})
        assert row["languages"] == sorted({case.language for case in cases})
        assert row["attacks"] == sorted({case.attack for case in cases if case.attack})
    assert [row["risk"] for row in rows if not row["cases"]] == ["unseen"]
