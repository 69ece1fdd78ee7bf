"""Random gates and runs: rules of every metric, cases, outcomes and scorer cards out of one generator."""

from __future__ import annotations

import random
from typing import Any

import numpy as np

from safecase.engine import RunPlan, SummaryColumns
from safecase.gate import ERROR, HELD, UNDETERMINED, VIOLATED
from safecase.gate.metrics._rate import RateMetric
from safecase.model import (
    METRICS,
    Case,
    Comparator,
    GateRule,
    HarmClass,
    LimitRange,
    ScorerCard,
    ScorerPerformance,
    Severity,
)
from support.cases import case
from support.moments import TODAY
from support.runs import columns_of

RATES = tuple(name for name in METRICS.names() if isinstance(METRICS.get(name), RateMetric))


def shares(generator: random.Random) -> float:
    """Limits as people set them, and some that nobody would."""
    return generator.choice((0.0, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 0.9, 1.0, generator.random()))


def random_rule(number: int, metric: str, generator: random.Random) -> GateRule:
    """A rule on ``metric`` with every field somewhere in its range, odd values more often than in life."""
    declared = METRICS.get(metric)
    at_least = declared.comparator is Comparator.AT_LEAST
    bound: float | None = shares(generator)
    if declared.unit == "ms":
        bound = generator.choice((0.0, 80.0, 150.0, 1e9))
    elif declared.limits is LimitRange.QUANTITY:
        bound = generator.choice((0.0, 0.5, 1.0, 2.0))
    elif declared.limits is LimitRange.INSIDE:
        bound = min(max(bound or 0.0, 1e-3), 0.999)
    fields: dict[str, Any] = {
        "id": f"rule-{number}",
        "metric": metric,
        "comparator": ">=" if at_least else "<=",
        "bound": 1 - bound if at_least and bound is not None else bound,
        "confidence": generator.choice((0.8, 0.9, 0.95, 0.99)),
        "population": generator.choice(("suite", "suite", "families")),
        "per": generator.choice(("none", "none", "none", "risk", "language", "severity", "group", "attack")),
        "minimum_n": generator.choice((1, 1, 1, 5, 30, 200)),
        "error_budget": generator.choice((0.0, 0.02, 0.3, 1.0)),
        "undetermined_budget": generator.choice((0.0, 0.05, 0.3, 1.0)),
        "class": generator.choice(("floor", "bounded", "advisory")),
        "select": generator.choice(("", "", "risk:risk-1", "severity:sev1", "suite:nothing")),
        "requires_calibrated_scorers": generator.random() < 0.2,
    }
    if generator.random() < 0.15:
        fields["maximum_n"] = generator.choice((1, 10, 50))
    if generator.random() < 0.3 and fields["bound"] is not None:
        edge = fields["bound"]
        good = edge + (1 - edge) * generator.random() if at_least else edge * generator.random()
        if good != edge:
            fields["good"] = good
    if declared.needs_tries:
        fields["k"] = generator.choice((1, 2, 3))
    if declared.needs_baseline and generator.random() < 0.5:
        fields["margin"] = fields.pop("bound")
    if metric in RATES and generator.random() < 0.2:
        method = generator.choice(("rogan_gladen", "planted_recall", "two_phase", "two_phase"))
        fields["judge_correction"] = {"method": method}
        if method == "two_phase":
            fields["judge_correction"]["labels"] = generator.choice(("a.csv", "absent.csv"))
    if generator.random() < 0.05:
        fields["bound"] = fields["margin"] = fields["good"] = None
    return GateRule.model_validate(fields)


def random_cases(generator: random.Random) -> list[Case]:
    """Up to 250 cases of few and of many families, risks, languages and groups."""
    size = generator.choice((1, 2, 7, 30, 90, 250))
    families = generator.choice((1, 5, max(size // 2, 1), 20 * size))
    return [
        case(
            f"case-{number}",
            family=f"family-{generator.randrange(families)}",
            risk=f"risk-{generator.randrange(4)}",
            severity=list(Severity)[generator.randrange(4)],
            language=generator.choice(("de", "en")),
            group=generator.choice(("", "a", "b", "c")),
            held_out=generator.random() < 0.3,
            **({"harm": HarmClass.OVER_REFUSAL, "attack": None} if generator.random() < 0.3 else {}),
        )
        for number in range(size)
    ]


def random_columns(plan: RunPlan, generator: random.Random) -> SummaryColumns:
    """Outcomes at many rates, with gaps, with an end before the end, with and without prices."""
    rates = generator.choice(
        ((0, 0, 0), (0.01, 0, 0), (0.05, 0.01, 0.02), (0.3, 0.1, 0.1), (0, 1, 0), (1, 0, 0))
    )
    weights = (1 - sum(rates), rates[0], rates[2], rates[1])
    planned = len(plan)
    end = generator.choice((planned, planned, planned, planned // 2, max(planned - 1, 1)))
    gap = generator.choice((0.0, 0.0, 0.05))
    made = [draw for draw in range(end) if generator.random() >= gap] or [0]
    n = len(made)
    codes = generator.choices((HELD, VIOLATED, UNDETERMINED, ERROR), weights, k=n)
    costs = np.array([generator.random() * 2 for _ in range(n)])
    if generator.random() < 0.3:
        costs[generator.randrange(n)] = np.nan
    return columns_of(
        plan,
        codes,
        made,
        latency_ms=np.array([generator.choice((50.0, 100.0, generator.random() * 300)) for _ in range(n)]),
        cost_usd=costs,
        cached=np.array([generator.random() < 0.1 for _ in range(n)], dtype=np.bool_),
    )


def random_card(generator: random.Random) -> ScorerCard:
    """The card of the scorer "refusal", with few and with many labels."""
    counts = [generator.choice((0, 1, 10, 90, 300)) for _ in range(4)]
    performance = ScorerPerformance(
        category="all", true_positives=counts[0], false_positives=counts[1], true_negatives=counts[2],
        false_negatives=counts[3],
    )  # fmt: skip
    return ScorerCard(
        scorer="refusal", scorer_version="1", labels="labels.csv", labels_digest="sha256:0", measured=TODAY,
        performance=(performance,),
    )  # fmt: skip
