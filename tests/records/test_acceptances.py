"""``--accept``: what the form tells people to write is what the program reads."""

from __future__ import annotations

from datetime import date

import pytest

from safecase.base import InputError
from safecase.model import Severity
from safecase.records import ACCEPTANCE_FORM, parse_acceptance


def test_the_form_can_be_typed() -> None:
    filled = ACCEPTANCE_FORM.replace("risk=ID", "risk=mild").replace("rule=ID", "rule=rule-1")
    filled = filled.replace("control=ID", "control=reader").replace("NAME", "all")
    asked = parse_acceptance(filled.replace("YYYY-MM-DD", "2026-03-01").replace("…", "as it was agreed"))
    assert (asked.risk, asked.rule, asked.category, asked.control) == ("mild", "rule-1", "all", "reader")
    assert (asked.until, asked.because) == (date(2026, 3, 1), "as it was agreed")
    assert not asked.whole_line


def test_a_semicolon_in_a_reason_loses_no_word() -> None:
    asked = parse_acceptance("risk=mild; until=2026-03-01; control=watch; because=small; we look weekly")
    assert asked.because == "small; we look weekly"
    assert asked.rule == ""


def test_scope_and_materiality_are_words_of_the_form() -> None:
    asked = parse_acceptance("risk=m;until=2026-03-01;control=c;because=b;scope=line;materiality=sev1")
    assert asked.whole_line
    assert asked.materiality is Severity.SEV1


def test_what_somebody_signed_already_is_named_by_its_id() -> None:
    assert parse_acceptance(" acc-0123456789ab ").id == "acc-0123456789ab"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks risk, until, control, because"),
        ("risk=mild,until=2026-03-01", "lacks until, control, because"),
        ("riks=mild;until=2026-03-01", "did you mean 'risk'"),
        ("risk=mild;until=2026-03-01;because=b;contrl=c", "did you mean 'control'"),
        ("risk=mild;rule-1", "does not know 'rule-1'"),
        ("risk=mild;until=soon;control=c;because=b", "'soon' is not a date"),
        ("risk=mild;risk=grave;until=2026-03-01;control=c;because=b", "says 'risk' twice"),
        ("risk=m;until=2026-03-01;control=c;because=b;scope=all", "no scope"),
        ("risk=m;until=2026-03-01;control=c;because=b;materiality=low", "no severity"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_acceptance(text)


def test_the_form_names_each_field_once() -> None:
    assert [part.partition("=")[0] for part in ACCEPTANCE_FORM.split(";")] == [
        "risk", "rule", "category", "until", "control", "because", "scope",
    ]  # fmt: skip
