"""Letters as the cells of Braille (grade 1: a cell a letter)."""

from __future__ import annotations

import re

from safecase.text.codecs._codec import Codec, find_all, translate

_LETTERS = "abcdefghijklmnopqrstuvwxyz "
_CELLS = "⠁⠃⠉⠙⠑⠋⠛⠓⠊⠚⠅⠇⠍⠝⠕⠏⠟⠗⠎⠞⠥⠧⠺⠭⠽⠵\u2800"
_RUN = re.compile("[\u2801-\u28ff][\u2800-\u28ff ]{2,}")
"""Three cells or more: fewer are ornaments."""
_decode = translate(str.maketrans(_CELLS, _LETTERS))
_write = translate(str.maketrans(_LETTERS, _CELLS))

CODEC = Codec(
    name="braille",
    description="Letters as cells of Braille.",
    encode=lambda text: _write(text.lower()),
    decode=_decode,
    loss="case",
    suspects=lambda reading: not reading.text.isascii() and _RUN.search(reading.text) is not None,
    find=find_all(_RUN, _decode),
    precedence=97,
)
