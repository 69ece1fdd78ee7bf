"""Two runs, case by case: what got worse, what got better, what cannot be told."""

from __future__ import annotations

from safecase.base import Record
from safecase.gate import RunComparison, compare_runs
from safecase.workflow._ledger import enter_reading
from safecase.workflow._project import Project
from safecase.workflow.pools._sealing import require_opened


class Comparison(Record):
    """The later run against the earlier one, slice by slice."""

    before: str
    """Id of the earlier run."""
    after: str
    rows: tuple[RunComparison, ...]

    @property
    def worse(self) -> tuple[RunComparison, ...]:
        """The slices that got worse beyond chance."""
        return tuple(row for row in self.rows if row.conclusion == "worse")


def compare_recorded(project: Project, before: str, after: str = "") -> Comparison:
    """Pair the cases of two runs; ``after`` is the latest run where it is empty."""
    first, second = project.run_folder(before), project.run_folder(after)
    history = project.history()
    for folder in (first, second):
        require_opened(history, folder, "a comparison")
        enter_reading(project, folder.manifest.run_id, "compare")
    rows = compare_runs((first.cases(), first.columns()), (second.cases(), second.columns()))
    return Comparison(before=first.manifest.run_id, after=second.manifest.run_id, rows=rows)
