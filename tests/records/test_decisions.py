"""Decision rights and the chained decision log."""

from __future__ import annotations

import fcntl
from datetime import date
from pathlib import Path

import pytest

from safecase.base import CheckFailed, InfrastructureError, InputError
from safecase.model import (
    RuleClass,
    VerdictKind,
)
from safecase.records import append_decision, check_decision, read_decisions, signatures_missing

from .decisions import PEOPLE, RISKS, acceptance, decision, verdict


def test_a_director_may_approve_what_the_lead_recommended() -> None:
    check_decision(PEOPLE, verdict(VerdictKind.GO), decision(), RISKS)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"recommender": "dora"}, "may not decide"),
        ({"signer": "lea", "role": "lead", "recommender": "dirk"}, "may not approve release"),
    ],
)
def test_separation_of_duties(changes: dict[str, object], message: str) -> None:
    with pytest.raises(CheckFailed, match=message):
        check_decision(PEOPLE, verdict(VerdictKind.GO), decision(**changes), RISKS)


def test_unknown_people_and_roles_not_held_are_bad_input() -> None:
    with pytest.raises(InputError, match="did you mean 'dora'"):
        check_decision(PEOPLE, verdict(VerdictKind.GO), decision(signer="doro"), RISKS)
    with pytest.raises(InputError, match="does not hold the role"):
        check_decision(PEOPLE, verdict(VerdictKind.GO), decision(role="lead"), RISKS)


def test_a_missed_floor_cannot_be_signed_away() -> None:
    missed = verdict(VerdictKind.NO_GO, rule_class=RuleClass.FLOOR)
    with pytest.raises(CheckFailed, match="no exception"):
        check_decision(PEOPLE, missed, decision(accepted_risks=(acceptance(),)), RISKS)
    check_decision(PEOPLE, missed, decision(decision=VerdictKind.NO_GO), RISKS)


def test_an_exception_needs_an_acceptance_with_a_later_expiry_and_the_right_for_its_severity() -> None:
    missed = verdict(VerdictKind.NO_GO)
    with pytest.raises(CheckFailed, match="needs an acceptance"):
        check_decision(PEOPLE, missed, decision(), RISKS)
    with pytest.raises(InputError, match="expires on"):
        check_decision(
            PEOPLE, missed, decision(accepted_risks=(acceptance(expires=date(2025, 1, 1)),)), RISKS
        )
    with pytest.raises(CheckFailed, match="sev1"):
        check_decision(PEOPLE, missed, decision(accepted_risks=(acceptance(risk="grave"),)), RISKS)
    check_decision(PEOPLE, missed, decision(accepted_risks=(acceptance(),)), RISKS)


def test_demo_evidence_approves_nothing() -> None:
    with pytest.raises(CheckFailed, match="demo"):
        check_decision(PEOPLE, verdict(VerdictKind.GO, demo=True), decision(), RISKS)


def test_an_exception_takes_two_signatures_of_two_people() -> None:
    missed = verdict(VerdictKind.NO_GO)
    first = decision(accepted_risks=(acceptance(),))
    assert signatures_missing(PEOPLE, missed, [first]) == 1
    assert signatures_missing(PEOPLE, missed, [first, first]) == 1
    assert signatures_missing(PEOPLE, missed, [first, decision(signer="dirk")]) == 0
    with pytest.raises(CheckFailed, match="already"):
        check_decision(PEOPLE, missed, first, RISKS, earlier=[first])


def test_the_log_is_a_chain_and_tampering_shows_where(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    for name in ("dora", "dirk", "dora"):
        append_decision(path, decision(signer=name))
    assert [item.signer for item in read_decisions(path)] == ["dora", "dirk", "dora"]
    path.write_bytes(path.read_bytes().replace(b"dirk", b"dork"))
    with pytest.raises(CheckFailed, match=r"decisions\.jsonl:3.*chain is broken"):
        read_decisions(path)


def test_a_torn_entry_is_named(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    append_decision(path, decision())
    with path.open("ab") as stream:
        stream.write(b'{"decided_at": ')
    with pytest.raises(CheckFailed, match=r":2"):
        read_decisions(path)


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "decisions.jsonl"
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(InfrastructureError, match="somebody else"):
            append_decision(path, decision())
    append_decision(path, decision())
    assert len(read_decisions(path)) == 1
