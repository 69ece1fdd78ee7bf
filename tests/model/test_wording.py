"""Words and numbers for people: no status without a word, no number that reads as another."""

from __future__ import annotations

import pytest

from safecase.model import (
    CLASS_WORDS,
    STATUS_WORDS,
    VERDICT_WORDS,
    Estimate,
    RuleClass,
    RuleStatus,
    VerdictKind,
    counted,
    number,
    percent,
    points,
    with_interval,
)


def test_every_verdict_status_and_class_has_a_word_of_its_own() -> None:
    for words, kinds in ((VERDICT_WORDS, VerdictKind), (STATUS_WORDS, RuleStatus), (CLASS_WORDS, RuleClass)):
        assert set(words) == set(kinds)
        assert len(set(words.values())) == len(words)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (counted(1, "attempt"), "1 attempt"),
        (counted(0, "attempt"), "0 attempts"),
        (counted(1200, "family", "families"), "1,200 families"),
        (number(0.00012345), "0.000123"),
        (number(1234567.0, 3), "1230000"),
        (percent(0.02), "2 %"),
        (percent(0.0102), "1.02 %"),
        (percent(0.9999, 2), "100 %"),
        (points(0.013), "+1.3 points"),
        (points(-0.013), "-1.3 points"),
        (points(0.013, signed=False), "1.3 points"),
    ],
)
def test_numbers_are_written_as_people_say_them(text: str, expected: str) -> None:
    assert text == expected


@pytest.mark.parametrize(
    ("unit", "values", "signed", "expected"),
    [
        ("rate", (0.95, 0.901, 0.98), True, "95.0 % (90.1 % to 98.0 %)"),
        ("points", (0.013, 0.002, 0.024), True, "+1.3 points (+0.2 to +2.4)"),
        ("points", (0.013, -0.002, 0.024), False, "1.3 points (-0.2 to 2.4)"),
        ("ms", (240, 200.4, 1300), True, "240 ms (200 ms to 1,300 ms)"),
    ],
)
def test_a_value_never_stands_without_its_interval(
    unit: str, values: tuple[float, float, float], signed: bool, expected: str
) -> None:
    value, lower, upper = values
    estimate = Estimate(value=value, lower=lower, upper=upper, confidence=0.95, method="m", n=10, unit=unit)
    assert with_interval(estimate, signed=signed) == expected
