"""Whole runs of one suite, and how far a rate falls from one to the other, paired by case."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from safecase.engine import RunFolder, SummaryColumns
from safecase.gate import from_interval
from safecase.model import Case, Estimate, RunPurpose
from safecase.stats import paired_difference
from safecase.workflow._display import Display
from safecase.workflow._project import Project
from safecase.workflow.run import RunOptions, execute, prepare


@dataclass(frozen=True)
class PairedRun:
    """A run with what pairing needs: its cases and its outcomes in columns."""

    folder: RunFolder
    cases: Sequence[Case]
    columns: SummaryColumns

    @property
    def run_id(self) -> str:
        """Id of the run."""
        return self.folder.manifest.run_id


def run_whole(
    project: Project, options: RunOptions, display: Display, *, guard: bool, without: tuple[str, ...] = ()
) -> PairedRun:
    """Run every planned attempt: where a gate stops early, there is nothing to pair with."""
    settings = options.settings.model_copy(
        update={"complete": True, "guard": guard, "guard_without": without}
    )
    options = replace(options, settings=settings, purpose=RunPurpose.EXPLORATORY)
    prepared = prepare(project, options, progress=display.update)
    display.begin(prepared)
    folder = execute(prepared)
    return PairedRun(folder, folder.cases(), folder.columns())


def measure_fall(
    first: dict[str, bool], second: dict[str, bool], names: list[str], confidence: float
) -> Estimate | None:
    """How far the rate falls from ``first`` to ``second``; None over no case."""
    if not names:
        return None
    fell = sum(first[name] and not second[name] for name in names)
    rose = sum(second[name] and not first[name] for name in names)
    return from_interval(paired_difference(fell, rose, len(names), confidence), unit="points")
