"""The widest gap between groups over the prompts that every group was asked."""

from __future__ import annotations

from itertools import combinations

from safecase.model import GateRule
from safecase_verify.methods._method import (
    Method,
    MethodInputs,
    Recomputed,
    open_status,
    result_of,
    status_against,
)
from safecase_verify.methods._units import made_draws
from safecase_verify.reading.raw_run import RawRun
from safecase_verify.statistics.intervals import Interval, paired_interval


def recompute_groups(rule: GateRule, run: RawRun, category: str, inputs: MethodInputs) -> Recomputed:
    """The widest gap between groups over the prompts that every group was asked."""
    made = made_draws(rule, run, category)
    by_family: dict[str, dict[str, bool]] = {}
    for draw in made:
        case = run.case(draw)
        if run.outcome[draw] in ("held", "violated") and run.repeat[draw] == 0:
            by_family.setdefault(case.family, {})[case.group] = run.outcome[draw] == "violated"
    groups = sorted({group for found in by_family.values() for group in found})
    whole = [found for found in by_family.values() if len(found) == len(groups)]
    if len(groups) < 2 or not whole:
        return result_of(run, made, open_status(rule), None, "fixed")
    pairs = list(combinations(groups, 2))
    level = 1 - (1 - rule.confidence) / len(pairs)
    compared = []
    for first, second in pairs:
        more = sum(found[first] and not found[second] for found in whole)
        less = sum(found[second] and not found[first] for found in whole)
        compared.append(paired_interval(more, less, len(whole), level))
    value = max(abs(item.value) for item in compared)
    upper = max(max(abs(item.lower), abs(item.upper)) for item in compared)
    lower = max(max(item.lower, -item.upper, 0.0) for item in compared)
    interval = Interval(value, lower, upper, len(whole))
    return result_of(
        run,
        made,
        status_against(rule, interval),
        Interval(value, min(lower, value), max(upper, value), len(whole)),
        "fixed",
    )


METHOD = Method(cases="grouped", judged=True, recompute=recompute_groups)
