"""What is there to look at: the runs of a store, what the cases cover, what hangs on what."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from safecase.base import Record
from safecase.engine import RunFolder
from safecase.gate import case_spread
from safecase.workflow._project import Project
from safecase.workflow._run_facts import run_facts
from safecase.workspace import Graph, build_graph


class RunLine(Record):
    """One run of the store, as `safecase show runs` lists it."""

    run_id: str
    target: str
    demo: bool
    state: str
    attempts: int
    outcomes: dict[str, int]
    decided_gates: tuple[str, ...]
    """Gates that have a verdict on it."""


class RiskCoverageRow(Record):
    """How many cases of the workspace are about one risk."""

    risk: str
    severity: str
    cases: int
    families: int
    held_out: int
    benign: int
    languages: tuple[str, ...]
    attacks: tuple[str, ...]


def list_runs(project: Project) -> tuple[RunLine, ...]:
    """The runs of the store, oldest first."""
    lines = []
    for path, manifest in project.manifests():
        status = RunFolder.open(path).status
        lines.append(
            RunLine(
                run_id=manifest.run_id,
                target=manifest.target_name,
                demo=manifest.demo,
                state=status.state.value,
                attempts=status.recorded,
                outcomes=status.outcomes,
                decided_gates=tuple(
                    sorted(file.stem.removeprefix("verdict-") for file in path.glob("verdict-*.json"))
                ),
            )
        )
    return tuple(lines)


def count_coverage(project: Project) -> tuple[RiskCoverageRow, ...]:
    """Each risk of the workspace with what its cases cover, in the order of the files."""
    cases = [case for suite in project.workspace.suites for case in suite.cases]
    rows = []
    for risk in project.workspace.risks:
        spread = case_spread(case for case in cases if case.risk == risk.id)
        rows.append(RiskCoverageRow(risk=risk.id, severity=risk.severity.value, **asdict(spread)))
    return tuple(rows)


def project_graph(path: Path, *, with_cases: bool = False) -> Graph:
    """The traceability graph of a workspace and its runs."""
    project = Project.open(path, look_only=True)
    return build_graph(project.workspace, run_facts(project), with_cases=with_cases)
