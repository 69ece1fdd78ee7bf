"""A quantile of the latency of the answers that came from the target."""

from __future__ import annotations

from safecase.model import GateRule
from safecase_verify.methods._method import (
    Method,
    MethodInputs,
    Recomputed,
    open_status,
    result_of,
    status_against,
)
from safecase_verify.methods._units import category_cases, members, unit_draws
from safecase_verify.reading.raw_run import RawRun
from safecase_verify.statistics.intervals import quantile_interval


def latency_method(quantile: float) -> Method:
    """The method of one quantile, strictly between 0 and 1."""

    def recompute(rule: GateRule, run: RawRun, category: str, inputs: MethodInputs) -> Recomputed:
        return _recompute_latency(rule, run, category, quantile)

    return Method(cases="selected", judged=False, recompute=recompute)


def _recompute_latency(rule: GateRule, run: RawRun, category: str, quantile: float) -> Recomputed:
    """A quantile of the latency of the answers that came from the target."""
    chosen = members(rule, run)
    mine = category_cases(rule, run, category, chosen)
    made = [draw for draw in unit_draws(rule, run, category, chosen) if draw in run.outcome]
    values = [
        run.latency_ms[draw]
        for draw, outcome in run.outcome.items()
        if run.case_index[draw] in mine and outcome != "error" and not run.cached[draw]
    ]
    if not values:
        return result_of(run, made, open_status(rule), None, "fixed")
    interval = quantile_interval(values, quantile, rule.confidence)
    status = status_against(rule, interval)
    if len(values) < rule.minimum_n and rule.bound is not None:
        status = "insufficient_evidence"
    return result_of(run, made, status, interval, "fixed")
