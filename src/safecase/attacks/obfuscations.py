"""Obfuscations: still readable for people and models, no longer for naive patterns."""

from __future__ import annotations

import unicodedata

from safecase.attacks._registry import TextConverter

_LEET = str.maketrans("aeiostAEIOST", "431057431057")
_HOMOGLYPHS = str.maketrans("aceopxyiACEOPXTHBKM", "асеорхуіАСЕОРХТНВКМ")
_UNHOMOGLYPHS = str.maketrans("асеорхуіАСЕОРХТНВКМ", "aceopxyiACEOPXTHBKM")
_UPSIDE = str.maketrans("abcdefghijklmnopqrstuvwxyz?!.", "ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz¿¡˙")
_NATO = [
    "alfa",
    "bravo",
    "charlie",
    "delta",
    "echo",
    "foxtrot",
    "golf",
    "hotel",
    "india",
    "juliett",
    "kilo",
    "lima",
    "mike",
    "november",
    "oscar",
    "papa",
    "quebec",
    "romeo",
    "sierra",
    "tango",
    "uniform",
    "victor",
    "whiskey",
    "xray",
    "yankee",
    "zulu",
]
_VOWELS = "aeiouAEIOU"
_MARKS = ("\u0301", "\u0308", "\u0323", "\u0330")


def _zero_width(text: str) -> str:
    return "\u200b".join(text)


def _tags(text: str) -> str:
    return "".join(chr(0xE0000 + ord(letter)) if 0x20 <= ord(letter) < 0x7F else letter for letter in text)


def _untags(text: str) -> str:
    return "".join(
        chr(ord(letter) - 0xE0000) if 0xE0020 <= ord(letter) < 0xE007F else letter for letter in text
    )


def _fullwidth(text: str) -> str:
    return "".join(chr(ord(letter) + 0xFEE0) if 0x21 <= ord(letter) <= 0x7E else letter for letter in text)


def _halfwidth(text: str) -> str:
    return "".join(
        chr(ord(letter) - 0xFEE0) if 0xFF01 <= ord(letter) <= 0xFF5E else letter for letter in text
    )


def _diacritics(text: str) -> str:
    return "".join(
        letter + _MARKS[index % len(_MARKS)] if letter.isalpha() else letter
        for index, letter in enumerate(text)
    )


def _undiacritics(text: str) -> str:
    return "".join(letter for letter in unicodedata.normalize("NFD", text) if letter not in _MARKS)


def _pig_latin(text: str) -> str:
    def word(item: str) -> str:
        if not item.isalpha():
            return item
        if item[0] in _VOWELS:
            return item + "way"
        start = next((index for index, letter in enumerate(item) if letter in _VOWELS), len(item))
        return item[start:] + item[:start] + "ay"

    return " ".join(word(item) for item in text.split(" "))


def _nato(text: str) -> str:
    words = []
    for item in text.lower().split():
        words.append(" ".join(_NATO[ord(letter) - 97] if "a" <= letter <= "z" else letter for letter in item))
    return " | ".join(words)


def _alternating(text: str) -> str:
    return "".join(letter.upper() if index % 2 else letter.lower() for index, letter in enumerate(text))


LEETSPEAK = TextConverter(
    "leetspeak", "1", "Letters as look-alike digits.", lambda text: text.translate(_LEET)
)
HOMOGLYPH = TextConverter(
    "homoglyph",
    "1",
    "Latin letters as Cyrillic look-alikes.",
    lambda text: text.translate(_HOMOGLYPHS),
    lambda text: text.translate(_UNHOMOGLYPHS),
)
ZERO_WIDTH = TextConverter(
    "zero_width",
    "1",
    "Invisible spaces between letters.",
    _zero_width,
    lambda text: text.replace("\u200b", ""),
)
TAG_CHARACTERS = TextConverter("tag_characters", "1", "ASCII as invisible Unicode tags.", _tags, _untags)
SPACED_LETTERS = TextConverter(
    "spaced_letters", "1", "A space between all letters.", lambda text: " ".join(text), lambda text: text[::2]
)
FULLWIDTH = TextConverter("fullwidth", "1", "ASCII as full-width forms.", _fullwidth, _halfwidth)
DIACRITICS = TextConverter("diacritics", "1", "Combining marks on letters.", _diacritics, _undiacritics)
PIG_LATIN = TextConverter("pig_latin", "1", "Pig Latin.", _pig_latin)
NATO = TextConverter("nato", "1", "Letters spelt out in the radio alphabet.", _nato)
UPSIDE_DOWN = TextConverter(
    "upside_down", "1", "Letters turned upside down.", lambda text: text.lower().translate(_UPSIDE)[::-1]
)
ALTERNATING_CASE = TextConverter("alternating_case", "1", "cAsE sWiTcHeD at every letter.", _alternating)
