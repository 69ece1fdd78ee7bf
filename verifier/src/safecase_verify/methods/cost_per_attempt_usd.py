"""The mean cost of an attempt; an unknown price leaves the rule open."""

from __future__ import annotations

from safecase_verify.methods._method import (
    Method,
    MethodInputs,
    Recomputed,
    open_status,
    result_of,
    settled,
    status_against,
)
from safecase_verify.methods._units import category_cases, members, unit_draws
from safecase_verify.reading.raw_run import RawRun
from safecase_verify.reading.records import GateRule
from safecase_verify.statistics.intervals import mean_interval


def recompute_cost(rule: GateRule, run: RawRun, category: str, inputs: MethodInputs) -> Recomputed:
    """The mean cost of an attempt; an unknown price leaves the rule open."""
    chosen = members(rule, run)
    mine = category_cases(rule, run, category, chosen)
    made = [draw for draw in unit_draws(rule, run, category, chosen) if draw in run.outcome]
    every = [draw for draw in run.outcome if run.case_index[draw] in mine]
    prices = [run.cost_usd[draw] for draw in every]
    known = [price for price in prices if price is not None]
    if len(prices) < 2 or len(known) < len(prices):
        return result_of(run, made, open_status(rule), None, "fixed")
    interval = mean_interval(known, rule.confidence)
    status = settled(rule, run, every, status_against(rule, interval), event="", judged=False)
    return result_of(run, made, status, interval, "fixed")


METHOD = Method(cases="selected", judged=False, recompute=recompute_cost)
