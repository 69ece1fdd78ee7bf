"""From cases to a committed draw order: which attempt comes when, and with which seed.

Everything here is a pure function of the cases, the repeats and one seed. Orders and seeds are hashed from
(seed, case id, repeat) and never drawn from the state of a random generator, so they do not depend on the
order in which cases were loaded, on concurrency, on the number of machines or on a library's version.

Families that appear once per round give every sequential rule independent units first; within a round the
order is a uniform random permutation, which mixes the risk categories and keeps each prefix an honest sample.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from safecase.base import InputError, digest, digest_bytes
from safecase.model import Case, DrawOrder, MessageRole, PlannedAttempt, RunManifest

# The constants of SplitMix64 (Steele, Lea and Flood 2014).
_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1 = np.uint64(0xBF58476D1CE4E5B9)
_MIX_2 = np.uint64(0x94D049BB133111EB)
# The providers' seeds are signed 32-bit integers.
_SEED_BITS = 31


@dataclass(frozen=True)
class RunPlan:
    """The cases of a run and their committed draw order, one entry per attempt in each array."""

    cases: tuple[Case, ...]
    case_index: NDArray[np.int32]
    """Shape (n,): which case is tried at each draw."""
    repeat: NDArray[np.int32]
    """Shape (n,): which repeat of that case, from 0."""
    seed: NDArray[np.int64]
    """Shape (n,): the attempt's own seed, in [0, 2**31)."""
    round: NDArray[np.int32]
    """Shape (n,): in which round the attempt stands; in ``UNIFORM`` order all stand in round 0."""
    base_seed: int
    order: DrawOrder

    def __len__(self) -> int:
        return len(self.case_index)

    @property
    def repeats(self) -> int:
        """The largest number of repeats of any case."""
        return int(self.repeat.max()) + 1

    def planned(self, draw: int) -> PlannedAttempt:
        """The place ``draw`` in the order."""
        return PlannedAttempt(
            draw=draw,
            case_id=self.cases[self.case_index[draw]].id,
            repeat=int(self.repeat[draw]),
            seed=int(self.seed[draw]),
        )

    @cached_property
    def draw_order_digest(self) -> str:
        """SHA-256 over the case ids (one a line, an empty line behind) and the three little-endian arrays.

        The arrays follow in the order case_index (int32), repeat (int32), seed (int64).
        """
        state = hashlib.sha256(b"safecase draw order 1\n")
        for case in self.cases:
            state.update(case.id.encode("utf-8", "surrogatepass") + b"\n")
        state.update(b"\n")
        state.update(self.case_index.astype("<i4").tobytes())
        state.update(self.repeat.astype("<i4").tobytes())
        state.update(self.seed.astype("<i8").tobytes())
        return "sha256:" + state.hexdigest()

    @cached_property
    def plan_digest(self) -> str:
        """Digest over the case digests, in order, and the draw order."""
        return digest({"cases": cases_digest(self.cases), "draw_order": self.draw_order_digest})


@dataclass(frozen=True)
class PlanDraft:
    """What a run will try, before there is an order: the cases, how often, and how they will be ordered."""

    cases: tuple[Case, ...]
    repeats: int | Mapping[str, int] = 1
    order: DrawOrder = DrawOrder.FAMILY_ROUNDS
    risk_rates: Mapping[str, float] | None = None
    one_per_family: bool = False
    """Try the member of each family that the seed puts first, and no other."""

    def __post_init__(self) -> None:
        """Refuse what `build_plan` refuses, before anything is written down."""
        _check(self.cases, self.repeats, self.order, self.risk_rates, self.one_per_family)

    def __len__(self) -> int:
        """Attempts of the plan, whatever the seed."""
        if self.one_per_family and isinstance(self.repeats, int):
            return self.repeats * len({case.family for case in self.cases})
        return int(_repeat_counts(self.cases, self.repeats).sum())

    @cached_property
    def most_repeats(self) -> int:
        """The largest number of repeats of any case."""
        return int(_repeat_counts(self.cases, self.repeats).max())

    def ordered(self, seed: int) -> RunPlan:
        """The plan that ``seed`` gives."""
        return build_plan(
            self.cases,
            seed=seed,
            repeats=self.repeats,
            order=self.order,
            risk_rates=self.risk_rates,
            one_per_family=self.one_per_family,
        )


def derive_seed(draft_digest: str, nonce: str) -> int:
    """The seed that follows from a plan without order and the nonce that was drawn for it.

    The first 53 bits of SHA-256 over ``safecase seed 1``, the digest and the nonce, one a line: as many as
    every reader of JSON keeps exactly.
    """
    text = f"safecase seed 1\n{draft_digest}\n{nonce}\n".encode()
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") >> 11


def has_derived_order(manifest: RunManifest) -> bool:
    """Whether the run's seed is the one that follows from its plan and its nonce."""
    return bool(manifest.nonce) and derive_seed(manifest.draft_digest, manifest.nonce) == manifest.seed


def cases_digest(cases: Sequence[Case]) -> str:
    """Digest over the digests of the cases, in order."""
    return digest_bytes("\n".join(case.digest for case in cases).encode())


def build_plan(
    cases: Sequence[Case],
    *,
    seed: int,
    repeats: int | Mapping[str, int] = 1,
    order: DrawOrder = DrawOrder.FAMILY_ROUNDS,
    risk_rates: Mapping[str, float] | None = None,
    one_per_family: bool = False,
) -> RunPlan:
    """Commit the draw order of a run.

    ``repeats`` is one number, or a number per suite id (suites that it does not name get 1). ``risk_rates``
    (risk → violation rate in an earlier run) is needed by ``RISKIEST_FIRST`` and refused by the other orders;
    a risk that it does not name counts as riskier than all that it names, because nothing is known of it.
    With ``one_per_family`` all cases stand in the plan and one of each family is tried, with all its repeats:
    the member whose turn comes first.

    Raises InputError on no case, on a case id that appears twice, on a case without a message to answer,
    on repeats below 1, and on ``risk_rates`` that do not go with the order.
    """
    _check(cases, repeats, order, risk_rates, one_per_family)
    counts = _repeat_counts(cases, repeats)
    case_index = np.repeat(np.arange(len(cases), dtype=np.int32), counts)
    ends = np.cumsum(counts)
    repeat = (np.arange(len(case_index)) - np.repeat(ends - counts, counts)).astype(np.int32)
    keys = _case_keys(cases, seed, "order")[case_index]
    position_key = _attempt_keys(keys, repeat)
    if order is DrawOrder.UNIFORM:
        permutation = np.argsort(position_key, kind="stable")
        rounds = np.zeros(len(case_index), dtype=np.int32)
    else:
        rounds = _rounds(cases, case_index, repeat, seed)
        category = _category_rank(cases, risk_rates)[case_index]
        permutation = np.lexsort((position_key, category, rounds))
    if one_per_family:
        permutation = permutation[_first_members(cases, seed)[case_index[permutation]]]
    seeds = _attempt_keys(_case_keys(cases, seed, "seed")[case_index], repeat) >> np.uint64(64 - _SEED_BITS)
    return RunPlan(
        cases=tuple(cases),
        case_index=case_index[permutation],
        repeat=repeat[permutation],
        seed=seeds.astype(np.int64)[permutation],
        round=rounds[permutation],
        base_seed=seed,
        order=order,
    )


def attempt_seed(seed: int, case_id: str, repeat: int) -> int:
    """The seed of one attempt, in [0, 2**31): equal to the entry of any plan made with ``seed``."""
    key = np.array([_key(seed, "seed", case_id)], dtype=np.uint64)
    mixed = _attempt_keys(key, np.array([repeat], dtype=np.int32))
    return int(mixed[0] >> np.uint64(64 - _SEED_BITS))


def _check(
    cases: Sequence[Case],
    repeats: int | Mapping[str, int],
    order: DrawOrder,
    risk_rates: Mapping[str, float] | None,
    one_per_family: bool,
) -> None:
    _check_cases(cases)
    _repeat_counts(cases, repeats)
    if (order is DrawOrder.RISKIEST_FIRST) != (risk_rates is not None):
        raise InputError(
            f"draw order '{order.value}' and risk rates do not go together",
            hint="riskiest_first needs the rates of an earlier run, the other orders take none",
        )
    if one_per_family and not isinstance(repeats, int):
        raise InputError("one case of each family is tried equally often: repeats must be one number")


def _check_cases(cases: Sequence[Case]) -> None:
    if not cases:
        raise InputError(
            "the selection holds no case, so there is nothing to run and nothing could be concluded",
            hint="widen --select or check the suite",
        )
    seen: set[str] = set()
    for case in cases:
        if case.id in seen:
            raise InputError(f"case id '{case.id}' appears twice in one run", hint="ids must be unique")
        seen.add(case.id)
        if not live_turns(case):
            raise InputError(
                f"case '{case.id}' has no user message that waits for an answer",
                hint="end the messages with a user message",
            )


def live_turns(case: Case) -> tuple[int, ...]:
    """Positions in ``case.messages`` at which the target is called.

    A user message that no assistant message follows, or a tool message at the very end.
    """
    messages = case.messages
    last = len(messages) - 1
    return tuple(
        position
        for position, message in enumerate(messages)
        if (
            message.role is MessageRole.USER
            and (position == last or messages[position + 1].role is not MessageRole.ASSISTANT)
        )
        or (message.role is MessageRole.TOOL and position == last)
    )


def _repeat_counts(cases: Sequence[Case], repeats: int | Mapping[str, int]) -> NDArray[np.int64]:
    per_suite = repeats if isinstance(repeats, Mapping) else {}
    default = 1 if isinstance(repeats, Mapping) else repeats
    counts = np.array([per_suite.get(case.suite, default) for case in cases], dtype=np.int64)
    if counts.min() < 1:
        raise InputError("repeats must be at least 1")
    return counts


def _rounds(
    cases: Sequence[Case], case_index: NDArray[np.int32], repeat: NDArray[np.int32], seed: int
) -> NDArray[np.int32]:
    numbers: dict[str, int] = {}
    family = np.array([numbers.setdefault(case.family, len(numbers)) for case in cases], dtype=np.int64)
    attempt_family = family[case_index]
    turn_key = _attempt_keys(_case_keys(cases, seed, "turn")[case_index], repeat)
    by_family = np.lexsort((turn_key, attempt_family, repeat))
    same = np.zeros(len(by_family), dtype=bool)
    same[1:] = (attempt_family[by_family][1:] == attempt_family[by_family][:-1]) & (
        repeat[by_family][1:] == repeat[by_family][:-1]
    )
    positions = np.arange(len(by_family))
    rank_sorted = positions - np.maximum.accumulate(np.where(same, 0, positions))
    rank = np.empty_like(rank_sorted)
    rank[by_family] = rank_sorted
    widest = int(rank.max()) + 1
    _, dense = np.unique(repeat.astype(np.int64) * widest + rank, return_inverse=True)
    rounds: NDArray[np.int32] = dense.astype(np.int32)
    return rounds


def _first_members(cases: Sequence[Case], seed: int) -> NDArray[np.bool_]:
    """Shape (cases,): True for the member of each family whose turn comes first in repeat 0."""
    turn = _attempt_keys(_case_keys(cases, seed, "turn"), np.zeros(len(cases), dtype=np.int32))
    first: dict[str, int] = {}
    for index in np.argsort(turn, kind="stable").tolist():
        first.setdefault(cases[index].family, index)
    chosen = np.zeros(len(cases), dtype=np.bool_)
    chosen[list(first.values())] = True
    return chosen


def _category_rank(cases: Sequence[Case], risk_rates: Mapping[str, float] | None) -> NDArray[np.int64]:
    if risk_rates is None:
        return np.zeros(len(cases), dtype=np.int64)
    risks = sorted({case.risk for case in cases})
    ranked = sorted(risks, key=lambda risk: (-risk_rates.get(risk, float("inf")), risk))
    rank = {risk: position for position, risk in enumerate(ranked)}
    return np.array([rank[case.risk] for case in cases], dtype=np.int64)


def _key(seed: int, purpose: str, name: str) -> int:
    text = f"{seed}\0{purpose}\0{name}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little")


def _case_keys(cases: Sequence[Case], seed: int, purpose: str) -> NDArray[np.uint64]:
    return np.array([_key(seed, purpose, case.id) for case in cases], dtype=np.uint64)


def _attempt_keys(case_keys: NDArray[np.uint64], repeat: NDArray[np.int32]) -> NDArray[np.uint64]:
    """SplitMix64 (Steele, Lea and Flood 2014) over the case's key advanced by the repeat."""
    with np.errstate(over="ignore"):
        mixed = case_keys + (repeat.astype(np.uint64) + np.uint64(1)) * _GOLDEN
        mixed = (mixed ^ (mixed >> np.uint64(30))) * _MIX_1
        mixed = (mixed ^ (mixed >> np.uint64(27))) * _MIX_2
        result: NDArray[np.uint64] = mixed ^ (mixed >> np.uint64(31))
        return result
