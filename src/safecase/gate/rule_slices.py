"""What a rule is about: its cases, the slices it is split into, and the draws that feed each slice's test."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from safecase.engine import RunPlan
from safecase.model import (
    METRICS,
    Case,
    CaseScope,
    DrawOrder,
    Gate,
    GateRule,
    Purpose,
    RequiredOrder,
    Risk,
    Selector,
    Stake,
)

BoolArray = NDArray[np.bool_]
IntArray = NDArray[np.int64]

_CATEGORY: dict[str, Callable[[Case], str]] = {
    "none": lambda case: "all",
    "risk": lambda case: case.risk,
    "suite": lambda case: case.suite,
    "attack": lambda case: case.attack.value if case.attack else "benign",
    "harm": lambda case: case.harm.value,
    "language": lambda case: case.language,
    "severity": lambda case: case.severity.value,
    "family": lambda case: case.family,
    "group": lambda case: case.group or "none",
}


@dataclass(frozen=True)
class RuleSlice:
    """One slice of a rule over one plan: all of its cases, or those of one category."""

    name: str
    cases: BoolArray
    """Shape (cases,): which cases belong to it."""
    draws: IntArray
    """Shape (n,): the planned draws that feed the test, in draw order."""
    families: int
    """Distinct families among its cases; for a claim about a population, of those that still count."""
    uniform: bool
    """Whether the draws come in a uniform order of their own: what a test takes that may stop early."""
    independent: bool
    """Whether each family feeds the test once: what a claim about the population takes."""
    shown: int = 0
    """Distinct families among its cases that somebody had seen when the run began. A claim about a population
    leaves them out; a claim about these cases then needs all of them."""
    shown_draws: IntArray = field(default_factory=lambda: np.empty(0, dtype=np.int64))
    """The planned draws of those that a claim about a population leaves out."""


def case_mask(rule: GateRule, cases: Sequence[Case]) -> BoolArray:
    """Which cases a rule is about, shape (cases,): those of its selector that its metric looks at."""
    selector = Selector.parse(rule.select, where=f"gate rule {rule.id}")
    selected = np.fromiter((selector.matches(case) for case in cases), dtype=np.bool_, count=len(cases))
    scope = METRICS.get(rule.metric).cases
    if scope is CaseScope.HARM:
        return np.asarray(selected & ~_served(cases))
    # A selector that somebody wrote says better what ought to be served than the harm class does.
    if scope is CaseScope.USEFULNESS and not rule.select:
        return _served(cases)
    if scope is CaseScope.GROUPED:
        grouped = np.fromiter((bool(case.group) for case in cases), np.bool_, len(cases))
        return np.asarray(selected & grouped)
    return selected


def _served(cases: Sequence[Case]) -> BoolArray:
    """Cases that ought to be served, shape (cases,)."""
    return np.fromiter((case.purpose is Purpose.USE for case in cases), np.bool_, len(cases))


def about_population(rule: GateRule) -> bool:
    """Whether a rule claims something about the population that its families were drawn from.

    What no scorer judges, such as a latency, nobody mends case by case: it is read as it is.
    """
    return rule.population == "families" and METRICS.get(rule.metric).judged


def rule_slices(
    rule: GateRule, plan: RunPlan, open_families: Collection[str] = frozenset()
) -> tuple[RuleSlice, ...]:
    """The slices of a rule, by name. Empty where the rule is about no case of the plan.

    ``open_families``: those whose results somebody had seen before the run began. What was mended on them
    says nothing about the population, so that such a claim leaves them out.
    """
    # Of a plan that tries one case of each family, the others play no part.
    planned = np.zeros(len(plan.cases), dtype=np.bool_)
    planned[plan.case_index] = True
    mask = case_mask(rule, plan.cases) & planned
    name_of = _CATEGORY[rule.per]
    names = np.array(
        [name_of(case) if mask[index] else "" for index, case in enumerate(plan.cases)], dtype=object
    )
    seen = np.fromiter((case.family in open_families for case in plan.cases), np.bool_, len(plan.cases))
    population = about_population(rule)
    uniform = plan.order is DrawOrder.UNIFORM
    blocks = (
        {} if uniform else {risk: number for number, block in enumerate(plan.risk_blocks) for risk in block}
    )
    found = []
    for name in sorted({str(item) for item in names[mask]}):
        members = np.asarray((names == name) & mask, dtype=np.bool_)
        shown = members & seen
        if population:
            members &= ~seen
        draws = np.flatnonzero(members[plan.case_index]).astype(np.int64)
        own = [plan.cases[index] for index in np.flatnonzero(members)]
        families = len({case.family for case in own})
        scope = METRICS.get(rule.metric)
        # A pair of one family is one unit, whatever the claim is about.
        paired = scope.cases is CaseScope.GROUPED
        designated = rule.population == "families" or paired
        if designated:
            draws = designated_draws(
                plan, draws, by_group=paired, tries=scope.needs_tries, most=rule.maximum_n
            )
        left_out = shown[plan.case_index] if population else np.zeros(len(plan), dtype=np.bool_)
        found.append(
            RuleSlice(
                name,
                members,
                draws,
                families,
                uniform=uniform or len({blocks[case.risk] for case in own}) == 1,
                independent=designated or families == len(draws),
                shown=len({plan.cases[index].family for index in np.flatnonzero(shown)}),
                shown_draws=np.flatnonzero(left_out).astype(np.int64),
            )
        )
    return tuple(found)


def stakes(rule: GateRule, plan: RunPlan, risks: Sequence[Risk]) -> dict[str, Stake]:
    """Category → the risks that the rule selects in it, and the worst severity."""
    declared = {risk.id: risk.severity for risk in risks}
    found = {}
    for item in rule_slices(rule, plan):
        cases = [case for case, mine in zip(plan.cases, item.cases, strict=True) if mine]
        names = sorted({case.risk for case in cases})
        severities = [case.severity for case in cases] + [
            declared[name] for name in names if name in declared
        ]
        found[item.name] = Stake(tuple(names), min(severities, key=lambda severity: severity.rank))
    return found


def connected_risks(gates: Iterable[Gate], cases: Sequence[Case]) -> list[set[str]]:
    """The risks of ``cases`` in blocks that sequential tests look at together.

    Blocks may be called one after another: each test still reads its own attempts in a uniform order.
    """
    blocks = [{risk} for risk in sorted({case.risk for case in cases})]
    for rule in (rule for gate in gates for rule in gate.rules):
        if METRICS.get(rule.metric).order is not RequiredOrder.UNIFORM:
            continue
        together: dict[str, set[str]] = {}
        for case, mine in zip(cases, case_mask(rule, cases), strict=True):
            if mine:
                together.setdefault(_CATEGORY[rule.per](case), set()).add(case.risk)
        for risks in together.values():
            joined = [block for block in blocks if block & risks]
            blocks = [block for block in blocks if not block & risks]
            blocks.append(set().union(*joined))
    return blocks


def designated_draws(
    plan: RunPlan, draws: IntArray, *, by_group: bool = False, tries: bool = False, most: int | None = None
) -> IntArray:
    """One draw per family out of ``draws``, in draw order: the independent units.

    It is the draw of repeat 0 of the family's designated case, the one of the smallest SHA-256 of
    ``seed|designated|case id`` among the cases that ``draws`` are about. A family's first draw would not do:
    big families would come early. The place of the designated case does not depend on its family's size, so
    the families come in a uniform order whatever part of them is asked for. ``by_group``: one for each group
    of a family. ``tries``: all repeats of the designated case. ``most``: the first so many cases alone.
    """
    best: dict[tuple[str, str], tuple[bytes, int]] = {}
    for draw in draws[plan.repeat[draws] == 0]:
        case = plan.cases[plan.case_index[draw]]
        unit = case.family, case.group if by_group else ""
        key = hashlib.sha256(
            f"{plan.base_seed}|designated|{case.id}".encode("utf-8", "surrogatepass")
        ).digest()
        if unit not in best or key < best[unit][0]:
            best[unit] = (key, int(draw))
    first = np.array(sorted(draw for _, draw in best.values())[:most], dtype=np.int64)
    if not tries:
        return first
    chosen = np.zeros(len(plan.cases), dtype=np.bool_)
    chosen[plan.case_index[first]] = True
    return draws[chosen[plan.case_index[draws]]]
