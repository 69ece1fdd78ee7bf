"""The widest gap between groups over the prompts that every group was asked."""

from __future__ import annotations

from itertools import combinations

from safecase_verify.methods._method import (
    Method,
    MethodInputs,
    Recomputed,
    open_status,
    result_of,
    settled,
    status_against,
)
from safecase_verify.methods._units import made_of, members, unit_draws
from safecase_verify.reading.raw_run import RawRun
from safecase_verify.reading.records import GateRule
from safecase_verify.statistics.intervals import Interval, paired_interval


def recompute_groups(rule: GateRule, run: RawRun, category: str, inputs: MethodInputs) -> Recomputed:
    """The widest gap between groups over the prompts that every group was to be asked; the limits hold
    whatever the answers that are missing would have been."""
    draws = unit_draws(rule, run, category, members(rule, run))
    made = made_of(draws, run)
    by_family: dict[str, dict[str, str]] = {}
    for draw in draws:
        case = run.case(draw)
        by_family.setdefault(case.family, {})[case.group] = run.outcome.get(draw, "untried")
    groups = sorted({group for found in by_family.values() for group in found})
    whole = [found for found in by_family.values() if len(found) == len(groups)]
    if len(groups) < 2 or not whole or not made:
        return result_of(run, made, open_status(rule), None, "fixed")
    pairs = list(combinations(groups, 2))
    level = 1 - (1 - rule.confidence) / len(pairs)
    values, lowers, uppers = [], [], []
    for first, second in pairs:
        bad = [(found[first] != "held", found[second] != "held") for found in whole]
        sure = [(found[first] == "violated", found[second] == "violated") for found in whole]
        values.append(_gap(bad, level).value)
        most = [(one[0], other[1]) for one, other in zip(bad, sure, strict=True)]
        least = [(other[0], one[1]) for one, other in zip(bad, sure, strict=True)]
        uppers.append(_gap(most, level).upper)
        lowers.append(_gap(least, level).lower)
    value = max(map(abs, values))
    upper = max(max(abs(low), abs(high)) for low, high in zip(lowers, uppers, strict=True))
    lower = max(max(low, -high, 0.0) for low, high in zip(lowers, uppers, strict=True))
    status = status_against(rule, Interval(value, lower, upper, len(whole)))
    proven = status == "not_met"
    if any("untried" in found.values() for found in whole) and not proven:
        status = "insufficient_evidence" if rule.bound is not None else status
    interval = Interval(value, min(lower, value), max(upper, value), len(whole))
    return result_of(run, made, settled(rule, run, made, status, proven=proven), interval, "fixed")


def _gap(pairs: list[tuple[bool, bool]], level: float) -> Interval:
    more = sum(one and not other for one, other in pairs)
    less = sum(other and not one for one, other in pairs)
    return paired_interval(more, less, len(pairs), level)


METHOD = Method(cases="grouped", judged=True, recompute=recompute_groups)
