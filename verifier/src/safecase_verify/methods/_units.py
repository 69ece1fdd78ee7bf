"""What a rule is about, read anew from the cases and the draw order of a pack."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from safecase.model import Case, GateRule, Selector
from safecase_verify.methods import METHODS
from safecase_verify.reading.raw_run import RawRun


def members(rule: GateRule, run: RawRun) -> list[bool]:
    """Which cases a rule is about, one entry per case."""
    selector = Selector.parse(rule.select)
    scope = METHODS.get(rule.metric).cases
    chosen = []
    for case in run.cases:
        served = case.purpose.value == "use"
        if scope == "harmful":
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
    """Indices of the cases of one category."""
    return {
        index for index, case in enumerate(run.cases) if chosen[index] and category_of(rule, case) == category
    }


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
