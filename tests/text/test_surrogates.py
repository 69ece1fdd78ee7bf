"""Lone surrogates: what comes out can be stored, and covering them moves no place."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from safecase.base import cover_surrogates, replace_surrogates, replace_surrogates_within


@given(st.text(st.characters(exclude_categories=())))
@example("a\ud83d\ude00b")
@example("\ud800")
def test_any_text_becomes_one_that_can_be_stored(text: str) -> None:
    assert replace_surrogates(text).encode() or not text
    assert len(cover_surrogates(text)) == len(text)
    assert cover_surrogates(text).encode() or not text


def test_halves_side_by_side_are_a_character() -> None:
    assert replace_surrogates("a\ud83d\ude00b") == "a\U0001f600b"
    assert replace_surrogates("a\ud83db") == "a\ufffdb"


def test_texts_inside_of_values_are_replaced_too() -> None:
    assert replace_surrogates_within({"\ud800": ["\udfff", ("x", 1)]}) == {"\ufffd": ["\ufffd", ["x", 1]]}
