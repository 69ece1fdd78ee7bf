"""What is there to look at: the runs of a store, what the cases cover, what hangs on what."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from safecase.base import Record
from safecase.engine import RunFolder
from safecase.gate import case_spread
from safecase.model import Attempt, RunPurpose
from safecase.workflow._ledger import enter_reading
from safecase.workflow._project import Project
from safecase.workflow._run_facts import run_facts
from safecase.workflow.pools._sealing import is_sealed, require_opened, seal_status
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
    purpose: RunPurpose
    try_number: int
    sealed: bool
    """Its results are sealed: attempts and outcomes are not told."""


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
    history = project.history()
    for run in project.runs(history):
        manifest, status, sealed = run.manifest, run.status, False
        if manifest.purpose is RunPurpose.CERTIFICATION and is_sealed(history, RunFolder.open(run.place)):
            status, sealed = seal_status(manifest, status)
        lines.append(
            RunLine(
                run_id=manifest.run_id,
                target=manifest.target_name,
                demo=manifest.demo,
                state=status.state.value,
                attempts=status.recorded,
                outcomes=status.outcomes,
                decided_gates=run.decided_gates,
                purpose=manifest.purpose,
                try_number=manifest.try_number,
                sealed=sealed,
            )
        )
    return tuple(lines)


def find_attempt(project: Project, run_id: str, attempt_id: str) -> Attempt:
    """One attempt of a run. Raises InputError where there is none, and where its run's results are sealed."""
    folder = project.run_folder(run_id)
    require_opened(project.history(), folder, "the attempt")
    found = folder.attempt(attempt_id)
    enter_reading(project, folder.manifest.run_id, "show")
    return found


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
    project = Project.open(path)
    return build_graph(project.workspace, run_facts(project), with_cases=with_cases)
