"""Numbers in a text, however people group their digits."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

_GROUPS = ",\u00a0\u202f'"
"""Signs that people put between thousands: comma, the two fixed spaces, the Swiss apostrophe."""
_NUMBER = re.compile(rf"(?<![\w.])(?:\d{{1,3}}(?:[{_GROUPS}]\d{{3}})+|\d{{1,15}})(?:\.\d{{1,10}})?")
_SIGNED = re.compile(rf"-?(?:\d{{1,3}}(?:[{_GROUPS}]\d{{3}})+|\d{{1,15}})(?:\.\d{{1,10}})?")
"""Fifteen digits at most, which a float holds exactly; longer runs are ids."""
_GROUPING = re.compile(rf"(?<=\d)[{_GROUPS}](?=\d{{3}}(?!\d))")


@dataclass(frozen=True, slots=True)
class Number:
    """A number at characters ``[start, end)``."""

    text: str
    start: int
    end: int

    @property
    def value(self) -> float:
        """What it amounts to."""
        return float(re.sub(f"[{_GROUPS}]", "", self.text))


def find_numbers(text: str) -> Iterator[Number]:
    """Every number that stands by itself: none that goes on a word or a number, as in ``v2`` or ``1.2.3``."""
    for match in _NUMBER.finditer(text):
        yield Number(match.group(), match.start(), match.end())


def first_number(text: str) -> Number | None:
    """The first number wherever it stands, with its minus sign; None where there is none."""
    match = _SIGNED.search(text)
    return None if match is None else Number(match.group(), match.start(), match.end())


def normal_number(text: str) -> str:
    """A number without thousands separators and without trailing zeros after the point."""
    plain = re.sub(f"[{_GROUPS}]", "", text)
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return plain.lstrip("0") or "0"


def join_thousands(text: str) -> str:
    """The text with the signs between thousands taken out."""
    return _GROUPING.sub("", text)
