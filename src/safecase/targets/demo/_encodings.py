"""Seeing through disguises of text: what looks encoded, and what it says when decoded.

The hardened agent uses this only to notice that something is hidden. It never acts on decoded text.
"""

from __future__ import annotations

import re
import unicodedata

from safecase.text import INVISIBLE, find_codec, read_all

_COMMON = frozenset(
    """the and you that how what is to of in for make me with tell your this write can build explain give
    step instructions ignore previous system prompt print all about do not order please are my from steal
    create hack account someone password into get an it where when will have should which without""".split()  # noqa: SIM905
)
_MENTIONS = re.compile(
    r"\b(base ?-?(16|32|64|85)|rot ?-?13|caesar|atbash|hex(adecimal)?|morse|binary|cipher(ed|text)?|"
    r"decod\w+|decrypt\w*|encod\w+|unscrambl\w+|reversed|backwards|pig ?latin|leet ?speak|braille|"
    r"url[- ]encod\w+|vigen\w+|nato alphabet|zero[- ]width)\b"
)
_WORD = re.compile(r"[^\W\d_]{2,}")
_PERCENT = re.compile(r"(?<!\S)(?!\S{0,200}://)\S{0,4000}%[0-9A-Fa-f]{2}\S{0,4000}")
_MIXED = re.compile(r"(?=.{0,20}[A-Za-z])(?=.{0,20}[013457@$!|8])[A-Za-z013457@$!|8]{4,20}")
"""Four letters and more with digits for some of them; the limits keep one long token from costing more than
its length."""
_LEET = re.compile(r"[a-zA-Z][013457@$!|]+[a-zA-Z]")
_CLUSTER = re.compile(r"[bcdfghjklmnpqrstvwxz]{5,}")
"""Five consonants in a row: few English words have them, and ciphered ones often do."""
_VOWELS = re.compile(r"[aeiouy]")
_LONGEST = 4_000
"""Characters of a message that are looked at."""
_FEWEST_HIDDEN_WORDS = 2
"""Words that only a decoded reading has: a sign as HTML writes it hides none, a code in a link one."""
_FEWEST_INVISIBLE = 3
"""Invisible signs; one or two stand in emoji and in texts that were copied."""
_CLEARER = 0.15
"""Share of common words by which a reading must be better than the text to be what was meant."""


def without_accents(text: str) -> str:
    """Text in Latin letters without the marks on them; other text as it is."""
    if text.isascii():
        return text
    # Marks are taken off before counting: a Latin letter under a pile of accents is a Latin letter.
    letters = unicodedata.normalize("NFD", text)
    latin = sum("a" <= char <= "z" or "A" <= char <= "Z" for char in letters)
    if latin * 3 <= sum(char.isalpha() for char in text):
        return text
    return "".join(char for char in letters if not "\u0300" <= char <= "\u036f")


def plain_form(text: str) -> str:
    """Text as a reader sees it: compatibility forms folded, invisible characters and look-alikes undone."""
    return without_accents(read_all(text).normalised.text)


def readable(text: str) -> float:
    """Share of words that are common English ones, in [0, 1]; 0 for no words."""
    words = re.findall(r"[a-z]{2,}", text.lower())[:60]
    if len(words) < 3:
        return 0.0
    common = sum(word in _COMMON for word in words)
    # One common word among few is chance: any language has an "i" or an "a".
    return common / len(words) if common > 1 else 0.0


def mentions_encoding(text: str) -> bool:
    """True where the (lower-case) text talks of encoding or decoding something."""
    return bool(_MENTIONS.search(text))


def looks_encoded(text: str) -> bool:
    """True where part of the text is evidently no plain language: a long code run or hidden characters."""
    sample = text[:_LONGEST]
    if len(INVISIBLE.findall(sample)) >= _FEWEST_INVISIBLE:
        return True
    readings = read_all(sample)
    # Read as leetspeak, every name with digits in it is made of words; how many there are is counted below.
    coded = [reading for reading in readings.decoded if not reading.hidden_by.startswith("leetspeak")]
    if find_codec("spaced_letters").suspects(readings.original):
        coded.append(readings.normalised)
    # Words between percent signs are as hidden as the spaces; in a link they are a link.
    open_words = _words(_PERCENT.sub(" ", sample))
    hidden = (_words(reading.text) - open_words for reading in coded)
    return any(len(words) >= _FEWEST_HIDDEN_WORDS for words in hidden) or _garbled(sample)


def _words(text: str) -> set[str]:
    return set(_WORD.findall(without_accents(text).lower()))


def _garbled(text: str) -> bool:
    """Whether the words look ciphered or written in leetspeak, without undoing it."""
    if not text.isascii() and sum(char.isascii() for char in text) * 2 < len(text):
        return False
    words = re.findall(r"[A-Za-z0-9@$!|]{2,}", text)[:60]
    leet = sum(bool(_LEET.search(word)) for word in words)
    mixed = sum(bool(_MIXED.fullmatch(word)) for word in words)
    if (leet >= 3 and leet * 5 >= len(words)) or (mixed >= 3 and mixed * 3 >= len(words)):
        return True
    letters = [word.lower() for word in words if word.isalpha()]
    if len(letters) < 4:
        return False
    odd = sum(not _VOWELS.search(word) or bool(_CLUSTER.search(word)) for word in letters)
    return odd * 4 > len(letters)


def decode(text: str) -> str | None:
    """What a disguised text says; None where it seems to be no disguise."""
    sample = text[:_LONGEST]
    candidates = [reading.text for reading in read_all(sample).hidden]
    if not candidates:
        return None
    best = max(candidates, key=readable)
    # Where nothing reads as English, the innermost reading is what a decoder would have handed on.
    return best if readable(best) > readable(sample) + _CLEARER else candidates[-1]
