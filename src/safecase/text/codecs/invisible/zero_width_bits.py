"""Bytes as two invisible characters, one for nought and one for one."""

from __future__ import annotations

import re

from safecase.text.codecs._bytes import from_bytes, to_bytes
from safecase.text.codecs._codec import Codec
from safecase.text.codecs.invisible._carried import carried_text
from safecase.text.reading import Edit

_RUN = re.compile("[\u200b\u200c\u200d\u2060-\u2064]{32,}")
"""Four bytes or more: scripts and emoji join letters with one or two of these signs."""
_NOUGHT, _ONE = "\u200b", "\u200c"


def _cut(bits: str) -> bytes:
    return bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits) - 7, 8))


def _encode(text: str) -> str:
    bits = "".join(f"{byte:08b}" for byte in to_bytes(text))
    return bits.replace("0", _NOUGHT).replace("1", _ONE)


def _decode(text: str) -> str:
    if len(text) % 8 or set(text) - {_NOUGHT, _ONE}:
        raise ValueError("not a row of invisible bits")
    return from_bytes(_cut(text.replace(_NOUGHT, "0").replace(_ONE, "1")))


def _carried(run: str) -> str:
    """The text in a run of invisible bits; empty where it is none."""
    # Two signs are a nought and a one in some order; with more of them, the zero-width space is the nought.
    signs = sorted(set(run))
    noughts = (_NOUGHT,) if len(signs) != 2 else (signs if _NOUGHT not in signs else (_NOUGHT, *signs))
    for nought in noughts:
        text = carried_text(_cut("".join("0" if sign == nought else "1" for sign in run)))
        if text:
            return text
    return ""


def _hidden(text: str) -> list[Edit]:
    runs = [(match.start(), match.end(), _carried(match.group())) for match in _RUN.finditer(text)]
    return [run for run in runs if run[2]]


CODEC = Codec(
    name="zero_width_bits",
    description="Bits as two kinds of invisible spaces.",
    encode=_encode,
    decode=_decode,
    hidden=_hidden,
    precedence=210,
)
