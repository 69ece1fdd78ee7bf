"""Upper and lower case in turn. Readers that fold case need no decoder for it."""

from __future__ import annotations

from safecase.text.codecs._codec import Codec


def _encode(text: str) -> str:
    return "".join(letter.upper() if index % 2 else letter.lower() for index, letter in enumerate(text))


CODEC = Codec(
    name="alternating_case",
    description="cAsE sWiTcHeD at every letter.",
    encode=_encode,
    decode=str.lower,
    loss="case",
)
