"""Recognisers of personal data and credentials: a bounded pattern finds a candidate, a checksum decides."""

from __future__ import annotations

import hashlib
import ipaddress
import math
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from importlib.resources import files
from typing import Any

import orjson

DIGITS = re.compile(r"\D+")
_DIGIT = re.compile(r"\d")


@dataclass(frozen=True, slots=True)
class Finding:
    """One piece of personal data in a text."""

    entity: str
    start: int
    end: int
    text: str


@dataclass(frozen=True, slots=True)
class Recogniser:
    """A pattern and the check that its matches must pass. One of ``hints`` must occur in the text."""

    entity: str
    pattern: re.Pattern[str]
    check: Callable[[str], bool]
    hints: tuple[str, ...] = ()
    digits: bool = False
    """True: only texts that hold digits can match."""


_EXAMPLE_HOSTS = frozenset(["example.com", "example.org", "example.net"])
_PLACEHOLDERS = ("example", "xxxx", "your", "placeholder", "redacted", "****", "changeme")


def luhn_valid(text: str) -> bool:
    """The Luhn checksum (ISO/IEC 7812) over the digits of ``text``."""
    digits = [int(character) for character in text if character.isdigit()]
    total = sum(digits[-1::-2]) + sum(sum(divmod(2 * digit, 10)) for digit in digits[-2::-2])
    return total % 10 == 0


def _card(text: str) -> bool:
    digits = DIGITS.sub("", text)
    if not 13 <= len(digits) <= 19 or len(set(digits)) < 3:
        return False
    return digits[0] in "34562" and luhn_valid(digits)


def valid_iban(text: str) -> bool:
    """The IBAN's check digits (ISO 13616)."""
    compact = re.sub(r"[\s-]", "", text).upper()
    if not 15 <= len(compact) <= 34:
        return False
    from stdnum import iban

    return bool(iban.is_valid(compact))


def _email(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    host = domain.lower()
    if host in {"example.com", "example.org", "example.net"} or host.endswith(
        (".example", ".test", ".invalid")
    ):
        return False
    return len(local) <= 64 and not local.startswith(".") and ".." not in text


def _phone(text: str) -> bool:
    regions: tuple[str | None, ...] = (None,) if text.lstrip().startswith("+") else ("US", "GB", "DE", "FR")
    return valid_phone(text, regions)


def valid_phone(text: str, regions: Sequence[str | None]) -> bool:
    """A valid number of one of the regions (ISO 3166; None: only with its country code)."""
    digits = DIGITS.sub("", text)
    if not 8 <= len(digits) <= 15 or len(set(digits)) < 3:
        return False
    import phonenumbers

    for region in regions:
        try:
            number = phonenumbers.parse(text, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return True
    return False


def stdnum_check(*modules: str) -> Callable[[str], bool]:
    """A check by python-stdnum: valid in one of its modules, ``de.idnr`` for instance."""

    def check(text: str) -> bool:
        import importlib

        return any(bool(importlib.import_module(f"stdnum.{name}").is_valid(text)) for name in modules)

    return check


def _ssn(text: str) -> bool:
    from stdnum.us import ssn

    return bool(ssn.is_valid(text)) and text not in {"078-05-1120", "219-09-9999"}


def _ip(text: str) -> bool:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return False
    return address.is_global


def _bitcoin(text: str) -> bool:
    from stdnum import bitcoin

    return bool(bitcoin.is_valid(text))


def _ethereum(text: str) -> bool:
    return len(set(text[2:].lower())) > 6


def entropy(text: str) -> float:
    """Shannon entropy per character in bits."""
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values())


def _secret(text: str) -> bool:
    lowered = text.lower()
    if any(
        word in lowered for word in ("example", "xxxx", "your", "placeholder", "redacted", "****", "changeme")
    ):
        return False
    return entropy(text) >= 3.0


def _labelled_secret(text: str) -> bool:
    value = re.split(r"[:=]\s*|\bis\s+", text, maxsplit=1)[-1].strip("\"'` ")
    return (
        len(value) >= 8 and _secret(value) and any(map(str.isdigit, value)) and any(map(str.isalpha, value))
    )


def _jwt(text: str) -> bool:
    return text.count(".") == 2 and _secret(text)


def _always(text: str) -> bool:
    return True


_CHECKS: dict[str, Callable[[str], bool]] = {
    "always": _always,
    "bitcoin": _bitcoin,
    "card": _card,
    "email": _email,
    "ethereum": _ethereum,
    "iban": valid_iban,
    "ip": _ip,
    "jwt": _jwt,
    "labelled_secret": _labelled_secret,
    "phone": _phone,
    "secret": _secret,
    "ssn": _ssn,
}


@lru_cache(maxsize=1)
def recognisers() -> tuple[Recogniser, ...]:
    """The recognisers of ``data/pii_patterns.json``, the most telling first."""
    data: dict[str, Any] = orjson.loads(
        files("safecase.scorers.leaks").joinpath("data/pii_patterns.json").read_bytes()
    )
    return tuple(
        Recogniser(
            item["entity"],
            re.compile(item["pattern"], re.IGNORECASE if item.get("ignore_case") else re.NOFLAG),
            stdnum_check(*item["check"].removeprefix("stdnum:").split(","))
            if item["check"].startswith("stdnum:")
            else _CHECKS[item["check"]],
            tuple(item.get("hints", ())),
            bool(item.get("digits", False)),
        )
        for item in data["recognisers"]
    )


ENTITIES = (
    "email",
    "credit_card",
    "iban",
    "us_ssn",
    "phone",
    "national_id",
    "ip_address",
    "crypto_address",
    "secret",
)


def find_personal_data(text: str, entities: frozenset[str]) -> Iterator[Finding]:
    """Every validated finding of the wanted kinds; overlapping findings go to the recogniser named first."""
    taken: list[tuple[int, int]] = []
    has_digits = _DIGIT.search(text) is not None
    for recogniser in recognisers():
        if recogniser.entity not in entities or (recogniser.digits and not has_digits):
            continue
        if recogniser.hints and not any(hint in text for hint in recogniser.hints):
            continue
        checked = 0
        for match in recogniser.pattern.finditer(text):
            start, end = match.span()
            if any(start < other_end and other_start < end for other_start, other_end in taken[-200:]):
                continue
            checked += 1
            # Checks cost more than patterns; a text of nothing but digit runs must not cost minutes.
            if checked > 2_000:
                break
            if recogniser.check(match.group()):
                taken.append((start, end))
                yield Finding(recogniser.entity, start, end, match.group())


def comparable(text: str) -> str:
    """A form in which the same datum written differently is equal."""
    return re.sub(r"[\s().+/\-\u00a0]", "", text).casefold()


def fingerprint(text: str) -> str:
    """A short digest that stands for a datum in metadata without naming it."""
    return hashlib.sha256(comparable(text).encode("utf-8", "replace")).hexdigest()[:12]
