"""What a gate can show with the planned attempts, stated before the first call (MTH-03)."""

from __future__ import annotations

import numpy as np

from safecase.engine.plan import DrawOrder, RunPlan
from safecase.gate.binary_test import FamilyTest, SuiteTest, families_needed, make_test
from safecase.gate.populations import categories
from safecase.gate.rates import RATE_METRICS, failure_bound, good_rate
from safecase.model.base import Frozen
from safecase.model.gate import Gate, GateRule
from safecase.model.vocabulary import RuleClass
from safecase.stats.design import operating_characteristics
from safecase.stats.errors import StatisticsError


class ChanceAtRate(Frozen):
    """What would happen at one true rate of bad events."""

    rate: float
    ship: float
    """Probability that the rule is met."""
    block: float
    """Probability that it is proven not to be."""
    calls: float
    """Expected attempts until the decision."""


class CategoryForecast(Frozen):
    """What one category of one rule can show."""

    category: str
    planned: int
    families: int
    least_calls: int | None
    """Attempts that ship with no bad event at all; None where no number of them would."""
    chances: tuple[ChanceAtRate, ...] = ()
    warning: str = ""


class RuleForecast(Frozen):
    """What one rule can show."""

    rule: str
    title: str
    metric: str
    rule_class: RuleClass
    population: str
    bound: float | None
    confidence: float
    categories: tuple[CategoryForecast, ...]
    warning: str = ""


class GateForecast(Frozen):
    """What a gate can show with a plan."""

    gate: str
    planned: int
    rules: tuple[RuleForecast, ...]
    least_calls: int
    """Attempts that a clean system takes at least, summed over the categories that stop early."""


def forecast(gate: Gate, plan: RunPlan) -> GateForecast:
    """What each rule of a gate can show with this plan, category by category."""
    rules = tuple(_rule(rule, plan) for rule in gate.rules)
    wanted = np.zeros(len(plan), dtype=np.bool_)
    for rule in gate.rules:
        for category, row in zip(categories(rule, plan), _rule(rule, plan).categories, strict=True):
            wanted[category.draws[: row.least_calls if row.least_calls is not None else 0]] = True
    return GateForecast(gate=gate.id, planned=len(plan), rules=rules, least_calls=int(wanted.sum()))


def _rule(rule: GateRule, plan: RunPlan) -> RuleForecast:
    found = categories(rule, plan)
    rows = []
    for category in found:
        row = CategoryForecast(
            category=category.name, planned=len(category.draws), families=category.families, least_calls=None
        )
        bound = failure_bound(rule)
        if rule.metric in RATE_METRICS and bound is not None and len(category.draws):
            row = _rate_row(rule, row, bound, uniform=plan.order is DrawOrder.UNIFORM)
        rows.append(row)
    warning = ""
    if rule.bound is None and rule.margin is None:
        warning = "no bound is set: the rule cannot be met"
    elif not found:
        warning = "no case of this run is about this rule: it cannot be met"
    return RuleForecast(
        rule=rule.id,
        title=rule.title,
        metric=rule.metric.value,
        rule_class=rule.rule_class,
        population=rule.population,
        bound=rule.bound,
        confidence=rule.confidence,
        categories=tuple(rows),
        warning=warning,
    )


def _rate_row(rule: GateRule, row: CategoryForecast, bound: float, *, uniform: bool) -> CategoryForecast:
    good = good_rate(rule)
    try:
        test = make_test(
            population=rule.population,
            bound=bound,
            good=good,
            size=row.planned,
            confidence=rule.confidence,
            uniform=uniform,
            minimum_n=rule.minimum_n,
        )
    except StatisticsError:
        needed = families_needed(bound, rule.confidence) if 0 < bound < 1 else 0
        text = f"{needed} families at least are needed for this claim and {row.planned} are there"
        return row.model_copy(update={"warning": text})
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
        return row.model_copy(update={"chances": chances, "least_calls": least[0] if least else None})
    if isinstance(test, SuiteTest):
        point = test.ship_point(0)
        chances = tuple(_suite_chance(test, rate) for rate in rates)
        warning = ""
        if test.allowed == 0:
            warning = f"with {row.planned} attempts this limit allows no bad event at all"
        return row.model_copy(
            update={"chances": chances, "least_calls": min(point, row.planned), "warning": warning}
        )
    return row


def _suite_chance(test: SuiteTest, rate: float) -> ChanceAtRate:
    """Behaviour on a suite in which ``rate`` of the attempts, rounded, would be bad events; simulated.

    400 uniform orders from a fixed seed, so the same plan prints the same numbers.
    """
    bad = round(rate * test.size)
    generator = np.random.default_rng(20240)
    events = np.zeros(test.size, dtype=np.bool_)
    events[:bad] = True
    calls, ships, blocks, rounds = 0, 0, 0, 400 if test.size <= 2000 else 40
    for _ in range(rounds):
        decision = test.first_decision(generator.permutation(events))
        good = decision.kind == "ship" or (decision.kind == "census" and not decision.exceeded)
        ships += good
        blocks += not good
        calls += decision.n
    return ChanceAtRate(
        rate=bad / test.size, ship=ships / rounds, block=blocks / rounds, calls=calls / rounds
    )
