"""The earlier run that a rule compares with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from safecase.engine import RunFolder, SummaryColumns
from safecase.gate.outcomes import HELD, VIOLATED
from safecase.model import Case


@dataclass(frozen=True)
class BaselineRun:
    """The cases and outcomes of an earlier run."""

    cases: tuple[Case, ...]
    columns: SummaryColumns

    @classmethod
    def read(cls, folder: RunFolder) -> BaselineRun:
        """The baseline that a run's folder holds."""
        return cls(folder.cases(), folder.columns())

    def rates(self) -> dict[str, float]:
        """Case digest → mean violation over its decided attempts; undecided cases are absent.

        By the digest, because a case that was changed is another one, whatever its name.
        """
        codes, index = self.columns.outcome, self.columns.case_index
        decided = (codes == HELD) | (codes == VIOLATED)
        totals = np.bincount(index[decided], minlength=len(self.cases))
        hits = np.bincount(index[decided & (codes == VIOLATED)], minlength=len(self.cases))
        return {
            case.digest: float(hits[position] / totals[position])
            for position, case in enumerate(self.cases)
            if totals[position]
        }
