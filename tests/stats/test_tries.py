"""What each of several tries may spend, and how many there can be."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecase.base import StatisticsError
from safecase.stats import error_of_try, tries_carried, zero_failure_floor


def test_all_tries_together_spend_the_error_and_no_more() -> None:
    spent = math.fsum(error_of_try(0.05, number) for number in range(1, 100_000))
    assert spent < 0.05
    assert spent == pytest.approx(0.05, rel=1e-4)


@pytest.mark.parametrize(
    ("bound", "families"),
    [(0.02, {1: 183, 2: 237, 3: 272, 5: 317, 10: 381, 20: 448}), (0.05, {1: 72, 2: 94, 3: 107, 10: 151})],
)
def test_families_that_a_try_takes(bound: float, families: dict[int, int]) -> None:
    """The table of section 8a: ln(error of the try) / ln(1 - bound)."""
    for number, needed in families.items():
        assert zero_failure_floor(bound, error_of_try(0.05, number)) == needed
        assert tries_carried(needed, bound, 0.05) == number
        assert tries_carried(needed - 1, bound, 0.05) == number - 1


@given(st.integers(0, 3000), st.floats(0.005, 0.4), st.floats(0.001, 0.2))
def test_the_last_try_is_the_last(families: int, bound: float, error: float) -> None:
    last = tries_carried(families, bound, error)
    if 0 < last < 10**6:
        assert zero_failure_floor(bound, error_of_try(error, last)) <= families
    if last < 10**6:
        assert zero_failure_floor(bound, error_of_try(error, last + 1)) > families


def test_there_is_no_try_before_the_first() -> None:
    with pytest.raises(StatisticsError):
        error_of_try(0.05, 0)
