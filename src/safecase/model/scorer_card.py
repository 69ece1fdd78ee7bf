"""How good a scorer is, measured on labelled data (EVL-06..13, MTH-09)."""

from __future__ import annotations

from datetime import date

from safecase.base import Identifier, JsonValue, Record
from safecase.model.estimate import Estimate


class ScorerPerformance(Record):
    """Confusion counts of a scorer on one slice of labelled data; ``violated`` is the positive class."""

    category: str
    """``all`` or a slice such as ``model:gpt-4`` or ``category:violence``."""
    true_positives: int
    false_positives: int
    true_negatives: int
    false_negatives: int
    undetermined: int = 0
    sensitivity: Estimate | None = None
    """None where the slice holds no positive: an empty denominator is not a number."""
    specificity: Estimate | None = None
    precision: Estimate | None = None
    false_omission: Estimate | None = None
    cohen_kappa: float | None = None
    krippendorff_alpha: float | None = None


class ScorerCard(Record):
    """The measured quality of one version of one scorer on named labelled data."""

    scorer: Identifier
    scorer_version: str
    parameters: dict[str, JsonValue] = {}
    labels: str
    """What data: file name, digest, licence."""
    labels_digest: str
    label_meaning: str = ""
    measured: date
    tuned_on: tuple[str, ...] = ()
    """Data that the scorer was tuned on; performance on it proves nothing."""
    held_out: bool = False
    """True where the data had no part in tuning the scorer."""
    performance: tuple[ScorerPerformance, ...] = ()
    human_agreement: float | None = None
    """Krippendorff's alpha between the human raters, where there were several."""
    notes: tuple[str, ...] = ()

    def overall(self) -> ScorerPerformance | None:
        """The slice over all labelled data, or None where the card has none."""
        return next((item for item in self.performance if item.category == "all"), None)
