"""What a rule is about, read anew from the cases and the draw order of a pack."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from safecase.evidence.methods import METHODS
from safecase.evidence.raw_run import RawRun
from safecase.model import Case, GateRule, Selector


def members(rule: GateRule, run: RawRun) -> list[bool]:
    """Which cases a rule is about, one entry per case; those that were not planned play no part."""
    selector = Selector.parse(rule.select)
    planned = frozenset(run.case_index)
    scope = METHODS.get(rule.metric).cases
    chosen = []
    for index, case in enumerate(run.cases):
        served = case.purpose.value == "use"
        if index not in planned:
            chosen.append(False)
        elif scope == "harmful":
            chosen.append(selector.matches(case) and not served)
        elif scope == "useful" and not rule.select:
            chosen.append(served)
        elif scope == "grouped":
            chosen.append(selector.matches(case) and bool(case.group))
        else:
            chosen.append(selector.matches(case))
    return chosen


def category_of(rule: GateRule, case: Case) -> str:
    """The name of the category that a case falls into."""
    if rule.per == "none":
        return "all"
    if rule.per == "attack":
        return case.attack.value if case.attack else "benign"
    if rule.per == "group":
        return case.group or "none"
    value = getattr(case, rule.per)
    return str(getattr(value, "value", value))


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
    return rule.population == "families" and METHODS.get(rule.metric).judged


def seen_before(rule: GateRule, run: RawRun, category: str, chosen: Sequence[bool]) -> bool:
    """Whether the category's claim is about these very cases, and some of them had been seen."""
    mine = category_cases(rule, run, category, chosen)
    return any(run.cases[index].family in run.open_families for index in mine)


def unit_draws(rule: GateRule, run: RawRun, category: str, chosen: Sequence[bool]) -> list[int]:
    """The planned draws that feed the category's test, in draw order."""
    mine = category_cases(rule, run, category, chosen)
    draws = [draw for draw, index in enumerate(run.case_index) if index in mine]
    if rule.population != "families":
        return draws
    if run.uniform:
        best: dict[str, tuple[bytes, int]] = {}
        for draw in draws:
            case = run.case(draw)
            if run.repeat[draw] == 0:
                text = f"{run.seed}|designated|{case.id}".encode("utf-8", "surrogatepass")
                key = hashlib.sha256(text).digest()
                if case.family not in best or key < best[case.family][0]:
                    best[case.family] = (key, draw)
        draws = sorted(draw for _, draw in best.values())
    else:
        seen: set[str] = set()
        firsts = []
        for draw in draws:
            family = run.case(draw).family
            if family not in seen:
                seen.add(family)
                firsts.append(draw)
        draws = firsts
    return draws[: rule.maximum_n] if rule.maximum_n else draws


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
    return [draw for draw in unit_draws(rule, run, category, members(rule, run)) if draw in run.outcome]
