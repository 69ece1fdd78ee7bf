"""Outcomes of attempts as codes, so that a million of them fit into an array."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from safecase.engine import RunPlan, SummaryColumns

HELD, VIOLATED, UNDETERMINED, ERROR, MISSING = 0, 1, 2, 3, -1
"""Outcome codes; the first four are the places in `safecase.engine.OUTCOME_CODES`."""


def outcomes_by_draw(plan: RunPlan, columns: SummaryColumns) -> NDArray[np.int8]:
    """Outcome codes by draw, shape (planned,), MISSING where a draw was not made."""
    codes = np.full(len(plan), MISSING, dtype=np.int8)
    codes[columns.draw] = columns.outcome
    return codes


def made_prefix(draws: NDArray[np.int64], by_draw: NDArray[np.int8]) -> NDArray[np.int8]:
    """Outcome codes of ``draws`` up to the first that was not made: nothing behind a gap may decide.

    What came back later must not decide before what came earlier, because slow answers are other answers.
    """
    codes = by_draw[draws]
    gaps = np.flatnonzero(codes == MISSING)
    return codes[: int(gaps[0])] if len(gaps) else codes
