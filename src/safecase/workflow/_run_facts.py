"""What the runs of a workspace say about it."""

from __future__ import annotations

import numpy as np

from safecase.base import SafecaseError
from safecase.engine import RunFolder
from safecase.gate import HELD
from safecase.workflow._project import Project
from safecase.workflow.pools._sealing import is_sealed
from safecase.workspace import RunFact

# Older runs are read by name; a check of a long-lived workspace must not read them all each time.
_RUNS_READ = 20


def run_facts(project: Project) -> list[RunFact]:
    """What the latest runs say, oldest first; a run that does not read is left out.

    Of a certification whose results are sealed: what it planned, and the verdict that people heard.
    """
    history = project.history()
    versions = {suite.id: suite.version for suite in project.workspace.suites}
    facts = []
    for path, manifest in project.manifests()[-_RUNS_READ:]:
        try:
            folder = RunFolder.open(path)
            columns, cases = folder.columns(), folder.cases()
            sealed = is_sealed(history, folder)
        except SafecaseError:
            continue
        tried = np.unique(folder.plan.case_index if sealed else columns.case_index)
        shown = tried[:0] if sealed else tried
        failed = set(np.unique(columns.case_index[columns.outcome != HELD]).tolist())
        # From the ledger: a verdict file of the run's folder can be edited by anybody.
        verdicts = {item.gate: item.kind.value for item in history.verdicts if item.run_id == manifest.run_id}
        suites = {suite.id: suite.version for suite in manifest.suites}
        facts.append(
            RunFact(
                run_id=manifest.run_id,
                suites=suites,
                risks=frozenset(cases[index].risk for index in tried),
                verdict=verdicts[min(verdicts)] if verdicts else "",
                stale=any(versions.get(name) != version for name, version in suites.items()),
                held_everywhere=frozenset(cases[index].id for index in shown if index not in failed),
                cases=frozenset(cases[index].id for index in shown),
                system_version=manifest.system.fingerprint,
            )
        )
    return facts
