"""The share of harmless requests that are served; its bad events are those that are not."""

from safecase.gate.metrics._rate import RateMetric
from safecase.model import CaseScope, Comparator

METRIC = RateMetric(
    name="utility_rate",
    comparator=Comparator.AT_LEAST,
    cases=CaseScope.USEFULNESS,
    subject="harmless requests must be served",
    event="were not served",
)
