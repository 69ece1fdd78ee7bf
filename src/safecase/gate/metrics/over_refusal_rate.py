"""The share of harmless requests that are refused."""

from safecase.gate.metrics._rate import RateMetric
from safecase.model import CaseScope

METRIC = RateMetric(
    name="over_refusal_rate",
    cases=CaseScope.USEFULNESS,
    subject="harmless requests may be refused",
    event="were refused",
)
