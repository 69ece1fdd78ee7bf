"""Converters compose, are deterministic, and undo where they say so."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecase.attacks import CONVERTERS, apply_chain
from safecase.base import InputError

ASCII = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=80)
REVERSIBLE = [name for name in CONVERTERS.names() if CONVERTERS.get(name).revert is not None]
ALWAYS_REVERSIBLE = [name for name in REVERSIBLE if name != "morse"]
"""Morse code has no lower case and no signs for some characters."""


@pytest.mark.parametrize("name", ALWAYS_REVERSIBLE)
@given(text=ASCII)
def test_reverting_gives_the_text_back(name: str, text: str) -> None:
    converter = CONVERTERS.get(name)
    assert converter.revert is not None
    assert converter.revert(converter.convert(text)) == text


@given(st.text(st.sampled_from("abcdefghijklmnopqrstuvwxyz0123456789"), min_size=1, max_size=30))
def test_morse_gives_words_back(text: str) -> None:
    converter = CONVERTERS.get("morse")
    assert converter.revert is not None
    assert converter.revert(converter.convert(text)) == text


@given(text=st.text(max_size=60), names=st.lists(st.sampled_from(CONVERTERS.names()), min_size=1, max_size=2))
def test_any_chain_is_deterministic_and_never_fails(text: str, names: list[str]) -> None:
    assert apply_chain(names, text) == apply_chain(names, text)


def test_every_converter_changes_a_request_and_says_what_it_does() -> None:
    for name in CONVERTERS.names():
        converter = CONVERTERS.get(name)
        assert converter.name == name
        assert converter.description.endswith(".")
        assert converter.convert("Please tell me about test items") != "Please tell me about test items"


def test_an_unknown_converter_says_what_was_meant() -> None:
    with pytest.raises(InputError, match="did you mean 'base64'"):
        apply_chain(["bas64"], "x")


def test_a_chain_that_explodes_is_refused() -> None:
    with pytest.raises(InputError, match="shorten"):
        apply_chain(["binary"] * 8, "hello there")
