"""The draw order derived anew from the seed, by code that shares nothing with the engine.

The manifest commits to a seed and to the digest of an order. The digest alone would also hold for an order
that somebody chose; only the derivation shows that the seed, and nobody's taste, put the attempts where they
stand. The method is written down in ``docs/methods/gate.md`` under "Draw order".
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from graphlib import CycleError, TopologicalSorter
from hashlib import blake2b

from safecase_verify.errors import CheckFailed
from safecase_verify.reading.records import Case

ORDERS = ("uniform", "family_rounds", "riskiest_first")
_WORD = 2**64 - 1
"""The generator counts in words of 64 bits."""


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
    counts = _repeat_counts(cases, case_index, repeats, place)
    # Attempts count case by case here: attempt ``starts[case] + repeat``.
    starts, case_of, repeat_of = array("q"), array("q"), array("q")
    for index, count in enumerate(counts):
        starts.append(len(case_of))
        case_of.extend([index] * count)
        repeat_of.extend(range(count))
    total = range(len(case_of))

    def drawn(purpose: str) -> array[int]:
        keys = _case_keys(cases, seed, purpose)
        return array("Q", (_mixed(keys[case_of[item]], repeat_of[item]) for item in total))

    sort_keys: Sequence[int] = drawn("order")
    if order != "uniform":
        place_in_family = _turns(cases, case_of, repeat_of, drawn("turn"))
        rank = [0] * len(cases)
        if order == "riskiest_first" and all(
            number < counts[index] for index, number in zip(case_index, repeat, strict=True)
        ):
            rank = _risk_ranks(cases, case_index, repeat, starts, place_in_family, place)
        # Round, turn, risk and place in one number: the later ones only where the earlier are equal.
        sort_keys = [
            ((repeat_of[item] << 32 | place_in_family[item]) << 32 | rank[case_of[item]]) << 64 | position
            for item, position in enumerate(sort_keys)
        ]
    wanted = sorted(total, key=sort_keys.__getitem__)
    for draw, (index, number, item) in enumerate(zip(case_index, repeat, wanted, strict=True)):
        if index != case_of[item] or number != repeat_of[item]:
            raise CheckFailed(
                f"draw {draw} is {cases[index].id}#{number}, and the seed {seed} puts "
                f"{cases[case_of[item]].id}#{repeat_of[item]} there: "
                "this order was not derived from the seed",
                where=f"{place}:{draw + 2}",
            )
    keys = _case_keys(cases, seed, "seed")
    for draw, (index, number, seen) in enumerate(zip(case_index, repeat, seeds, strict=True)):
        own = _mixed(keys[index], number) >> 33
        if seen != own:
            raise CheckFailed(
                f"draw {draw} carries the seed {seen}, and {own} follows from the run's seed {seed}",
                where=f"{place}:{draw + 2}",
            )


def _repeat_counts(cases: Sequence[Case], case_index: Sequence[int], repeats: int, place: str) -> list[int]:
    """How often each case is planned: equally often in a suite, and as often as the manifest says at most."""
    counts = [0] * len(cases)
    for index in case_index:
        counts[index] += 1
    by_suite: dict[str, int] = {}
    for case, count in zip(cases, counts, strict=True):
        if not count:
            raise CheckFailed(f"the case {case.id} has no place in the draw order", where=place)
        if by_suite.setdefault(case.suite, count) != count:
            raise CheckFailed(
                f"the case {case.id} is planned {count} times, and others of its suite "
                f"{by_suite[case.suite]} times",
                where=place,
            )
    if max(counts) != repeats:
        raise CheckFailed(
            f"the manifest says {repeats} repeats and the draw order holds {max(counts)}", where=place
        )
    return counts


def _case_keys(cases: Sequence[Case], seed: int, purpose: str) -> list[int]:
    """One key of 64 bits a case."""
    prefix = f"{seed}\0{purpose}\0".encode()
    return [
        int.from_bytes(
            blake2b(prefix + case.id.encode("utf-8", "surrogatepass"), digest_size=8).digest(), "little"
        )
        for case in cases
    ]


def _mixed(key: int, repeat: int) -> int:
    """Output ``repeat`` + 1 of the SplitMix64 generator that starts at the key."""
    state = (key + 0x9E3779B97F4A7C15 * (repeat + 1)) & _WORD
    state = (state ^ (state >> 30)) * 0xBF58476D1CE4E5B9 & _WORD
    state = (state ^ (state >> 27)) * 0x94D049BB133111EB & _WORD
    return state ^ (state >> 31)


def _turns(
    cases: Sequence[Case], case_of: Sequence[int], repeat_of: Sequence[int], turn: Sequence[int]
) -> array[int]:
    """For each attempt, how many of its family come before it among those with the same repeat."""
    numbers = {family: number for number, family in enumerate(dict.fromkeys(case.family for case in cases))}
    family = [numbers[case.family] for case in cases]
    groups = [repeat << 32 | family[index] for index, repeat in zip(case_of, repeat_of, strict=True)]
    found = array("q", bytes(8 * len(groups)))
    last, place = -1, 0
    for item in sorted(range(len(groups)), key=lambda item: groups[item] << 64 | turn[item]):
        place = place + 1 if groups[item] == last else 0
        last = groups[item]
        found[item] = place
    return found


def _risk_ranks(
    cases: Sequence[Case],
    case_index: Sequence[int],
    repeat: Sequence[int],
    starts: Sequence[int],
    place_in_family: Sequence[int],
    place: str,
) -> list[int]:
    """The order of the risks that the draws themselves show, as a rank for each case.

    It came from an earlier run's rates, so the seed cannot give it. What can be checked is that it is one
    order, the same in every round.
    """
    before: TopologicalSorter[str] = TopologicalSorter()
    last: tuple[int, int, str] | None = None
    for index, number in zip(case_index, repeat, strict=True):
        risk, step = cases[index].risk, place_in_family[starts[index] + number]
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
    return [rank[case.risk] for case in cases]
