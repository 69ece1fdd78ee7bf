"""Finding personal data and secrets: a prefilter, a bounded pattern, a checksum, and the words before it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

from pydantic import Field

from safecase.base import InputError, Record, package_yaml
from safecase.scorers import DIGITS, ENTITIES, luhn_valid, recognisers, stdnum_check, valid_iban, valid_phone

_DIGIT = re.compile(r"\d")
_CONTEXT_CHARACTERS = 48
_MOST_CHECKED = 2_000
"""Candidates of one recogniser that are checked in a text; what lies beyond is taken to be real."""
LONGEST_ENTITY = 320
"""Characters of the longest entity but for private keys and tokens."""
_SHARED_BY_GUARD = frozenset({"email", "ip_address", "phone", "credit_card", "iban", "us_ssn"})
_GROUPED = frozenset({"phone", "credit_card", "iban"})
_GAP = re.compile(r"[ \u00a0./-]+")
_GROUPS_OFF = 7
_REGIONS = ("US", "GB", "DE", "FR", "IN", "AU", "ES", "IT", "NL", "BR")


class RecogniserDeclaration(Record):
    """One recogniser as the data file declares it."""

    entity: str
    pattern: str
    check: str = ""
    hints: tuple[str, ...] = ()
    least_digits: int = 0
    confidence: float = Field(ge=0, le=1)
    with_context: float | None = None
    context: tuple[str, ...] = ()
    country: str = ""
    ignore_case: bool = False


class _File(Record):
    version: int
    recognisers: tuple[RecogniserDeclaration, ...]
    secrets: tuple[RecogniserDeclaration, ...]


@dataclass(frozen=True, slots=True)
class PersonalDatum:
    """One finding, at characters ``[start, end)``."""

    entity: str
    start: int
    end: int
    confidence: float


@dataclass(frozen=True, slots=True)
class _Recogniser:
    entity: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool] | None
    hints: tuple[str, ...]
    least_digits: int
    confidence: float
    with_context: float
    context: tuple[str, ...]
    country: str = ""


def _ip(text: str) -> bool:
    import ipaddress

    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True


def _card(text: str) -> bool:
    digits = DIGITS.sub("", text)
    return 12 <= len(digits) <= 19 and len(set(digits)) > 1 and digits[0] in "123456" and luhn_valid(digits)


_EXTENSION = re.compile(r"\s?(?:x|ext\.?)\s?\d{1,6}$")
_NORTH_AMERICAN = re.compile(
    r"(?:(?:\+|00)?1[ .-])?\(?\d{3}\)?[ .-]?\d{3}[ .-]\d{4}(?:\s?(?:x|ext\.?)\s?\d{1,6})?"
)


def _phone_international(text: str) -> bool:
    """A country code and as many digits as numbers have; fantasy numbers of real countries count too."""
    number = _EXTENSION.sub("", text)
    digits = DIGITS.sub("", number)
    if not 8 <= len(digits) <= 15:
        return False
    return valid_phone(number, (None,)) or bool(_GAP.search(number) and digits[0] != "0")


def _phone_local(text: str) -> bool:
    """A national number of one of the common regions, written as people write numbers."""
    digits = DIGITS.sub("", _EXTENSION.sub("", text))
    if not 7 <= len(digits) <= 15 or _looks_like_date(text):
        return False
    if _NORTH_AMERICAN.fullmatch(text):
        return True
    return valid_phone(text, _REGIONS)


def _phone_shape(text: str) -> bool:
    return 7 <= len(DIGITS.sub("", text)) <= 15 and not _looks_like_date(text)


_DATE = re.compile(
    r"(?:19|20)\d\d[-/. ]\d{1,2}[-/. ]\d{1,2}\b|\d{1,2}[-/. ]\d{1,2}[-/. ](?:19|20)\d\d\b|"
    r"(?:19|20)\d\d\s?[-/]\s?(?:19|20)\d\d\b"
)


def _looks_like_date(text: str) -> bool:
    return _DATE.match(text) is not None


_BASE58 = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def _base58(text: str) -> bool:
    """Base58Check: the last four bytes are the double SHA-256 of the rest."""
    number = 0
    for letter in text:
        number = number * 58 + _BASE58.index(letter)
    data = number.to_bytes(25, "big") if number < 1 << 200 else b""
    return bool(data) and hashlib.sha256(hashlib.sha256(data[:-4]).digest()).digest()[:4] == data[-4:]


_CHECKS: dict[str, Callable[[str], bool]] = {
    "ip": _ip,
    "card_any": _card,
    "phone_international": _phone_international,
    "phone_local": _phone_local,
    "phone_shape": _phone_shape,
    "iban": valid_iban,
    "base58": _base58,
}


def _made(item: RecogniserDeclaration) -> _Recogniser:
    check = None
    if item.check.startswith("stdnum:"):
        check = stdnum_check(*item.check.removeprefix("stdnum:").split(","))
    elif item.check:
        check = _CHECKS[item.check]
    return _Recogniser(
        item.entity,
        re.compile(item.pattern, re.IGNORECASE if item.ignore_case else re.NOFLAG),
        check,
        item.hints,
        item.least_digits,
        item.confidence,
        item.confidence if item.with_context is None else item.with_context,
        item.context,
        item.country,
    )


@lru_cache(maxsize=1)
def _shipped() -> tuple[tuple[_Recogniser, ...], tuple[_Recogniser, ...]]:
    declared = _File.model_validate(package_yaml("safecase.guard.personal_data", "recognisers.yaml"))
    shared = [
        _Recogniser(item.entity, item.pattern, item.check, item.hints, 1 if item.digits else 0, 0.9, 0.9, ())
        for item in recognisers()
        if item.entity not in _SHARED_BY_GUARD
    ]
    personal = [*map(_made, declared.recognisers), *(item for item in shared if item.entity != "secret")]
    secrets = [*map(_made, declared.secrets), *(item for item in shared if item.entity == "secret")]
    return tuple(personal), tuple(secrets)


def known_entities() -> tuple[frozenset[str], frozenset[str]]:
    """The kinds of personal data and the kinds of secrets that are known."""
    personal, secrets = _shipped()
    named = {*ENTITIES, *(item.entity for item in personal)} - {"secret"}
    return frozenset(named), frozenset(item.entity for item in secrets)


class Finder:
    """Finds the wanted entities in a text. Immutable: share it between threads.

    ``countries`` limits national ids to locale packs (ISO 3166 codes in lower case; empty: all). ``allow``
    are values that are never reported, and ``@domain`` entries allow a whole mail domain.
    """

    def __init__(
        self,
        entities: frozenset[str],
        *,
        countries: frozenset[str] = frozenset(),
        allow: frozenset[str] = frozenset(),
        minimum_confidence: float = 0.5,
        secrets: bool = False,
    ) -> None:
        personal, hidden = _shipped()
        known = known_entities()[1 if secrets else 0]
        for name in sorted(entities - known):
            raise InputError(f"there is no entity '{name}'", hint=f"known: {', '.join(sorted(known))}")
        self._recognisers = tuple(
            item
            for item in (hidden if secrets else personal)
            if item.entity in entities and (not item.country or not countries or item.country in countries)
        )
        self._hints = sorted({hint for item in self._recognisers for hint in item.hints})
        self._allow = frozenset(value.casefold() for value in allow)
        self._minimum = minimum_confidence

    def find(self, text: str) -> list[PersonalDatum]:
        """Every finding, disjoint and in order; of two that overlap the surer one, then the longer one."""
        digits = len(_DIGIT.findall(text)) if any(item.least_digits for item in self._recognisers) else 0
        found: list[PersonalDatum] = []
        lowered = ""
        seen = {hint for hint in self._hints if hint in text}
        for item in self._recognisers:
            if item.least_digits > digits or (item.hints and seen.isdisjoint(item.hints)):
                continue
            for count, match in enumerate(_matches(item, text)):
                confidence = item.confidence
                if item.context:
                    lowered = lowered or text.lower()
                    before = lowered[max(0, match.start() - _CONTEXT_CHARACTERS) : match.start()]
                    if any(word in before for word in item.context):
                        confidence = max(confidence, item.with_context)
                if confidence < self._minimum:
                    continue
                start, end = match.span()
                if item.check is not None and count < _MOST_CHECKED and not item.check(match.group()):
                    inner = _within(match.group(), item.check) if item.entity in _GROUPED else None
                    if inner is None:
                        continue
                    start, end = start + inner[0], start + inner[1]
                if self._allow and self._allowed(text[start:end]):
                    continue
                found.append(PersonalDatum(item.entity, start, end, confidence))
        return _disjoint(found)

    def _allowed(self, value: str) -> bool:
        folded = value.casefold()
        return folded in self._allow or f"@{folded.rpartition('@')[2]}" in self._allow


def _matches(item: _Recogniser, text: str) -> Iterator[re.Match[str]]:
    """Matches of the pattern; numbers in groups are tried from each group on: two may stand side by side."""
    if item.entity not in _GROUPED:
        yield from item.pattern.finditer(text)
        return
    place = 0
    while (match := item.pattern.search(text, place)) is not None:
        yield match
        gap = _GAP.search(text, match.start() + 1, match.end())
        place = max(gap.end() if gap else match.end(), match.start() + 1)


def _within(text: str, check: Callable[[str], bool]) -> tuple[int, int] | None:
    """The part of a run of groups that passes, where a number stands next to it: a few groups off an end."""
    edges = [match.span() for match in _GAP.finditer(text)][:64]
    for gap in reversed(edges[-_GROUPS_OFF:]):
        if check(text[: gap[0]]):
            return 0, gap[0]
    for gap in edges[:_GROUPS_OFF]:
        if check(text[gap[1] :]):
            return gap[1], len(text)
    return None


def _disjoint(found: list[PersonalDatum]) -> list[PersonalDatum]:
    if len(found) < 2:
        return found
    found.sort(key=lambda item: (-item.confidence, item.start - item.end, item.start))
    kept: list[PersonalDatum] = []
    taken: set[int] = set()
    for item in found:
        places = range(item.start, item.end)
        if taken.isdisjoint(places):
            taken.update(places)
            kept.append(item)
    kept.sort(key=lambda item: item.start)
    return kept
