"""Words written letter by letter, with spaces or signs between. Undone where readings are normalised."""

from __future__ import annotations

import re

from safecase.text.codecs._codec import Codec
from safecase.text.reading import Edit, Reading

_RUN = re.compile(
    r"(?<![^\W_])[^\W\d_](?:[ \t.\-_*|·•~]{1,3}[^\W\d_](?![^\W_])){3,}|"
    r"(?<![^\W_])[^\W\d_](?:[ ]{1,3}[^\W_](?![^\W_])){5,}"
)
"""Four letters or more; with digits among them six, because initials, options and scores are spaced too."""
_START = re.compile(r"[ \t.\-_*|·•~](?<=[^\W\d_].)[^\W_][ \t.\-_*|·•~]{1,3}[^\W_][ \t.\-_*|·•~]")
_GAP = re.compile(r"[\W_]+")


def is_spaced(reading: Reading) -> bool:
    """The cheap hint: letters that stand alone, side by side."""
    return "spaced" in reading.hints and _START.search(reading.text) is not None


def join_letters(text: str) -> list[Edit]:
    """Edits that put such words together again; wider gaps part the words."""
    edits: list[Edit] = []
    for match in _RUN.finditer(text):
        run = match.group()
        narrow = min(map(len, _GAP.findall(run)))
        joined = _GAP.sub(lambda gap, least=narrow: " " if len(gap.group()) > least else "", run)  # type: ignore[misc]
        edits.append((match.start(), match.end(), joined))
    return edits


CODEC = Codec(
    name="spaced_letters",
    description="A space between all letters.",
    encode=" ".join,
    decode=lambda text: text[::2],
    suspects=is_spaced,
)
