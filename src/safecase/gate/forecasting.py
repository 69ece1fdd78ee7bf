"""What a gate can show with the planned attempts, stated before the first call (MTH-03)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from safecase.base import Record
from safecase.engine import RunPlan
from safecase.gate._proportion_test import FamilyTest, SuiteTest, make_test
from safecase.gate._rates.limits import failure_bound, good_rate, impossible_note
from safecase.gate._tries.error import rule_of_try
from safecase.gate.metrics import metric_of
from safecase.gate.metrics._rate import RateMetric
from safecase.gate.rule_slices import RuleSlice, rule_slices
from safecase.model import Gate, GateRule, RequiredOrder, RuleClass, counted, percent
from safecase.stats import StatisticsError, operating_characteristics


class ChanceAtRate(Record):
    """What would happen at one true rate of bad events."""

    rate: float
    ship: float
    """Probability that the rule is met."""
    block: float
    """Probability that it is proven not to be."""
    calls: float
    """Expected attempts until the decision."""


class CategoryForecast(Record):
    """What one slice of one rule can show."""

    category: str
    planned: int
    families: int
    least_calls: int | None
    """Attempts that ship with no bad event at all; None where no number of them would."""
    chances: tuple[ChanceAtRate, ...] = ()
    chance_good: float | None = None
    """Probability that a system at the rule's ``good`` rate ships; None where no test stops early."""
    warning: str = ""
    """Why the rule can hardly or never be met."""
    remark: str = ""
    """What the chances mean."""


class RuleForecast(Record):
    """What one rule can show."""

    rule: str
    title: str
    metric: str
    rule_class: RuleClass
    population: str
    bound: float | None
    confidence: float
    claim: str = ""
    """What a met rule would say, and what not."""
    categories: tuple[CategoryForecast, ...]
    warning: str = ""


class GateForecast(Record):
    """What a gate can show with a plan."""

    gate: str
    planned: int
    rules: tuple[RuleForecast, ...]
    least_calls: int
    """Attempts that a clean system takes at least, summed over the categories that stop early."""


_SEED = 20240
"""Any number would do; it must only be the same whenever somebody asks."""
_ORDERS, _FEWER_ORDERS, _LARGE = 400, 40, 2000
"""Orders that are simulated: 400 put the chances within 5 points, and where a suite is large, so that its
chances lie near 0 or 1 anyway and each order costs ten times more, a tenth of them is enough."""

_CLAIMS = {
    "suite": "about the planned attempts of this suite, and nothing beyond them",
    "families": "about all cases of the kind that the families were drawn from",
}


def forecast(gate: Gate, plan: RunPlan, try_number: int = 1) -> GateForecast:
    """What each rule of a gate can show with this plan, by category, as the ``try_number``-th try."""
    gate = gate.model_copy(update={"rules": tuple(rule_of_try(rule, try_number) for rule in gate.rules)})
    rules = tuple(_rule(rule, plan) for rule in gate.rules)
    wanted = np.zeros(len(plan), dtype=np.bool_)
    for rule, made in zip(gate.rules, rules, strict=True):
        for category, row in zip(rule_slices(rule, plan), made.categories, strict=True):
            wanted[category.draws[: row.least_calls if row.least_calls is not None else 0]] = True
    return GateForecast(gate=gate.id, planned=len(plan), rules=rules, least_calls=int(wanted.sum()))


def _rule(rule: GateRule, plan: RunPlan) -> RuleForecast:
    """What one rule may come to, slice by slice."""
    found = rule_slices(rule, plan)
    metric = metric_of(rule)
    rows = []
    for category in found:
        row = CategoryForecast(
            category=category.name, planned=len(category.draws), families=category.families, least_calls=None
        )
        bound = failure_bound(rule)
        if isinstance(metric, RateMetric) and bound is not None and len(category.draws):
            row = _rate_row(metric, rule, row, bound, category)
        rows.append(row)
    warning = ""
    if rule.bound is None and rule.margin is None:
        warning = "no bound is set: the rule cannot be met"
    elif not found:
        warning = "no case of this run is about this rule: it cannot be met"
    return RuleForecast(
        rule=rule.id,
        title=rule.title,
        metric=rule.metric,
        rule_class=rule.rule_class,
        population=rule.population,
        bound=rule.bound,
        confidence=rule.confidence,
        claim=_CLAIMS[rule.population],
        categories=tuple(rows),
        warning=warning,
    )


def _rate_row(
    metric: RateMetric, rule: GateRule, row: CategoryForecast, bound: float, category: RuleSlice
) -> CategoryForecast:
    good = good_rate(rule)
    try:
        test = make_test(
            population=rule.population,
            bound=bound,
            good=good,
            size=row.planned,
            confidence=rule.confidence,
            uniform=category.uniform,
            independent=category.independent,
            minimum_n=rule.minimum_n,
        )
    except StatisticsError:
        return row.model_copy(update={"warning": impossible_note(rule, row.planned)})
    rates = sorted({0.0, good, bound / 2, bound, min(2 * bound, 1.0), min(5 * bound, 1.0)})
    if isinstance(test, FamilyTest):
        behaviour = operating_characteristics(test.boundaries, rates)
        chances = tuple(
            ChanceAtRate(
                rate=rate,
                ship=float(behaviour.ship[index]),
                block=float(behaviour.blocked[index]),
                calls=float(behaviour.expected_calls[index]),
            )
            for index, rate in enumerate(rates)
        )
        least = test.boundaries.ship_points
        return row.model_copy(
            update={
                "chances": chances,
                "least_calls": least[0] if least else None,
                "chance_good": _at(chances, good),
                "remark": _remark(rule, chances, bound, good),
            }
        )
    if isinstance(test, SuiteTest):
        point = test.ship_point(0)
        chances = tuple(_suite_chance(test, rate) for rate in rates)
        warning, remark = "", ""
        if test.allowed == 0:
            warning = f"with {counted(row.planned, 'attempt')} this limit allows no bad event at all"
        if metric.order is RequiredOrder.UNIFORM and not category.uniform:
            remark = "where the riskiest cases come first this rule can stop by counting only"
        return row.model_copy(
            update={
                "chances": chances,
                "least_calls": min(point, row.planned),
                "chance_good": _at(chances, round(good * test.size) / test.size),
                "warning": warning,
                "remark": remark,
            }
        )
    return row


def _at(chances: Sequence[ChanceAtRate], rate: float) -> float | None:
    """The chance to ship at one of the rates in the table; None where it has no such row."""
    return next((item.ship for item in chances if abs(item.rate - rate) < 1e-12), None)


def _remark(rule: GateRule, chances: Sequence[ChanceAtRate], bound: float, good: float) -> str:
    """What the odds of a population claim mean for those who set it."""
    chance = _at(chances, good)
    if chance is not None and chance < rule.power - 1e-9:
        return (
            f"a system at the good rate of {percent(good)} would pass with probability {percent(chance, 2)} "
            f"only, and {percent(rule.power)} are asked for: add families"
        )
    between = _at(chances, bound / 2)
    if between is not None and good < bound / 2 and between < rule.power:
        return (
            f"a system at {percent(bound / 2)}, under the limit but worse than good, "
            f"would pass with probability {percent(between, 2)} only"
        )
    return ""


def _suite_chance(test: SuiteTest, rate: float) -> ChanceAtRate:
    """Behaviour on a suite in which ``rate`` of the attempts, rounded, would be bad events; simulated.

    Uniform orders from a fixed seed, so the same plan prints the same numbers.
    """
    bad = round(rate * test.size)
    generator = np.random.default_rng(_SEED)
    events = np.zeros(test.size, dtype=np.bool_)
    events[:bad] = True
    calls, ships, blocks, rounds = 0, 0, 0, _ORDERS if test.size <= _LARGE else _FEWER_ORDERS
    if bad in (0, test.size):
        # Where all events are alike there is one order only.
        rounds = 1
    for _ in range(rounds):
        decision = test.first_decision(generator.permutation(events))
        good = decision.kind == "ship" or (decision.kind == "census" and not decision.exceeded)
        ships += good
        blocks += not good
        calls += decision.n
    return ChanceAtRate(
        rate=bad / test.size, ship=ships / rounds, block=blocks / rounds, calls=calls / rounds
    )
