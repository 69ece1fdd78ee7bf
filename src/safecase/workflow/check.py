"""What is wrong in a workspace, read together with what its runs say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from safecase.base import Problem, ProblemLevel, WorkspaceError
from safecase.workflow._project import Project
from safecase.workflow._run_facts import run_facts
from safecase.workflow.guard.build import guard_problems
from safecase.workspace import lint_workspace, load_lenient, write_lock


def check_workspace(path: Path, *, update_lock: bool = False) -> tuple[tuple[Problem, ...], dict[str, int]]:
    """Every finding of a workspace, and how much there is of what.

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
    found = (*problems, *guard_problems(project), *findings)
    cases = [case for suite in workspace.suites for case in suite.cases]
    facts = {
        "risks": len(workspace.risks),
        "suites": len(workspace.suites),
        "cases": len(cases),
        "families": len({case.family for case in cases}),
        "gates": len(workspace.gates),
    }
    return found, facts
