"""Obfuscations: still readable for people and models, no longer for naive patterns."""

from __future__ import annotations

from safecase.attacks._registry import TextConverter
from safecase.text import find_codec


def _from_codec(name: str, *, codec_name: str = "", reverts: bool = True) -> TextConverter:
    codec = find_codec(codec_name or name)
    return TextConverter(name, "1", codec.description, codec.encode, codec.decode if reverts else None)


# What a reader guesses back is no way back: these lose letters, or tell two of them no more apart.
LEETSPEAK = _from_codec("leetspeak", reverts=False)
PIG_LATIN = _from_codec("pig_latin", reverts=False)
NATO = _from_codec("nato", codec_name="radio_alphabet", reverts=False)
UPSIDE_DOWN = _from_codec("upside_down", reverts=False)
ALTERNATING_CASE = _from_codec("alternating_case", reverts=False)
HOMOGLYPH = _from_codec("homoglyph")
ZERO_WIDTH = _from_codec("zero_width")
TAG_CHARACTERS = _from_codec("tag_characters")
SPACED_LETTERS = _from_codec("spaced_letters")
FULLWIDTH = _from_codec("fullwidth")
DIACRITICS = _from_codec("diacritics")
