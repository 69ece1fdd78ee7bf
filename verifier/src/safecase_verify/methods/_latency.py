"""A quantile of the latency of the answers that came from the target."""

from __future__ import annotations

import math

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
    timed = [draw for draw in run.outcome if run.case_index[draw] in mine and not run.cached[draw]]
    # What ended in an error never came.
    values = [math.inf if run.outcome[draw] == "error" else run.latency_ms[draw] for draw in timed]
    if all(map(math.isinf, values)):
        return result_of(run, made, open_status(rule), None, "fixed")
    interval = quantile_interval(values, quantile, rule.confidence)
    status = settled(rule, run, timed, status_against(rule, interval), event="", judged=False)
    return result_of(run, made, status, interval, "fixed")
