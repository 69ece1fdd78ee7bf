"""Undoing what makes a text look like another to people and like noise to patterns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from safecase.text.codecs.invisible.zero_width import INVISIBLE
from safecase.text.codecs.look_alikes.diacritics import MARKS
from safecase.text.codecs.look_alikes.homoglyph import CONFUSABLES, LOOK_ALIKE
from safecase.text.codecs.look_alikes.spaced_letters import is_spaced, join_letters
from safecase.text.reading import Edit, Reading, rewrite

_NOT_ASCII = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")
_NOT_ASCII_WORD = re.compile(r"[A-Za-z]*[^\x00-\x7f]+[^\W\d_]*")
_MIXED_SCRIPTS = re.compile(f"[A-Za-z]{LOOK_ALIKE.pattern}|{LOOK_ALIKE.pattern}[A-Za-z]")
_NOT_ALPHANUMERIC = re.compile(r"[\W_]+")
_ASCII_LETTER = re.compile("[A-Za-z]")
_BOXED = re.compile("[\U0001f130-\U0001f1ff]")
_SQUARED = {
    **{0x1F130 + place: chr(65 + place) for place in range(26)},
    **{0x1F150 + place: chr(65 + place) for place in range(26)},
    **{0x1F170 + place: chr(65 + place) for place in range(26)},
    **{0x1F1E6 + place: chr(65 + place) for place in range(26)},
}
"""Letters in boxes, circles and flags, which NFKC leaves alone."""


def normalise(reading: Reading) -> Reading:
    """Compatibility forms, invisible characters, look-alike letters and spaced-out words undone.

    Returns ``reading`` itself where there is nothing to undo. Text in other scripts stays as it is: a letter
    is taken for its Latin look-alike only in a word that mixes scripts, or in a text that is Latin otherwise.
    """
    made = reading
    if not reading.text.isascii():
        made = _edited(made, _compatibility_edits(made.text))
        if not made.text.isascii():
            made = _edited(made, _confusable_edits(made.text))
    return _edited(made, join_letters(made.text)) if is_spaced(made) else made


def _edited(reading: Reading, edits: list[Edit]) -> Reading:
    """The reading with the edits made; itself where there are none."""
    return rewrite(reading, "normalised", edits) if edits else reading


def _compatibility_edits(text: str) -> list[Edit]:
    if not _needs_work(text):
        return []
    edits: list[Edit] = []
    for run in _NOT_ASCII.finditer(text):
        if _needs_work(run.group()):
            edits.extend(_piece_edits(run.group(), run.start()))
    return edits


def _needs_work(text: str) -> bool:
    return (
        not unicodedata.is_normalized("NFKC", text)
        or INVISIBLE.search(text) is not None
        or _BOXED.search(text) is not None
        or MARKS.search(text) is not None
    )


def _piece_edits(piece: str, offset: int) -> Iterator[Edit]:
    """Edits for one run of characters, cluster by cluster: a base and the marks that follow it."""
    composed = unicodedata.normalize("NFKC", piece)
    if len(composed) == len(piece) and not any(p.search(piece) for p in (INVISIBLE, _BOXED, MARKS)):
        yield offset, offset + len(piece), composed
        return
    start = 0
    while start < len(piece):
        end = start + 1
        # Composition never needs more than a few marks; the rest are stacked for effect.
        while end < len(piece) and _combines(piece[end]):
            end += 1
        cluster = piece[start:end]
        plain = _plain_cluster(cluster)
        if plain != cluster:
            yield offset + start, offset + end, plain
        start = end


def _combines(character: str) -> bool:
    return unicodedata.combining(character) != 0


def _plain_cluster(cluster: str) -> str:
    if INVISIBLE.search(cluster):
        cluster = INVISIBLE.sub("", cluster)
    if len(cluster) == 1 and ord(cluster) in _SQUARED:
        return _SQUARED[ord(cluster)]
    try:
        composed = unicodedata.normalize("NFKC", cluster[:12])
    except ValueError:
        return cluster
    if len(composed) > 1 and MARKS.search(composed):
        # Marks that compose with nothing are written over the letter to hide it.
        composed = composed[0] + MARKS.sub("", composed[1:])
    return composed


def _confusable_edits(text: str) -> list[Edit]:
    if not _ASCII_LETTER.search(text) or not LOOK_ALIKE.search(text):
        return []
    # The share of Latin letters is the same over a long text, and counting them is not.
    sample = text[:20_000]
    mostly_latin = len(_ASCII_LETTER.findall(sample)) * 2 > len(sample) - sample.count(" ")
    if not mostly_latin and not _MIXED_SCRIPTS.search(text):
        return []
    edits: list[Edit] = []
    for match in _NOT_ASCII_WORD.finditer(text):
        plain = match.group().translate(CONFUSABLES)
        if plain.isascii() and (mostly_latin or _ASCII_LETTER.search(match.group())):
            edits.append((match.start(), match.end(), plain))
    return edits


def plain_letters(text: str) -> str:
    """Compatibility forms, look-alike letters, marks and invisible characters undone, whatever the script.

    For comparing texts letter by letter: Cyrillic words become nonsense in it. Case is kept.
    """
    if text.isascii():
        return text
    text = INVISIBLE.sub("", text)
    text = unicodedata.normalize("NFKC", text).translate(CONFUSABLES)
    return text if text.isascii() else strip_marks(unicodedata.normalize("NFKD", text))


def strip_marks(text: str) -> str:
    """``text``, which is decomposed, without the marks on its letters."""
    return "".join(character for character in text if not unicodedata.combining(character))


def fold(text: str) -> str:
    """Letters and digits only, in one case, look-alikes and invisible characters undone."""
    return _NOT_ALPHANUMERIC.sub("", plain_letters(text)).casefold()
