"""What is wrong in a workspace, read together with what its runs say."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from safecase.base import Problem, ProblemLevel, WorkspaceError
from safecase.workflow._project import Project
from safecase.workflow._run_facts import run_facts
from safecase.workflow.guard.build import guard_problems
from safecase.workflow.pools._findings import pool_findings
from safecase.workflow.pools._state import PoolReport, PoolState
from safecase.workspace import lint_workspace, load_lenient, write_lock


@dataclass(frozen=True)
class WorkspaceCheck:
    """What `safecase check` found."""

    problems: tuple[Problem, ...]
    facts: dict[str, int]
    """How much there is of what."""
    pools: PoolReport
    """How the families stand, and how many tries they carry."""


def check_workspace(path: Path, *, update_lock: bool = False) -> WorkspaceCheck:
    """Every finding of a workspace, how much there is of what, and how its pools stand.

    Raises WorkspaceError where the files do not load: everything else would be guesswork.
    """
    workspace, problems = load_lenient(path)
    errors = [item for item in problems if item.level is ProblemLevel.ERROR]
    if workspace is None or errors:
        raise WorkspaceError(errors or problems)
    if update_lock:
        write_lock(workspace)
    project = Project.of(workspace)
    findings = lint_workspace(project.workspace, run_facts(project), datetime.now(UTC).date())
    every = tuple(case for suite in workspace.suites for case in suite.cases)
    state = PoolState(project, project.history(), every)
    pools = state.report(project.gates())
    found = (*problems, *guard_problems(project), *findings, *pool_findings(state, pools))
    facts = {
        "risks": len(workspace.risks),
        "suites": len(workspace.suites),
        "cases": len(every),
        "families": len({case.family for case in every}),
        "gates": len(workspace.gates),
    }
    return WorkspaceCheck(found, facts, pools)
