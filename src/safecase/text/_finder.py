"""Finding values of a known shape: a prefilter, a bounded pattern, a check, and the words around it.

Patterns are read on a levelled copy of the text, letter for letter as long as the text itself: digits and
signs of other scripts are ASCII there, and letters of scripts that put no spaces between words are no
letters, so that a value inside a Japanese sentence has borders like one inside an English sentence.
"""

from __future__ import annotations

import re
import unicodedata
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

from pydantic import Field

from safecase.base import InputError, Record, cover_surrogates
from safecase.text.value_checks import CHECKS

LETTERS = "A-Za-z\u00c0-\u024f\u0370-\u03ff\u0400-\u052f"
"""Letters of scripts that put spaces between words and occur in mail addresses; ``{L}`` in a pattern."""
_UNSPACED = re.compile(
    "[\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u2e80-\u2fdf\u3005-\u3007\u3021-\u318f\u31a0-\u31ff\u3400-\u4dbf"
    "\u4e00-\u9fff\ua960-\ua97f\uac00-\ud7ff\uf900-\ufaff\uff66-\uffdc\U00020000-\U0003ffff]"
)
"""Thai, Lao, Burmese, Khmer, Han, kana, bopomofo, Hangul: words stand beside each other without a space."""
_NO_LETTER = "\u00b7"
_SIGNS = re.compile(
    "[\u00a0\u2000-\u200a\u2010-\u2015\u202f\u205f\u2212\u3000\ufe58\ufe63\uff01-\uff5e"
    "\u0660-\u0669\u06f0-\u06f9\u0966-\u096f\u09e6-\u09ef\u0e50-\u0e59]"
)
"""Spaces, dashes, full-width signs, and the digits of scripts that write numbers as ours do."""
_DIGIT = re.compile(r"[0-9]")
_TEN_DIGITS = frozenset("0123456789")
_NUMBER_RUN = re.compile(r"[0-9](?:[^0-9]{0,4}[0-9])*")
"""Digits that may belong to one value: bracket, separator, space, bracket are the most between two."""
_GAP = re.compile(r"[ ./-]+")
_CONTEXT = 48
"""Characters before a value in which its words are looked for: a short clause."""
_AGAINST_BEFORE, _AGAINST_BEHIND = 16, 20
"""Characters in which words that speak against a value are looked for: only those of the value itself."""
MOST_CHECKED = 2_000
"""Candidates of one recogniser that are checked in a text, because checks cost more than patterns. What lies
beyond is taken to be real; `Finder.find_in_windows` checks them all."""
_FOUR_BY_FOUR = re.compile(r"[0-9]{4}(?:[ -][0-9]{4}){3}")
"""A card number as cards print it."""
_GROUPS_OFF = 7
"""Groups of digits beside a number that may be no part of it: telephone numbers have at most eight."""
_GROUPED = frozenset({"phone", "credit_card", "iban"})
"""Kinds that people write in groups, so that two may look like one."""
_WINDOW, _OVERLAP = 4_000, 1_000
"""An overlap holds the longest value and its context, so that none is cut by all the windows it stands in."""

Span = tuple[int, int]


class RecogniserDeclaration(Record):
    """One recogniser as a data file declares it."""

    entity: str
    pattern: str = ""
    """``{L}`` stands for `LETTERS`. A group named ``value`` is what is found, where there is one."""
    procedure: str = ""
    """In place of a pattern: one of the procedures that the room offers."""
    check: str = ""
    hints: tuple[str, ...] = ()
    """One of them must stand in the text."""
    least_digits: int = 0
    """So many digits must stand close together somewhere in the text: the cheap prefilter."""
    confidence: float = Field(ge=0, le=1)
    with_context: float | None = None
    context: tuple[str, ...] = ()
    against: tuple[str, ...] = ()
    """Words right before or behind that say it is something else: ``version``."""
    country: str = ""
    ignore_case: bool = False
    all_scripts: bool = False
    """True: the pattern tells borders in every script by itself."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One value, at characters ``[start, end)``."""

    entity: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class Recogniser:
    """One recogniser, ready to be used."""

    entity: str
    spans: Callable[[str], Iterator[Span]]
    check: Callable[[str], bool] | None
    hints: tuple[str, ...]
    least_digits: int
    confidence: float
    with_context: float
    context: tuple[str, ...]
    against: tuple[str, ...]
    country: str
    all_scripts: bool


def build_recogniser(
    item: RecogniserDeclaration, procedures: Mapping[str, Callable[[str], Iterator[Span]]]
) -> Recogniser:
    """Raises KeyError where a check or procedure is not known, re.error where a pattern does not compile."""
    check = CHECKS[item.check] if item.check else None
    if item.procedure:
        spans = procedures[item.procedure]
    else:
        flags = re.IGNORECASE if item.ignore_case else re.NOFLAG
        pattern = re.compile(item.pattern.replace("{L}", LETTERS), flags)
        spans = _grouped_spans(pattern) if item.entity in _GROUPED else _spans(pattern)
    return Recogniser(
        item.entity,
        spans,
        check,
        item.hints,
        item.least_digits,
        item.confidence,
        item.confidence if item.with_context is None else item.with_context,
        item.context,
        item.against,
        item.country,
        item.all_scripts,
    )


def _spans(pattern: re.Pattern[str]) -> Callable[[str], Iterator[Span]]:
    """How a pattern yields its values: its group ``value`` where it has one."""
    group = "value" if "value" in pattern.groupindex else 0

    def spans(text: str) -> Iterator[Span]:
        return (match.span(group) for match in pattern.finditer(text))

    return spans


def _grouped_spans(pattern: re.Pattern[str]) -> Callable[[str], Iterator[Span]]:
    """Numbers in groups are tried from each group on: two may stand side by side."""

    def spans(text: str) -> Iterator[Span]:
        place = 0
        while (match := pattern.search(text, place)) is not None:
            # One digit over and over is nobody's number, and rows of them are what costs the most.
            if len(_TEN_DIGITS.intersection(match.group())) > 1:
                yield match.span()
            gap = (
                None
                if _card_shaped(text, *match.span())
                else _GAP.search(text, match.start() + 1, match.end())
            )
            place = max(gap.end() if gap else match.end(), match.start() + 1)

    return spans


def select_recognisers(
    recognisers: tuple[Recogniser, ...], kinds: frozenset[str] | None
) -> tuple[Recogniser, ...]:
    """Those of the wanted kinds (None: all). Raises InputError on a kind that none of them finds."""
    if kinds is None:
        return recognisers
    known = {item.entity for item in recognisers}
    for name in sorted(kinds - known):
        raise InputError(f"there is no entity '{name}'", hint=f"known: {', '.join(sorted(known))}")
    return tuple(item for item in recognisers if item.entity in kinds)


class _HintMatcher:
    """Which of some words stand in a text, told in one pass however many there are."""

    def __init__(self, words: list[str]) -> None:
        import re2

        self._words = words
        self._set = re2.Set.SearchSet()
        for word in words:
            self._set.Add(re2.escape(word))
        if words:
            self._set.Compile()

    def found_in(self, text: str) -> frozenset[str]:
        """The words in ``text``."""
        if not self._words:
            return frozenset()
        # RE2 reads UTF-8, in which there are no lone surrogates.
        found = self._set.Match(text if text.isascii() else cover_surrogates(text))
        return frozenset([self._words[index] for index in found or ()])


class Finder:
    """Finds values in a text. Immutable: share it between threads.

    ``allow`` are values that are never reported, and ``@domain`` entries allow a whole mail domain.
    ``most_checked``: see `MOST_CHECKED`; None where the checks are as cheap as the patterns.
    """

    def __init__(
        self,
        recognisers: tuple[Recogniser, ...],
        *,
        allow: frozenset[str] = frozenset(),
        minimum_confidence: float = 0.5,
        most_checked: int | None = MOST_CHECKED,
    ) -> None:
        self._recognisers = recognisers
        self._hints = _HintMatcher(sorted({hint for item in recognisers for hint in item.hints}))
        self._most_digits = max((item.least_digits for item in recognisers), default=0)
        self._allow = frozenset(value.casefold() for value in allow)
        self._minimum = minimum_confidence
        self._most_checked = most_checked

    def find(self, text: str) -> list[Finding]:
        """Every finding, disjoint and in order.

        Of two that overlap the one that holds the other stays, then the surer one, then the longer one.
        """
        return disjoint_findings(self._find(text, {}))

    def find_in_windows(self, text: str) -> list[Finding]:
        """The same, with every candidate checked, in time linear in the length of the text."""
        if len(text) <= _WINDOW:
            return self.find(text)
        checked: dict[tuple[int, str], bool] = {}
        found = {
            (item.entity, start + item.start, start + item.end): item.confidence
            for start in range(0, len(text) - _OVERLAP, _WINDOW - _OVERLAP)
            for item in self._find(text[start : start + _WINDOW], checked)
        }
        return disjoint_findings([Finding(*place, confidence) for place, confidence in found.items()])

    def _find(self, text: str, verdicts: dict[tuple[int, str], bool]) -> list[Finding]:
        """``verdicts``: what the checks said of candidates, because tables and hostile texts repeat them."""
        level = level_signs(text)
        blanked = level if level.isascii() else _UNSPACED.sub(_NO_LETTER, level)
        digits = _longest_number(level, self._most_digits)
        found: list[Finding] = []
        lowered = ""
        seen = self._hints.found_in(level)
        for item in self._recognisers:
            # A pattern costs a pass over the text, and asking this costs none.
            if item.least_digits > digits or (item.hints and seen.isdisjoint(item.hints)):
                continue
            if item.context and item.confidence < self._minimum:
                # Nothing is found without one of the words, wherever the pattern matches.
                lowered = lowered or lower(level)
                if not _stands_in(item.context, lowered):
                    continue
            check = partial(_remembered_check, item, verdicts)
            for count, (start, end) in enumerate(item.spans(level if item.all_scripts else blanked)):
                confidence = item.confidence
                if item.context or item.against:
                    # Lowered once, and only where a recogniser asks for the words around.
                    lowered = lowered or lower(level)
                    if _stands_in(item.context, lowered[max(0, start - _CONTEXT) : start]):
                        confidence = max(confidence, item.with_context)
                    if item.against and (
                        _stands_in(item.against, lowered[max(0, start - _AGAINST_BEFORE) : start])
                        or _stands_in(item.against, lowered[end : end + _AGAINST_BEHIND])
                    ):
                        continue
                if confidence < self._minimum:
                    continue
                checked = self._most_checked is None or count < self._most_checked
                if item.check is not None and checked and not check(level[start:end]):
                    # Two numbers in a row match as one that fails its check; one of them may be real.
                    splits = item.entity in _GROUPED and not _card_shaped(level, start, end)
                    inner = _within(level[start:end], check) if splits else None
                    if inner is None:
                        continue
                    start, end = start + inner[0], start + inner[1]
                if self._allow and self._allowed(text[start:end]):
                    continue
                found.append(Finding(item.entity, start, end, confidence))
        return found

    def _allowed(self, value: str) -> bool:
        """Whether a value, or the domain of an address, is on the list of what may be shown."""
        folded = value.casefold()
        return folded in self._allow or f"@{folded.rpartition('@')[2]}" in self._allow


def _longest_number(text: str, enough: int) -> int:
    """Digits of the longest number in the text; at least ``enough`` where there are as many."""
    longest = 0
    for match in _NUMBER_RUN.finditer(text):
        if longest >= enough:
            break
        if match.end() - match.start() > longest:
            longest = max(longest, len(_DIGIT.findall(match.group())))
    return longest


def level_signs(text: str) -> str:
    """The text with digits, spaces, dashes and full-width signs in ASCII; as long as the text itself."""
    if text.isascii():
        return text
    return _SIGNS.sub(lambda match: _LEVEL.get(match.group(), " "), text)


def _ascii_signs() -> dict[str, str]:
    signs = dict.fromkeys("\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63", "-")
    signs |= {chr(code): chr(code - 0xFEE0) for code in range(0xFF01, 0xFF5F)}
    zeros = (0x0660, 0x06F0, 0x0966, 0x09E6, 0x0E50)
    return signs | {
        chr(zero + digit): str(unicodedata.digit(chr(zero + digit))) for zero in zeros for digit in range(10)
    }


_LEVEL = _ascii_signs()


def lower(text: str) -> str:
    """The text in lower case, as long as it was: a few capitals grow when lowered, and those stay."""
    lowered = text.lower()
    if len(lowered) == len(text):
        return lowered
    return "".join(small if len(small := letter.lower()) == 1 else letter for letter in text)


def _remembered_check(item: Recogniser, verdicts: dict[tuple[int, str], bool], value: str) -> bool:
    key = id(item), value
    known = verdicts.get(key)
    if known is None:
        known = verdicts[key] = item.check is None or item.check(value)
    return known


def _stands_in(words: tuple[str, ...], text: str) -> bool:
    return any(word in text for word in words)


def _card_shaped(text: str, start: int, end: int) -> bool:
    """Whether four groups of four digits stand there by themselves: a card number, and where a digit of it is
    mistyped, its halves are no telephone numbers."""
    if not _FOUR_BY_FOUR.fullmatch(text, start, end):
        return False
    return not _DIGIT.search(text, max(0, start - 2), start) and not _DIGIT.search(text, end, end + 2)


def _within(text: str, check: Callable[[str], bool]) -> Span | None:
    """The part of a run of groups that passes, where a number stands next to it: a few groups off an end."""
    edges = [match.span() for match in _GAP.finditer(text)][:64]
    for gap in reversed(edges[-_GROUPS_OFF:]):
        if check(text[: gap[0]]):
            return 0, gap[0]
    for gap in edges[:_GROUPS_OFF]:
        if check(text[gap[1] :]):
            return gap[1], len(text)
    return None


def disjoint_findings(found: list[Finding]) -> list[Finding]:
    """Of findings that overlap the one that `Finder.find` would keep, in order. Sorts ``found`` in place."""
    if len(found) < 2:
        return found
    sureness = _sureness(found)
    order = sorted(
        range(len(found)),
        key=lambda number: (
            -sureness[number],
            found[number].start - found[number].end,
            found[number].start,
            -found[number].confidence,
        ),
    )
    # Of the kept ones, which never overlap, only the neighbours of a place can touch it.
    starts: list[int] = []
    ends: list[int] = []
    kept: list[Finding] = []
    for item in (found[number] for number in order):
        place = bisect_right(ends, item.start)
        if place < len(starts) and starts[place] < item.end:
            continue
        at = bisect_left(starts, item.start)
        starts.insert(at, item.start)
        ends.insert(at, item.end)
        kept.append(item)
    kept.sort(key=lambda item: item.start)
    return kept


def _sureness(found: list[Finding]) -> list[float]:
    """The confidence of each finding, and of those that stand inside it: half of a card number must not stay
    readable because its other half is somebody's surer id. Sorts ``found``."""
    found.sort(key=lambda item: (item.start, -item.end))
    sureness = [item.confidence for item in found]
    around: list[int] = []
    for number, item in enumerate(found):
        around = [other for other in around if found[other].end > item.start]
        for other in around:
            if found[other].end >= item.end:
                sureness[other] = max(sureness[other], item.confidence)
        around.append(number)
    return sureness
