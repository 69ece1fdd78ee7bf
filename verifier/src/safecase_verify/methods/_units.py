"""What a rule is about, read anew from the cases and the draw order of a pack."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from safecase_verify.checks.draw_order import risk_blocks
from safecase_verify.methods import find_method
from safecase_verify.reading.raw_run import RawRun
from safecase_verify.reading.records import Case, GateRule
from safecase_verify.reading.selector import selects


def members(rule: GateRule, run: RawRun) -> list[bool]:
    """Which cases a rule is about, one entry per case; those that were not planned play no part."""
    matches = selects(rule.select)
    planned = frozenset(run.case_index)
    scope = find_method(rule.metric).cases
    chosen = []
    for index, case in enumerate(run.cases):
        served = case.purpose == "use"
        if index not in planned:
            chosen.append(False)
        elif scope == "harmful":
            chosen.append(matches(case) and not served)
        elif scope == "useful" and not rule.select:
            chosen.append(served)
        elif scope == "grouped":
            chosen.append(matches(case) and bool(case.group))
        else:
            chosen.append(matches(case))
    return chosen


def category_of(rule: GateRule, case: Case) -> str:
    """The name of the category that a case falls into."""
    if rule.per == "none":
        return "all"
    if rule.per == "attack":
        return case.attack or "benign"
    if rule.per == "group":
        return case.group or "none"
    return str(getattr(case, rule.per))


def category_cases(rule: GateRule, run: RawRun, category: str, chosen: Sequence[bool]) -> set[int]:
    """Indices of the cases of one category; a claim about the population leaves out what was seen."""
    left_out = run.open_families if about_population(rule) else frozenset()
    return {
        index
        for index, case in enumerate(run.cases)
        if chosen[index] and category_of(rule, case) == category and case.family not in left_out
    }


def about_population(rule: GateRule) -> bool:
    """Whether families that somebody had seen before the run say nothing for the rule's claim."""
    return rule.population == "families" and find_method(rule.metric).judged


def seen_before(rule: GateRule, run: RawRun, category: str, chosen: Sequence[bool]) -> bool:
    """Whether the category's claim is about these very cases, and some of them had been seen."""
    mine = category_cases(rule, run, category, chosen)
    return any(run.cases[index].family in run.open_families for index in mine)


def unit_draws(
    rule: GateRule, run: RawRun, category: str, chosen: Sequence[bool], *, tries: bool = False
) -> list[int]:
    """The planned draws that feed the category's test, in draw order; ``tries``: with a case all of its
    repeats."""
    mine = category_cases(rule, run, category, chosen)
    draws = [draw for draw, index in enumerate(run.case_index) if index in mine]
    by_group = find_method(rule.metric).cases == "grouped"
    if rule.population != "families" and not by_group:
        return draws
    # The designated case of a family is the one of the smallest hash, whatever the family's size.
    best: dict[tuple[str, str], tuple[bytes, int]] = {}
    for draw in draws:
        if run.repeat[draw]:
            continue
        case = run.case(draw)
        unit = (case.family, case.group if by_group else "")
        text = f"{run.seed}|designated|{case.id}".encode("utf-8", "surrogatepass")
        offered = (hashlib.sha256(text).digest(), draw)
        best[unit] = min(best.get(unit, offered), offered)
    firsts = sorted(draw for _, draw in best.values())
    if rule.maximum_n:
        firsts = firsts[: rule.maximum_n]
    if not tries:
        return firsts
    designated = {run.case_index[draw] for draw in firsts}
    return [draw for draw in draws if run.case_index[draw] in designated]


def chance_order(rule: GateRule, run: RawRun, category: str, chosen: Sequence[bool]) -> bool:
    """Whether the category's draws come in a uniform order of their own, so that a test may stop early."""
    if run.uniform:
        return True
    blocks = risk_blocks([case.risk for case in run.cases], run.case_index)
    return len({blocks[run.cases[index].risk] for index in category_cases(rule, run, category, chosen)}) == 1


def made_of(draws: Sequence[int], run: RawRun) -> list[int]:
    """The draws that were made, gaps or not."""
    return [draw for draw in draws if draw in run.outcome]


def made_prefix(draws: Sequence[int], run: RawRun) -> list[int]:
    """The draws up to the first that was not made: nothing behind a gap may decide."""
    made = []
    for draw in draws:
        if draw not in run.outcome:
            break
        made.append(draw)
    return made


def made_draws(rule: GateRule, run: RawRun, category: str) -> list[int]:
    """The draws that feed the category and were made, gaps or not."""
    return made_of(unit_draws(rule, run, category, members(rule, run)), run)
