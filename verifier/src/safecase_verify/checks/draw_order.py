"""The draw order derived anew from the seed, by code that shares nothing with the engine.

The manifest commits to a seed and to the digest of an order. The digest alone would also hold for an order
that somebody chose; only the derivation shows that the seed, and nobody's taste, put the attempts where they
stand. The method is written down in ``docs/methods/gate.md`` under "Draw order".
"""

from __future__ import annotations

from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from hashlib import blake2b

import numpy as np
from numpy.typing import NDArray

from safecase.base import CheckFailed
from safecase.model import Case

ORDERS = ("uniform", "family_rounds", "riskiest_first")
Keys = NDArray[np.uint64]
Integers = NDArray[np.int64]


def check_draw_order(
    cases: Sequence[Case],
    case_index: Sequence[int],
    repeat: Sequence[int],
    seeds: Sequence[int],
    *,
    seed: int,
    repeats: int,
    order: str,
    place: str,
) -> None:
    """Raise CheckFailed, with the first line that differs, unless ``seed`` gives exactly these draws.

    ``case_index``, ``repeat`` and ``seeds``: one entry per draw; ``repeats``: the manifest's number.
    """
    if order not in ORDERS:
        raise CheckFailed(f"the manifest names a draw order that does not exist: '{order[:40]}'", where=place)
    seen_case = np.asarray(case_index, dtype=np.int64)
    seen_repeat = np.asarray(repeat, dtype=np.int64)
    counts = _repeat_counts(cases, seen_case, repeats, place)
    starts = np.concatenate(([0], np.cumsum(counts)[:-1]))
    case_of = np.repeat(np.arange(len(cases)), counts)
    repeat_of = np.arange(len(case_of)) - starts[case_of]
    # Attempts count case by case here: attempt ``starts[case] + repeat``.
    position = _mixed(_case_keys(cases, seed, "order")[case_of], repeat_of)
    if order == "uniform":
        wanted = np.argsort(position, kind="stable")
    else:
        turn = _mixed(_case_keys(cases, seed, "turn")[case_of], repeat_of)
        place_in_family = _turns(cases, case_of, repeat_of, turn)
        rank = np.zeros(len(cases), dtype=np.int64)
        if order == "riskiest_first" and (seen_repeat < counts[seen_case]).all():
            shown = starts[seen_case] + seen_repeat
            rank = _risk_ranks(cases, seen_case, repeat_of[shown], place_in_family[shown], place)
        wanted = np.lexsort((position, rank[case_of], place_in_family, repeat_of))
    own_seed = (_mixed(_case_keys(cases, seed, "seed")[case_of], repeat_of) >> np.uint64(33)).astype(np.int64)
    seen_seed = np.asarray(seeds, dtype=np.int64)
    wrong = (seen_case != case_of[wanted]) | (seen_repeat != repeat_of[wanted])
    if wrong.any():
        draw = int(np.argmax(wrong))
        raise CheckFailed(
            f"draw {draw} is {cases[seen_case[draw]].id}#{seen_repeat[draw]}, and the seed {seed} puts "
            f"{cases[case_of[wanted[draw]]].id}#{repeat_of[wanted[draw]]} there: "
            "this order was not derived from the seed",
            where=f"{place}:{draw + 2}",
        )
    wrong = seen_seed != own_seed[wanted]
    if wrong.any():
        draw = int(np.argmax(wrong))
        raise CheckFailed(
            f"draw {draw} carries the seed {seen_seed[draw]}, and {own_seed[wanted[draw]]} follows from "
            f"the run's seed {seed}",
            where=f"{place}:{draw + 2}",
        )


def _repeat_counts(cases: Sequence[Case], case_index: Integers, repeats: int, place: str) -> Integers:
    """How often each case is planned: equally often in a suite, and as often as the manifest says at most."""
    counts = np.bincount(case_index, minlength=len(cases)).astype(np.int64)
    by_suite: dict[str, int] = {}
    for case, count in zip(cases, counts.tolist(), strict=True):
        if not count:
            raise CheckFailed(f"the case {case.id} has no place in the draw order", where=place)
        if by_suite.setdefault(case.suite, count) != count:
            raise CheckFailed(
                f"the case {case.id} is planned {count} times, and others of its suite "
                f"{by_suite[case.suite]} times",
                where=place,
            )
    if int(counts.max()) != repeats:
        raise CheckFailed(
            f"the manifest says {repeats} repeats and the draw order holds {int(counts.max())}", where=place
        )
    return counts


def _case_keys(cases: Sequence[Case], seed: int, purpose: str) -> Keys:
    prefix = f"{seed}\0{purpose}\0".encode()
    values = (
        blake2b(prefix + case.id.encode("utf-8", "surrogatepass"), digest_size=8).digest() for case in cases
    )
    return np.frombuffer(b"".join(values), dtype="<u8").astype(np.uint64)


def _mixed(keys: Keys, repeat: Integers) -> Keys:
    """Output ``repeat`` + 1 of the SplitMix64 generator that starts at each key."""
    with np.errstate(over="ignore"):
        state = keys + np.uint64(0x9E3779B97F4A7C15) * (repeat + 1).astype(np.uint64)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB)):
            state = (state ^ (state >> np.uint64(shift))) * np.uint64(factor)
        found: Keys = state ^ (state >> np.uint64(31))
    return found


def _turns(cases: Sequence[Case], case_of: Integers, repeat_of: Integers, turn: Keys) -> Integers:
    """For each attempt, how many of its family come before it among those with the same repeat."""
    names = {family: number for number, family in enumerate(dict.fromkeys(case.family for case in cases))}
    family = np.fromiter((names[case.family] for case in cases), np.int64, len(cases))[case_of]
    order = np.lexsort((turn, family, repeat_of))
    new = np.ones(len(order), dtype=bool)
    new[1:] = (np.diff(family[order]) != 0) | (np.diff(repeat_of[order]) != 0)
    group = np.cumsum(new) - 1
    found = np.empty(len(order), dtype=np.int64)
    found[order] = np.arange(len(order)) - np.flatnonzero(new)[group]
    return found


def _risk_ranks(
    cases: Sequence[Case], case_index: Integers, repeat: Integers, turn: Integers, place: str
) -> Integers:
    """The order of the risks that the draws themselves show.

    It came from an earlier run's rates, so the seed cannot give it. What can be checked is that it is one
    order, the same in every round.
    """
    before: TopologicalSorter[str] = TopologicalSorter()
    last: tuple[int, int, str] | None = None
    for index, number, step in zip(case_index.tolist(), repeat.tolist(), turn.tolist(), strict=True):
        risk = cases[index].risk
        if last is not None and last[:2] == (number, step) and last[2] != risk:
            before.add(risk, last[2])
        else:
            before.add(risk)
        last = (number, step, risk)
    try:
        rank = {risk: number for number, risk in enumerate(before.static_order())}
    except CycleError as error:
        raise CheckFailed(
            "the risks do not come in one and the same order in each round", where=place
        ) from error
    return np.fromiter((rank[case.risk] for case in cases), np.int64, len(cases))
