"""A run as a pack holds it: cases, draws, and a column for each thing that is recomputed from."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import compress, count
from typing import TypeVar

from safecase_verify.reading.records import Case, ScorerCard

OUTCOMES = ("", "held", "violated", "undetermined", "error")
"""Outcome of code 0 (not made), 1, 2, 3, 4."""
Value = TypeVar("Value")


class DrawColumn(Mapping[int, Value]):
    """Draw → value over a column of numbers, without an object per attempt; absent where none was made.

    ``made``: one byte per planned draw, 0 where it was not made.
    """

    def __init__(self, made: bytearray, read: Callable[[int], Value]) -> None:
        self._made = made
        self._read = read

    def __getitem__(self, draw: int) -> Value:
        if draw not in self:
            raise KeyError(draw)
        return self._read(draw)

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
    """Draw → outcome, in the order of the draws."""
    latency_ms: Mapping[int, float]
    cost_usd: Mapping[int, float | None]
    cached: Mapping[int, bool]
    seed: int
    uniform: bool
    """True where the draw order is one uniform permutation of all attempts; False where blocks of risks come
    one after another, each in a uniform order of its own."""
    cards: tuple[tuple[str, str, ScorerCard], ...] = ()
    """Scorer name, digest of its card, and the card, for each scorer of the run that has one."""
    open_families: frozenset[str] = frozenset()
    """Families that somebody had seen when the run began."""
    digests: tuple[str, ...] = ()
    """Content digest of each case as it was run."""

    def case(self, draw: int) -> Case:
        """The case that was planned at a draw."""
        return self.cases[self.case_index[draw]]
