"""A measured number with its uncertainty. There is no bare rate anywhere in the product."""

from __future__ import annotations

from pydantic import Field, model_validator

from safecase.base import Record


class Estimate(Record):
    """A value and its interval."""

    value: float
    lower: float
    upper: float
    confidence: float = Field(gt=0, lt=1)
    method: str
    """How the interval was made: ``clopper-pearson``, ``korn-graubard``, ``confidence-sequence``..."""
    n: int = Field(ge=1)
    """Attempts that the estimate rests on."""
    events: float | None = None
    """How many of them were events (violations, refusals), where the estimate is a rate."""
    families: int | None = None
    """Distinct families among the attempts: the independent units."""
    judge_corrected: bool = False
    unit: str = "rate"
    """``rate``, ``ms``, ``usd``, ``points``..."""

    @model_validator(mode="after")
    def _ordered(self) -> Estimate:
        """Refuse an interval with its limits exchanged."""
        if not self.lower <= self.upper:
            raise ValueError("an interval's lower limit must not exceed its upper limit")
        return self
