"""Two runs side by side, paired by case: what got worse, what got better, what cannot be told."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from safecase.base import InsufficientEvidenceError, Record
from safecase.engine import SummaryColumns
from safecase.gate.estimates import from_interval
from safecase.gate.outcomes import HELD, VIOLATED
from safecase.model import Case, Estimate, Purpose
from safecase.stats import holm, mcnemar_exact, paired_difference


class RunComparison(Record):
    """One slice of two runs, paired by case."""

    slice: str
    cases: int
    before: float
    """Share of the paired cases that were violated in the earlier run."""
    after: float
    change: Estimate
    newly_violated: tuple[str, ...]
    mended: tuple[str, ...]
    p_value: float
    adjusted_p_value: float
    conclusion: str
    """``worse``, ``better`` or ``no difference shown``."""


def majority_violated(cases: Sequence[Case], columns: SummaryColumns) -> dict[str, bool]:
    """Case id → whether most of its decided attempts were violated; undecided cases are absent."""
    decided = (columns.outcome == HELD) | (columns.outcome == VIOLATED)
    totals = np.bincount(columns.case_index[decided], minlength=len(cases))
    hits = np.bincount(columns.case_index[decided & (columns.outcome == VIOLATED)], minlength=len(cases))
    return {
        case.id: bool(2 * hits[i] >= totals[i] and hits[i] > 0) for i, case in enumerate(cases) if totals[i]
    }


def compare_runs(
    before: tuple[Sequence[Case], SummaryColumns],
    after: tuple[Sequence[Case], SummaryColumns],
    *,
    confidence: float = 0.95,
) -> tuple[RunComparison, ...]:
    """Compare by risk, harm and usefulness apart; conclusions hold together (Holm over the slices).

    Raises InsufficientEvidenceError where no case was decided in both runs.
    """
    earlier, later = majority_violated(*before), majority_violated(*after)
    by_id = {case.id: case for case in after[0]}
    shared = [name for name in later if name in earlier]
    if not shared:
        raise InsufficientEvidenceError(
            "the two runs share no decided case, so they cannot be compared",
            hint="run the same suites against both versions",
        )
    slices: dict[str, list[str]] = {"all harms": [], "usefulness": []}
    for name in shared:
        case = by_id[name]
        useful = case.purpose is Purpose.USE
        slices["usefulness" if useful else "all harms"].append(name)
        if not useful:
            slices.setdefault(f"risk {case.risk}", []).append(name)
    filled = {key: names for key, names in slices.items() if names}
    p_values = []
    for names in filled.values():
        worse = sum(later[name] and not earlier[name] for name in names)
        better = sum(earlier[name] and not later[name] for name in names)
        p_values.append(mcnemar_exact(worse, better))
    adjusted = holm(p_values, 1 - confidence).adjusted
    rows = []
    for index, (key, names) in enumerate(filled.items()):
        worse_names = [name for name in names if later[name] and not earlier[name]]
        better_names = [name for name in names if earlier[name] and not later[name]]
        interval = paired_difference(len(worse_names), len(better_names), len(names), confidence)
        change = from_interval(interval, unit="points")
        if change is None:
            continue
        corrected = float(adjusted[index]) if adjusted is not None else 1.0
        conclusion = "no difference shown"
        if corrected <= 1 - confidence:
            conclusion = "worse" if len(worse_names) > len(better_names) else "better"
        rows.append(
            RunComparison(
                slice=key,
                cases=len(names),
                before=sum(earlier[name] for name in names) / len(names),
                after=sum(later[name] for name in names) / len(names),
                change=change,
                newly_violated=tuple(sorted(worse_names)),
                mended=tuple(sorted(better_names)),
                p_value=float(p_values[index]),
                adjusted_p_value=corrected,
                conclusion=conclusion,
            )
        )
    return tuple(rows)
