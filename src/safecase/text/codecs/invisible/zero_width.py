"""Invisible characters between letters. Taken out where readings are normalised."""

from __future__ import annotations

import re

from safecase.text.codecs._codec import Codec

INVISIBLE = re.compile("[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
                       "\u2060-\u206f\ufe00-\ufe0f\ufeff\uffa0\U000e0000-\U000e01ef]")  # fmt: skip
"""Unicode's default-ignorable characters: what is drawn as nothing."""
_SPACE = "\u200b"

CODEC = Codec(
    name="zero_width",
    description="Invisible spaces between letters.",
    encode=_SPACE.join,
    decode=lambda text: text.replace(_SPACE, ""),
    loss="zero-width spaces that were there",
)
