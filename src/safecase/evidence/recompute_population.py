"""What a rule is about, read anew from the cases and the draw order of a pack."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, count
from typing import TypeVar

from safecase.model import Case, GateRule, ScorerCard, Selector

_HARM = ("violation_rate", "severity_weighted_rate", "attack_at_k", "regression")
_USEFULNESS = ("over_refusal_rate", "utility_rate")


OUTCOMES = ("", "held", "violated", "undetermined", "error")
"""Outcome of code 0 (not made), 1, 2, 3, 4."""
Value = TypeVar("Value")


class DrawColumn(Mapping[int, Value]):
    """Draw → value over a column of bytes, without an object per attempt; absent where none was made.

    ``made``: one byte per planned draw, 0 where it was not made. ``read`` gets that byte, or with
    ``by_draw`` the draw.
    """

    def __init__(self, made: bytearray, read: Callable[[int], Value], *, by_draw: bool = False) -> None:
        self._made = made
        self._read = read
        self._by_draw = by_draw

    def __getitem__(self, draw: int) -> Value:
        if draw not in self:
            raise KeyError(draw)
        return self._read(draw if self._by_draw else self._made[draw])

    def __contains__(self, draw: object) -> bool:
        return isinstance(draw, int) and 0 <= draw < len(self._made) and self._made[draw] != 0

    def __iter__(self) -> Iterator[int]:
        return compress(count(), self._made)

    def __len__(self) -> int:
        return len(self._made) - self._made.count(0)


@dataclass(frozen=True)
class RawRun:
    """A run as a pack holds it. Draws that were not made are absent from the mappings."""

    cases: tuple[Case, ...]
    case_index: Sequence[int]
    repeat: Sequence[int]
    outcome: Mapping[int, str]
    """Draw → outcome."""
    latency_ms: Mapping[int, float]
    cost_usd: Mapping[int, float | None]
    cached: Mapping[int, bool]
    seed: int
    uniform: bool
    """True where the draw order is one uniform permutation of all attempts."""
    cards: tuple[tuple[str, ScorerCard], ...] = ()
    """Scorer name and card, for each scorer of the run that has one."""

    def case(self, draw: int) -> Case:
        """The case that was planned at a draw."""
        return self.cases[self.case_index[draw]]


def members(rule: GateRule, run: RawRun) -> list[bool]:
    """Which cases a rule is about, one entry per case."""
    selector = Selector.parse(rule.select)
    metric = rule.metric.value
    chosen = []
    for case in run.cases:
        served = case.harm.value == "over_refusal"
        if metric in _HARM:
            chosen.append(selector.matches(case) and not served)
        elif metric in _USEFULNESS and not rule.select:
            chosen.append(served)
        elif metric == "group_difference":
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
