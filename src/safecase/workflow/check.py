"""What is wrong in a workspace and what hangs on what: the workspace together with what its runs say."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from safecase.base import Problem, ProblemLevel, SafecaseError, WorkspaceError
from safecase.engine import RunFolder
from safecase.gate import HELD
from safecase.model import Verdict
from safecase.workflow._project import Project
from safecase.workflow.guard.build import guard_problems
from safecase.workspace import Graph, RunFact, build_graph, lint_workspace, load_lenient, write_lock

_RUNS_READ = 20


def run_facts(project: Project) -> list[RunFact]:
    """What the latest runs say, oldest first; a run that does not read is left out."""
    versions = {suite.id: suite.version for suite in project.workspace.suites}
    facts = []
    for path, manifest in project.manifests()[-_RUNS_READ:]:
        try:
            folder = RunFolder.open(path)
            columns, cases = folder.columns(), folder.cases()
        except SafecaseError:
            continue
        tried = np.unique(columns.case_index)
        failed = set(np.unique(columns.case_index[columns.outcome != HELD]).tolist())
        verdicts = [
            Verdict.model_validate_json(file.read_bytes()).kind.value
            for file in sorted(path.glob("verdict-*.json"))
        ]
        suites = {suite.id: suite.version for suite in manifest.suites}
        facts.append(
            RunFact(
                run_id=manifest.run_id,
                suites=suites,
                risks=frozenset(cases[index].risk for index in tried),
                verdict=verdicts[0] if verdicts else "",
                stale=any(versions.get(name) != version for name, version in suites.items()),
                held_everywhere=frozenset(cases[index].id for index in tried if index not in failed),
                cases=frozenset(cases[index].id for index in tried),
                system_version=manifest.system.fingerprint,
            )
        )
    return facts


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
    project = Project.open(path)
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


def project_graph(path: Path, *, with_cases: bool = False) -> Graph:
    """The traceability graph of a workspace and its runs."""
    project = Project.open(path)
    return build_graph(project.workspace, run_facts(project), with_cases=with_cases)
