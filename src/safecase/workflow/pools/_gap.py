"""How far what was worked on has drifted from what nobody saw, run by run (ANT-06)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from safecase.base import SafecaseError
from safecase.engine import RunFolder
from safecase.gate import HELD, VIOLATED
from safecase.records import RunHistory
from safecase.stats import Interval, clopper_pearson
from safecase.workflow._project import Project
from safecase.workflow.pools._sealing import is_sealed

# Older runs say how things were; a check of a long-lived workspace must not read them all each time.
_RUNS_READ = 20


@dataclass(frozen=True)
class PoolRates:
    """What one run showed of families that were open when it began, and of those that were sealed."""

    run_id: str
    open: Interval | None
    sealed: Interval | None


def pool_rates(project: Project, history: RunHistory) -> tuple[PoolRates, ...]:
    """The rates of the line's latest runs, oldest first. A run whose results are sealed says nothing here."""
    line = project.workspace.system.release_line
    found = []
    for place, manifest in project.manifests()[-_RUNS_READ:]:
        if manifest.line != line:
            continue
        try:
            folder = RunFolder.open(place)
            if is_sealed(history, folder):
                continue
            columns, cases = folder.columns(), folder.cases()
        except SafecaseError:
            continue
        shown = frozenset(manifest.open_families)
        was_open = np.fromiter((case.family in shown for case in cases), np.bool_, len(cases))
        decided = (columns.outcome == HELD) | (columns.outcome == VIOLATED)
        of_open = was_open[columns.case_index]
        found.append(
            PoolRates(
                manifest.run_id,
                _rate(columns.outcome[decided & of_open]),
                _rate(columns.outcome[decided & ~of_open]),
            )
        )
    return tuple(found)


def _rate(outcomes: np.ndarray[tuple[int, ...], np.dtype[np.int8]]) -> Interval | None:
    if not len(outcomes):
        return None
    return clopper_pearson(int((outcomes == VIOLATED).sum()), len(outcomes))


def growing_gap(rates: Sequence[PoolRates]) -> tuple[Interval, Interval] | None:
    """The latest rates of the open and of the sealed pool, where they have grown apart beyond chance.

    That is: the sealed pool's interval lies wholly above the open pool's now, and the distance between the
    two is larger than it was when both were first measured. None where that is not so.
    """
    pairs: list[tuple[Interval, Interval]] = []
    latest_open: Interval | None = None
    latest_sealed: Interval | None = None
    for item in rates:
        latest_open, latest_sealed = item.open or latest_open, item.sealed or latest_sealed
        if latest_open is not None and latest_sealed is not None:
            pairs.append((latest_open, latest_sealed))
    if len(pairs) < 2:
        return None
    first, last = pairs[0], pairs[-1]
    apart = last[1].lower > last[0].upper
    growing = last[1].value - last[0].value > first[1].value - first[0].value
    return last if apart and growing else None
