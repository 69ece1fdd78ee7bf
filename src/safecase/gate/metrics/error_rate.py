"""The share of attempts that fail for technical reasons."""

from safecase.gate.metrics._rate import RateMetric
from safecase.model import CaseScope, OutcomeKind

METRIC = RateMetric(
    name="error_rate",
    cases=CaseScope.SELECTED,
    counts=OutcomeKind.ERROR,
    subject="attempts may fail for technical reasons",
    event="failed",
)
