"""Which risks were tried, with what cases: by a run, or by the cases that a workspace declares."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safecase.engine import RunPlan, SummaryColumns
from safecase.gate.outcomes import ERROR, MISSING, UNDETERMINED, VIOLATED
from safecase.model import Case, Risk, Severity


@dataclass(frozen=True, slots=True)
class CaseSpread:
    """How far some cases reach."""

    cases: int
    families: int
    held_out: int
    """Cases that were held out while the system was tuned."""
    benign: int
    """Cases without an attack."""
    languages: tuple[str, ...]
    attacks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RiskCoverage:
    """How much of one risk a run tried, and what came of it."""

    risk: Risk
    planned: CaseSpread
    tried: CaseSpread
    """The spread of the cases that at least one attempt was made on."""
    attempts: int
    violated: int
    undetermined: int
    errors: int


def case_spread(cases: Iterable[Case]) -> CaseSpread:
    """The spread of ``cases``."""
    found = list(cases)
    return CaseSpread(
        cases=len(found),
        families=len({case.family for case in found}),
        held_out=sum(case.held_out for case in found),
        benign=sum(case.benign for case in found),
        languages=tuple(sorted({case.language for case in found})),
        attacks=tuple(sorted({case.attack.value for case in found if case.attack})),
    )


def tried_cases(plan: RunPlan, by_draw: NDArray[np.int8]) -> tuple[Case, ...]:
    """The cases of a plan that at least one attempt was made on and did not end in an error.

    ``by_draw``: outcome codes, shape (planned,), MISSING where no attempt was made.
    """
    answered = (by_draw != MISSING) & (by_draw != ERROR)
    return tuple(plan.cases[index] for index in np.unique(plan.case_index[answered]))


def untried_risks(risks: Iterable[Risk], tried: Iterable[Case], least: Severity) -> tuple[str, ...]:
    """Ids of the risks as severe as ``least``, or more, that none of the ``tried`` cases is about."""
    seen = {case.risk for case in tried}
    return tuple(risk.id for risk in risks if risk.severity.at_least(least) and risk.id not in seen)


def by_severity(risks: Iterable[Risk]) -> list[Risk]:
    """The risks, the most severe first, those of one severity by name."""
    return sorted(risks, key=lambda risk: (risk.severity.rank, risk.id))


def risk_coverage(
    risks: Iterable[Risk], cases: Sequence[Case], columns: SummaryColumns
) -> tuple[RiskCoverage, ...]:
    """How much of each risk a run with these ``cases`` and ``columns`` tried, the most severe risk first."""
    rows = []
    for risk in by_severity(risks):
        members = np.array([case.risk == risk.id for case in cases], dtype=np.bool_)
        mine = members[columns.case_index]
        outcome = columns.outcome[mine]
        rows.append(
            RiskCoverage(
                risk=risk,
                planned=case_spread(case for case in cases if case.risk == risk.id),
                tried=case_spread(cases[index] for index in np.unique(columns.case_index[mine])),
                attempts=int(mine.sum()),
                violated=int((outcome == VIOLATED).sum()),
                undetermined=int((outcome == UNDETERMINED).sum()),
                errors=int((outcome == ERROR).sum()),
            )
        )
    return tuple(rows)
