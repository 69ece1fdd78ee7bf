"""Spans: merged ones are disjoint and cover the same places; replacing leaves the rest as it was."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from safecase.text import merge_spans, replace_spans
from safecase.text.spans import first_of_overlapping, meets_any

SPANS = st.lists(
    st.tuples(st.integers(0, 40), st.integers(1, 12), st.sampled_from("abc")).map(
        lambda item: (item[0], item[0] + item[1], item[2])
    ),
    max_size=12,
)


def places(spans: list[tuple[int, int, str]]) -> set[int]:
    return {place for start, end, _ in spans for place in range(start, end)}


@given(SPANS)
def test_merged_spans_are_disjoint_and_cover_the_same_places(spans: list[tuple[int, int, str]]) -> None:
    merged = merge_spans(spans)
    assert places(merged) == places(spans)
    assert all(first[1] <= second[0] for first, second in pairwise(merged))


def test_the_longer_of_two_gives_the_word() -> None:
    assert merge_spans([(0, 4, "short"), (2, 9, "long")]) == [(0, 9, "long")]
    assert merge_spans([(0, 7, "long"), (2, 9, "other")]) == [(0, 9, "long")]


@given(SPANS)
def test_kept_spans_are_disjoint_and_the_first_is_among_them(spans: list[tuple[int, int, str]]) -> None:
    kept = list(first_of_overlapping(spans))
    assert len(places(kept)) == sum(end - start for start, end, _ in kept)
    assert not spans or min(kept)[0] == min(spans)[0]


@given(SPANS, st.integers(0, 50), st.integers(1, 10))
def test_meeting_is_sharing_a_place(spans: list[tuple[int, int, str]], start: int, size: int) -> None:
    merged = merge_spans(spans)
    assert meets_any(merged, start, start + size) == bool(places(merged) & set(range(start, start + size)))


@given(SPANS)
def test_what_is_not_replaced_stays(spans: list[tuple[int, int, str]]) -> None:
    text = "".join(chr(0x4E00 + place) for place in range(60))
    left = [place for place in range(60) if place not in places(spans)]
    assert [c for c in replace_spans(text, spans) if c >= "\u4e00"] == [text[place] for place in left]
