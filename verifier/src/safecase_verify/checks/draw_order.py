"""The draw order derived anew from the seed, by code that shares nothing with the engine.

The manifest commits to a seed and to the digest of an order. The digest alone would also hold for an order
that somebody chose; only the derivation shows that the seed, and nobody's taste, put the attempts where they
stand. The method is written down in ``docs/methods/gate.md`` under "Draw order".
"""

from __future__ import annotations

from array import array
from collections.abc import Sequence
from hashlib import blake2b

from safecase_verify.errors import CheckFailed
from safecase_verify.reading.records import Case

ORDERS = ("uniform", "riskiest_first")
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
    one_per_family: bool = False,
    place: str,
) -> None:
    """Raise CheckFailed, with the first line that differs, unless ``seed`` gives exactly these draws.

    ``case_index``, ``repeat`` and ``seeds``: one entry per draw; ``repeats``: the manifest's number. With
    ``one_per_family`` only the member of each family whose turn comes first is tried.
    """
    if order not in ORDERS:
        raise CheckFailed(f"the manifest names a draw order that does not exist: '{order[:40]}'", where=place)
    if one_per_family:
        counts = [repeats * mine for mine in _first_members(cases, seed)]
    else:
        counts = _repeat_counts(cases, case_index, repeats, place)
    # Held before a list is made of it: the manifest is not believed to bound the memory.
    if sum(counts) != len(case_index):
        raise CheckFailed(
            f"the draw order holds {len(case_index)} draws, one case of each family makes {sum(counts)}",
            where=place,
        )
    case_of, repeat_of = array("q"), array("q")
    for index, count in enumerate(counts):
        case_of.extend([index] * count)
        repeat_of.extend(range(count))
    total = range(len(case_of))
    keys = _case_keys(cases, seed, "order")
    sort_keys: Sequence[int] = array("Q", (_mixed(keys[case_of[item]], repeat_of[item]) for item in total))
    if order == "riskiest_first":
        # Which risks come first is told by an earlier run, and no seed can give it: the draws themselves show
        # it, and what the seed must give is the order inside of each block of risks.
        block = risk_blocks([case.risk for case in cases], case_index)
        rank = [block.get(case.risk, 0) for case in cases]
        sort_keys = [rank[case_of[item]] << 64 | position for item, position in enumerate(sort_keys)]
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


def _first_members(cases: Sequence[Case], seed: int) -> list[bool]:
    """For each case, whether its turn is the first of its family."""
    turn = [_mixed(key, 0) for key in _case_keys(cases, seed, "turn")]
    best: dict[str, int] = {}
    for number, case in enumerate(cases):
        if turn[number] < turn[best.setdefault(case.family, number)]:
            best[case.family] = number
    found = [False] * len(cases)
    for number in best.values():
        found[number] = True
    return found


def risk_blocks(risks: Sequence[str], case_index: Sequence[int]) -> dict[str, int]:
    """Risk → number of its block: risks of which one ends before the other begins are of different blocks.

    ``risks``: one per case; ``case_index``: one per draw.
    """
    begin: dict[str, int] = {}
    end: dict[str, int] = {}
    for draw, index in enumerate(case_index):
        begin.setdefault(risks[index], draw)
        end[risks[index]] = draw
    found: dict[str, int] = {}
    number, reach = -1, -1
    for risk, draw in sorted(begin.items(), key=lambda item: item[1]):
        number += draw > reach
        reach = max(reach, end[risk])
        found[risk] = number
    return found
