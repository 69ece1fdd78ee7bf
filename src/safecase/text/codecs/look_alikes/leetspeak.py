"""Leetspeak: letters as the digits and signs that look like them."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safecase.text.codecs._codec import Codec, translate
from safecase.text.reading import Reading, name_after, rewrite

SIGNS = "013457@$!|€"
_I = str.maketrans(SIGNS, "oieastasiie")
_L = str.maketrans(SIGNS, "oleastasile")
_WORD = re.compile(r"(?<![\w$@!|])(?=[\w$@!|]{0,30}[013457@$!|])[\w$@!|]{2,31}(?![\w$@])")
"""Words of usual length; the limit keeps long tokens, which are keys, out and cheap."""
_DIGIT = re.compile(r"[013457@$|!](?=[A-Za-z])")
_FEWEST = 2
"""Words with a digit for a letter: one alone is a model number."""


def read_leet_word(word: str) -> str:
    """One word with letters in the place of its digits and signs."""
    # "1" stands for two letters: between two others it mostly is an i, twice or at a word's end an l.
    return word.translate(_L if "11" in word or word.endswith("1") else _I)


def _suspects(reading: Reading) -> bool:
    return "leetspeak" in reading.hints and len(_DIGIT.findall(reading.text)) >= _FEWEST


def _read(reading: Reading) -> Iterator[Reading]:
    edits = [(m.start(), m.end(), read_leet_word(m.group())) for m in _WORD.finditer(reading.text)]
    if len(edits) >= _FEWEST:
        yield rewrite(reading, name_after(reading, "leetspeak"), edits)


CODEC = Codec(
    name="leetspeak",
    description="Letters as look-alike digits.",
    encode=translate(str.maketrans("aeiostAEIOST", "431057431057")),
    decode=lambda text: _WORD.sub(lambda match: read_leet_word(match.group()), text),
    loss="which digits were digits, the case of what was replaced, and i or l where 1 stands for both",
    suspects=_suspects,
    read=_read,
    precedence=130,
)
