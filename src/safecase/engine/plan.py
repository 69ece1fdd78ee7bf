"""From cases to a committed draw order: which attempt comes when, and with which seed.

Everything here is a pure function of the cases, the repeats and one seed. Orders and seeds are hashed from
(seed, case id, repeat) and never drawn from the state of a random generator, so they do not depend on the
order in which cases were loaded, on concurrency, on the number of machines or on a library's version.

A uniform permutation keeps each prefix of each part of the cases an honest sample of that part. A claim about
the population of families reads one designated draw of each family out of it (`safecase.gate`), whose place
does not depend on the family's size."""

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
    def risk_blocks(self) -> tuple[tuple[str, ...], ...]:
        """The risks in blocks that follow one another in the draw order: what `build_plan` takes for
        ``RISKIEST_FIRST``. Risks whose draws are mixed are of one block."""
        planned = (self.cases[index] for index in np.unique(self.case_index))
        names = sorted({case.risk for case in planned})
        place = {risk: number for number, risk in enumerate(names)}
        of_case = np.fromiter((place.get(case.risk, -1) for case in self.cases), np.int64, len(self.cases))
        risks = of_case[self.case_index]
        _, first = np.unique(risks, return_index=True)
        last = len(risks) - 1 - np.unique(risks[::-1], return_index=True)[1]
        blocks: list[list[str]] = []
        end = -1
        for number in np.argsort(first).tolist():
            if first[number] > end:
                blocks.append([])
            blocks[-1].append(names[number])
            end = max(end, int(last[number]))
        return tuple(map(tuple, blocks))

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
    order: DrawOrder = DrawOrder.UNIFORM
    risk_blocks: Sequence[Sequence[str]] | None = None
    one_per_family: bool = False
    """Try the member of each family that the seed puts first, and no other."""

    def __post_init__(self) -> None:
        """Refuse what `build_plan` refuses, before anything is written down."""
        _check(self.cases, self.repeats, self.order, self.risk_blocks, self.one_per_family)

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
            risk_blocks=self.risk_blocks,
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
    order: DrawOrder = DrawOrder.UNIFORM,
    risk_blocks: Sequence[Sequence[str]] | None = None,
    one_per_family: bool = False,
) -> RunPlan:
    """Commit the draw order of a run.

    ``repeats`` is one number, or a number per suite id (suites that it does not name get 1). ``risk_blocks``
    (blocks of risks, the riskiest first) is needed by ``RISKIEST_FIRST`` and refused by ``UNIFORM``; risks
    that it does not name make a block before all others, because nothing is known of them.
    With ``one_per_family`` all cases stand in the plan and one of each family is tried, with all its repeats:
    the member whose turn comes first.

    Raises InputError on no case, on a case id that appears twice, on a case without a message to answer,
    on repeats below 1, and on ``risk_blocks`` that do not go with the order.
    """
    _check(cases, repeats, order, risk_blocks, one_per_family)
    counts = _repeat_counts(cases, repeats)
    case_index = np.repeat(np.arange(len(cases), dtype=np.int32), counts)
    ends = np.cumsum(counts)
    repeat = (np.arange(len(case_index)) - np.repeat(ends - counts, counts)).astype(np.int32)
    keys = _case_keys(cases, seed, "order")[case_index]
    position_key = _attempt_keys(keys, repeat)
    if order is DrawOrder.UNIFORM:
        permutation = np.argsort(position_key, kind="stable")
    else:
        permutation = np.lexsort((position_key, _risk_rank(cases, risk_blocks or ())[case_index]))
    if one_per_family:
        permutation = permutation[_first_members(cases, seed)[case_index[permutation]]]
    seeds = _attempt_keys(_case_keys(cases, seed, "seed")[case_index], repeat) >> np.uint64(64 - _SEED_BITS)
    return RunPlan(
        cases=tuple(cases),
        case_index=case_index[permutation],
        repeat=repeat[permutation],
        seed=seeds.astype(np.int64)[permutation],
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
    risk_blocks: Sequence[Sequence[str]] | None,
    one_per_family: bool,
) -> None:
    _check_cases(cases)
    _repeat_counts(cases, repeats)
    if (order is DrawOrder.RISKIEST_FIRST) != (risk_blocks is not None):
        raise InputError(
            f"draw order '{order.value}' and blocks of risks do not go together",
            hint="riskiest_first needs one, from the rates of an earlier run; uniform takes none",
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


def _first_members(cases: Sequence[Case], seed: int) -> NDArray[np.bool_]:
    """Shape (cases,): True for the member of each family whose turn comes first in repeat 0."""
    turn = _attempt_keys(_case_keys(cases, seed, "turn"), np.zeros(len(cases), dtype=np.int32))
    first: dict[str, int] = {}
    for index in np.argsort(turn, kind="stable").tolist():
        first.setdefault(cases[index].family, index)
    chosen = np.zeros(len(cases), dtype=np.bool_)
    chosen[list(first.values())] = True
    return chosen


def _risk_rank(cases: Sequence[Case], risk_blocks: Sequence[Sequence[str]]) -> NDArray[np.int64]:
    """The place of the block of each case's risk; unknown risks come first."""
    rank = {risk: place for place, block in enumerate(risk_blocks) for risk in block}
    return np.array([rank.get(case.risk, -1) for case in cases], dtype=np.int64)


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
