"""The share of attempts of which the scorers could not tell what they show."""

from safecase.gate.metrics._rate import RateMetric
from safecase.model import CaseScope, OutcomeKind

METRIC = RateMetric(
    name="undetermined_rate",
    cases=CaseScope.SELECTED,
    counts=OutcomeKind.UNDETERMINED,
    subject="attempts may stay undecided",
    event="stayed undecided",
)
