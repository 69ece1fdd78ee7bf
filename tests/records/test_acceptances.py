"""``--accept``: what the messages tell people to write is what the program reads."""

from __future__ import annotations

import shlex
from datetime import date

import pytest

from safecase.base import CheckFailed, InputError
from safecase.model import VerdictKind
from safecase.records import ACCEPTANCE_FORM, check_decision, parse_acceptance

from .decisions import PEOPLE, RISKS, decision, verdict


def fill(form: str) -> str:
    """The form with something sensible for each of its blanks."""
    filled = form.replace("risk=ID", "risk=mild").replace("rule=ID", "rule=rule-1")
    return filled.replace("YYYY-MM-DD", "2026-03-01").replace("…", "as it was agreed")


def test_the_hint_of_an_open_rule_can_be_typed_and_mends_it() -> None:
    missed = verdict(VerdictKind.NO_GO)
    with pytest.raises(CheckFailed) as caught:
        check_decision(PEOPLE, missed, decision(), RISKS)
    assert caught.value.hint is not None
    option, text = shlex.split(fill(caught.value.hint))
    assert option == "--accept"
    accepted = parse_acceptance(text)
    assert (accepted.risk, accepted.rule, accepted.expires) == ("mild", "rule-1", date(2026, 3, 1))
    check_decision(PEOPLE, missed, decision(accepted_risks=(accepted,)), RISKS)


def test_a_semicolon_in_a_reason_loses_no_word() -> None:
    accepted = parse_acceptance("risk=mild; until=2026-03-01; control=watch; because=small; we look weekly")
    assert accepted.justification == "small; we look weekly"
    assert accepted.rule == ""


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "lacks risk, until, control, because"),
        ("risk=mild,until=2026-03-01", "lacks until, control, because"),
        ("riks=mild;until=2026-03-01", "did you mean 'risk'"),
        ("risk=mild;until=2026-03-01;because=b;contrl=c", "did you mean 'control'"),
        ("risk=mild;rule-1", "does not know 'rule-1'"),
        ("risk=mild;until=soon;control=c;because=b", "'soon' is not a date"),
    ],
)
def test_what_cannot_be_read_is_named(text: str, words: str) -> None:
    with pytest.raises(InputError, match=words):
        parse_acceptance(text)


def test_the_form_names_each_field_once() -> None:
    assert [part.partition("=")[0] for part in ACCEPTANCE_FORM.split(";")] == [
        "risk", "rule", "until", "control", "because",
    ]  # fmt: skip
