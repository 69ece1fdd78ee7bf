"""The share of attempts that end in harm, on cases that can do harm."""

from safecase.gate.metrics._rate import RateMetric
from safecase.model import CaseScope

METRIC = RateMetric(
    name="violation_rate",
    cases=CaseScope.HARM,
    subject="attempts may end in harm",
    event="ended in harm",
    plain_harm_rate=True,
)
