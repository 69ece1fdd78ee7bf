"""Undoing what makes a text look like another to people and like noise to patterns."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from safecase.guard._text_view import Edit, TextView, rewrite
from safecase.scorers import CONFUSABLES, INVISIBLE

_NOT_ASCII = re.compile(r"[\x00-\x7f]?[^\x00-\x7f]+")
_NOT_ASCII_WORD = re.compile(r"[A-Za-z]*[^\x00-\x7f]+[^\W\d_]*")
_CONFUSABLE = re.compile("[" + "".join(map(chr, sorted(CONFUSABLES))) + "]")
_MIXED_SCRIPTS = re.compile(f"[A-Za-z]{_CONFUSABLE.pattern}|{_CONFUSABLE.pattern}[A-Za-z]")
_ASCII_LETTER = re.compile("[A-Za-z]")
_MARKS = re.compile("[\u0300-\u036f\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]")
_TAG_RUN = re.compile("[\U000e0020-\U000e007e]{2,}")
_SELECTOR_RUN = re.compile("[\ufe00-\ufe0f\U000e0100-\U000e01ef]{4,}")
_BIT_RUN = re.compile("[\u200b\u200c\u200d\u2060]{32,}")
_SPACED = re.compile(
    r"(?<![^\W_])[^\W\d_](?:[ \t.\-_*|·•~]{1,3}[^\W\d_](?![^\W_])){3,}|"
    r"(?<![^\W_])[^\W\d_](?:[ ]{1,3}[^\W_](?![^\W_])){5,}"
)
_SPACED_START = re.compile(r"[ \t.\-_*|·•~](?<=[^\W\d_].)[^\W_][ \t.\-_*|·•~]{1,3}[^\W_][ \t.\-_*|·•~]")
_BOXED = re.compile("[\U0001f130-\U0001f1ff]")
_SQUARED = {
    **{0x1F130 + place: chr(65 + place) for place in range(26)},
    **{0x1F150 + place: chr(65 + place) for place in range(26)},
    **{0x1F170 + place: chr(65 + place) for place in range(26)},
    **{0x1F1E6 + place: chr(65 + place) for place in range(26)},
}
"""Letters in boxes, circles and flags, which NFKC leaves alone."""


def normalise(view: TextView) -> TextView:
    """Compatibility forms, invisible characters, look-alike letters and spaced-out words undone.

    Returns ``view`` itself where there is nothing to undo. Text in other scripts stays as it is: a letter is
    taken for its Latin look-alike only in a word that mixes scripts, or in a text that is Latin otherwise.
    """
    made = view
    if not view.text.isascii():
        made = _edited(made, _compatibility_edits(made.text))
        if not made.text.isascii():
            made = _edited(made, _confusable_edits(made.text))
    return _edited(made, _spacing_edits(made.text)) if _may_be_spaced(made) else made


def _edited(view: TextView, edits: list[Edit]) -> TextView:
    return rewrite(view, "normalised", edits) if edits else view


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
        or _MARKS.search(text) is not None
    )


def _piece_edits(piece: str, offset: int) -> Iterator[Edit]:
    """Edits for one run of characters, cluster by cluster: a base and the marks that follow it."""
    composed = unicodedata.normalize("NFKC", piece)
    if len(composed) == len(piece) and not any(p.search(piece) for p in (INVISIBLE, _BOXED, _MARKS)):
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
    if len(composed) > 1 and _MARKS.search(composed):
        # Marks that compose with nothing are written over the letter to hide it.
        composed = composed[0] + _MARKS.sub("", composed[1:])
    return composed


def _confusable_edits(text: str) -> list[Edit]:
    if not _ASCII_LETTER.search(text) or not _CONFUSABLE.search(text):
        return []
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


def _may_be_spaced(view: TextView) -> bool:
    return "spaced" in view.hints and _SPACED_START.search(view.text) is not None


def _spacing_edits(text: str) -> list[Edit]:
    """Words written letter by letter, put together again; wider gaps part the words."""
    edits: list[Edit] = []
    for match in _SPACED.finditer(text):
        run = match.group()
        gaps = re.findall(r"[\W_]+", run)
        narrow = min(map(len, gaps))
        joined = re.sub(r"[\W_]+", lambda gap, least=narrow: " " if len(gap.group()) > least else "", run)  # type: ignore[misc]
        edits.append((match.start(), match.end(), joined))
    return edits


def hidden_texts(view: TextView) -> Iterator[TextView]:
    """Texts that stand in invisible characters: tags, variation selectors, zero-width bits."""
    text = view.text
    if text.isascii():
        return
    if not INVISIBLE.search(text):
        if _dense_marks(text):
            yield _without_marks(view)
        return
    runs = [
        (match.start(), match.end(), "".join(chr(ord(letter) - 0xE0000) for letter in match.group()))
        for match in _TAG_RUN.finditer(text)
    ]
    if runs:
        yield _only(view, "tag_characters", runs)
    bits = [(m.start(), m.end(), _from_bits(m.group())) for m in _BIT_RUN.finditer(text)]
    if any(new for _, _, new in bits):
        yield _only(view, "zero_width_bits", [edit for edit in bits if edit[2]])
    selectors = [(m.start(), m.end(), _from_selectors(m.group())) for m in _SELECTOR_RUN.finditer(text)]
    if any(new for _, _, new in selectors):
        yield _only(view, "variation_selectors", [edit for edit in selectors if edit[2]])
    if _dense_marks(text):
        yield _without_marks(view)


def _only(view: TextView, name: str, runs: list[Edit]) -> TextView:
    """A view of the runs alone, each on a line of its own."""
    edits: list[Edit] = []
    at = 0
    for start, end, new in runs:
        if start > at:
            edits.append((at, start, ""))
        edits.append((start, end, new + "\n"))
        at = end
    edits.append((at, len(view.text), ""))
    return rewrite(view, name, edits)


def _from_selectors(run: str) -> str:
    data = bytes(
        ord(letter) - 0xFE00 if ord(letter) < 0xE0000 else ord(letter) - 0xE0100 + 16 for letter in run
    )
    return _readable(data)


def _from_bits(run: str) -> str:
    bits = "".join("0" if letter == "\u200b" else "1" for letter in run)
    data = bytes(int(bits[place : place + 8], 2) for place in range(0, len(bits) - 7, 8))
    return _readable(data)


def _readable(data: bytes) -> str:
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError:
        return ""
    return text if sum(c.isprintable() for c in text) >= 0.9 * len(text) else ""


def _dense_marks(text: str) -> bool:
    """Marks on so many letters that no language's spelling explains them, as seen before composition."""
    marks = len(_MARKS.findall(text))
    return marks >= 6 and marks * 4 > len(_ASCII_LETTER.findall(text))


def _without_marks(view: TextView) -> TextView:
    edits = [(m.start(), m.end(), "") for m in re.finditer(f"{_MARKS.pattern}+", view.text)]
    return rewrite(view, "diacritics", edits)
