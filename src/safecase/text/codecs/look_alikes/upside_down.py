"""Letters turned upside down, and the text backwards, so that a page turned round reads."""

from __future__ import annotations

import re
from collections.abc import Iterator

from safecase.text.codecs._codec import Codec, translate
from safecase.text.reading import Reading, mirror, name_after

_LETTERS = "abcdefghijklmnopqrstuvwxyz?!."
_TURNED = "ɐqɔpǝɟƃɥᴉɾʞlɯuodbɹsʇnʌʍxʎz¿¡˙"
_SIGN = re.compile("[ɐɔǝɟƃɥᴉɾʞɯɹʇʌʍʎ]")
_FEWEST = 4
"""Turned letters, fewer of which are phonetic script."""
_turn = translate(str.maketrans(_LETTERS, _TURNED))
_undo = translate(str.maketrans(_TURNED, _LETTERS))


def _read(reading: Reading) -> Iterator[Reading]:
    yield mirror(Reading("", _undo(reading.text), reading), name_after(reading, "upside_down"))


CODEC = Codec(
    name="upside_down",
    description="Letters turned upside down.",
    encode=lambda text: _turn(text.lower())[::-1],
    decode=lambda text: _undo(text)[::-1],
    loss="case",
    suspects=lambda reading: not reading.text.isascii() and len(_SIGN.findall(reading.text)) >= _FEWEST,
    read=_read,
    precedence=120,
)
