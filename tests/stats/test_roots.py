"""The root finder that stands for a library of optimisers."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from safecase.stats.numerics._roots import bracketed_root


@given(st.floats(-5, 5), st.floats(0.01, 50), st.integers(0, 6))
def test_it_finds_where_a_rising_function_crosses_zero(root: float, steepness: float, shape: int) -> None:
    def function(x: float) -> float:
        y = steepness * (x - root)
        return y**3 if shape == 0 else math.expm1(min(y, 300.0)) if shape == 1 else y + math.sin(y) / shape

    tolerance = 1e-4 if shape == 0 else 1e-9
    for low, high in ((-7.0, 6.0), (6.0, -7.0)):
        assert abs(bracketed_root(function, low, high) - root) <= tolerance


def test_a_zero_at_an_end_is_found() -> None:
    assert abs(bracketed_root(lambda x: x, 0.0, 1.0)) < 1e-12
