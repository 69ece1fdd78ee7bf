"""The decision log: its chain, its end in the ledger, whose names count, and which decision is in force."""

from __future__ import annotations

import fcntl
from datetime import date, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safecase.base import CheckFailed, InfrastructureError, InputError
from safecase.model import Action, Decision, DecisionRight, Gate, RuleClass, Severity, VerdictKind
from safecase.records import (
    LEDGER_NAME,
    Ledger,
    NameStanding,
    append_entry,
    check_anchored,
    named_entries,
    people_changes,
    read_entries,
    require_rights,
    signatures_missing,
    standing,
)
from support.decisions import (
    DAY,
    GATE,
    acceptance,
    chained,
    decision,
    people,
    recommendation,
    rights,
    write_log,
)
from support.rules import rule

TWO = rights(approve_release=2, grant_exception=2, accept_risk=2)
GO_ON = {"decision": VerdictKind.GO_WITH_CONDITIONS, "acceptances": (acceptance(),)}


def in_force(*entries: Decision, among: object = None) -> list[VerdictKind]:
    """What is in force after these decisions, each on the lead's recommendation."""
    log = standing(chained(recommendation(), *entries, among=among))  # type: ignore[arg-type]
    return [item.decision.decision for item in log.matters if item.in_force]


def test_a_director_may_approve_what_the_lead_recommended() -> None:
    require_rights(people(), decision(), loosened=False)
    assert in_force(decision()) == [VerdictKind.GO]


def test_unknown_people_and_roles_not_held_are_bad_input() -> None:
    with pytest.raises(InputError, match="did you mean 'dora'"):
        require_rights(people(), decision(signer="doro"), loosened=False)
    with pytest.raises(InputError, match="does not hold the role"):
        require_rights(people(), decision(role="lead"), loosened=False)
    with pytest.raises(CheckFailed, match="may not approve release"):
        require_rights(people(), decision(signer="lea", role="lead"), loosened=False)


def test_a_right_for_mild_risks_accepts_no_grave_one() -> None:
    mild = [item for item in rights() if item.action is not Action.ACCEPT_RISK]
    mild.append(DecisionRight(action=Action.ACCEPT_RISK, roles=("director",), severity=Severity.SEV3))
    grave = decision(**GO_ON | {"acceptances": (acceptance(materiality=Severity.SEV1),)})
    with pytest.raises(CheckFailed, match="nobody may accept risk for a sev1 risk"):
        require_rights(people(mild), grave, loosened=False)
    assert in_force(grave, among=people(mild)) == []
    assert in_force(decision(**GO_ON), among=people(mild)) == [VerdictKind.GO_WITH_CONDITIONS]


def test_a_grave_block_takes_those_whose_right_it_is() -> None:
    """ROL-14: which no-go needs an executive is a right with a severity."""
    asked = [item for item in rights() if item.action is not Action.BLOCK_RELEASE]
    asked += [
        DecisionRight(action=Action.BLOCK_RELEASE, roles=("lead",), severity=Severity.SEV3),
        DecisionRight(action=Action.BLOCK_RELEASE, roles=("director",)),
    ]
    block = {"decision": VerdictKind.NO_GO, "signer": "lea", "role": "lead", "recommender": ""}
    assert in_force(decision(**block, materiality=Severity.SEV3), among=people(asked)) == [VerdictKind.NO_GO]
    assert in_force(decision(**block, materiality=Severity.SEV1), among=people(asked)) == []


@pytest.mark.parametrize("action", ["approve_release", "grant_exception", "accept_risk"])
def test_signatures_are_counted_for_each_right_that_applies(action: str) -> None:
    among = people(rights(**{action: 2}))
    first = decision(**GO_ON)
    assert len(signatures_missing(among, [first])) == 1
    assert len(signatures_missing(among, [first, first])) == 1
    assert signatures_missing(among, [first, decision(**GO_ON, signer="dirk")]) == ()
    assert in_force(first, among=among) == []
    assert in_force(first, decision(**GO_ON, signer="dirk"), among=among) == [VerdictKind.GO_WITH_CONDITIONS]


def test_signatures_under_different_terms_do_not_add_up() -> None:
    longer = GO_ON | {"acceptances": (acceptance(expires=date(2026, 6, 20)),), "signer": "dirk"}
    assert in_force(decision(**GO_ON), decision(**longer), among=people(TWO)) == []


def test_one_who_recommended_counts_for_nothing() -> None:
    assert in_force(decision(signer="lea", role="lead", recommender="dora")) == []
    log = chained(recommendation(recommender="dora"), decision(recommender="dora"))
    assert standing(log).matters == []


def test_a_go_that_nobody_recommended_counts_for_nothing() -> None:
    assert standing(chained(decision())).matters == []
    other = recommendation(verdict_digest="sha256:3")
    assert standing(chained(other, decision())).matters == []


def test_a_no_go_on_the_verdict_stands_against_a_later_go() -> None:
    block = decision(decision=VerdictKind.NO_GO, signer="dirk")
    assert in_force(block, decision(**GO_ON)) == [VerdictKind.NO_GO]
    assert in_force(decision(**GO_ON), block) == [VerdictKind.NO_GO]
    assert standing(chained(recommendation(), decision(**GO_ON), block)).acceptances("release", "main") == ()


def test_a_later_decision_takes_the_place_of_an_earlier_one_on_its_gate_and_line_alone() -> None:
    again = {"verdict_digest": "sha256:3"}
    log = chained(
        recommendation(), decision(**GO_ON), recommendation(**again), decision(**again), among=people()
    )
    assert standing(log).acceptances("release", "main") == ()
    elsewhere = chained(
        recommendation(), decision(**GO_ON), recommendation(**again), decision(**again, line="other")
    )
    assert standing(elsewhere).acceptances("release", "main") == GO_ON["acceptances"]
    assert standing(elsewhere).acceptances("release", "other") == ()
    assert standing(elsewhere).acceptances("pilot", "main") == ()


def test_an_exception_longer_than_the_policy_does_not_count() -> None:
    late = acceptance(expires=DAY.date() + timedelta(days=181))
    log = chained(recommendation(), decision(**GO_ON | {"acceptances": (late,)}))
    assert standing(log).acceptances("release", "main") == ()


def test_a_loosened_rule_takes_a_second_person() -> None:
    looser = Gate(id="release", rules=(rule("rule-1", bound=0.05),))
    again = {"verdict_digest": "sha256:3", "rules": looser}
    second = recommendation(verdict_digest="sha256:3")
    entries = [recommendation(), decision(), second, decision(**again)]
    log = standing(chained(*entries))
    assert log.current("release", "main").decision.rules == GATE  # type: ignore[union-attr]
    assert "rule-1.bound: 0.02 → 0.05 (looser)" in [
        item.sentence for item in log.rule_changes(looser, "main")
    ]
    log = standing(chained(*entries, decision(**again, signer="dirk")))
    assert log.current("release", "main").decision.rules == looser  # type: ignore[union-attr]
    assert not log.loosened(looser, "main")


@pytest.mark.parametrize(
    ("dodge", "line"),
    [
        (Gate(id="other", rules=(rule("rule-1", bound=0.02),)), "main"),
        (Gate(id="release", rules=(rule("rule-1", bound=0.05),)), "fresh"),
        (Gate(id="release", rules=(rule("rule-1", bound=0.02, **{"class": "advisory"}),)), "main"),
        (Gate(id="release", rules=(rule("renamed", bound=0.02),)), "main"),
        (Gate(id="release", rules=(rule("rule-1", bound=0.02, select="risk:x"),)), "main"),
        (Gate(id="release", rules=(rule("rule-1", bound=0.02, confidence=0.9),)), "main"),
    ],
)
def test_names_and_new_lines_do_not_step_round_the_second_person(dodge: Gate, line: str) -> None:
    assert standing(chained(recommendation(), decision())).loosened(dodge, line)


def test_a_block_by_looser_rules_does_not_loosen_them_for_the_next_go() -> None:
    looser = Gate(id="release", rules=(rule("rule-1", bound=0.05),))
    block = decision(decision=VerdictKind.NO_GO, rules=looser, verdict_digest="sha256:3")
    assert standing(chained(recommendation(), decision(), block)).loosened(looser, "main")


@pytest.mark.parametrize(
    "stricter",
    [
        {"bound": 0.01},
        {"confidence": 0.99},
        {"class": RuleClass.FLOOR},
        {"population": "families"},
        {"per": "risk"},
        {"title": "Another name", "rationale": "Other words."},
    ],
)
def test_what_asks_for_as_much_takes_nobody_more(stricter: dict[str, object]) -> None:
    before = Gate(id="release", rules=(rule("rule-1", bound=0.02, population="suite"),))
    after = Gate(id="release", rules=(rule("rule-1", **{"bound": 0.02, "population": "suite"} | stricter),))  # type: ignore[arg-type]
    assert not standing(chained(recommendation(), decision(rules=before))).loosened(after, "main")


def test_a_name_with_a_key_is_a_signature_or_counts_for_nothing() -> None:
    keys = {"dora": Ed25519PrivateKey.generate()}
    among = people(**keys)
    signed = chained(recommendation(), decision(), among=among, keys=keys)
    assert [item.standing for item in named_entries(signed)] == [NameStanding.CLAIM, NameStanding.SIGNATURE]
    assert [item.in_force for item in standing(signed).matters] == [True]
    unsigned = chained(recommendation(), decision(), among=among)
    assert [item.standing for item in named_entries(unsigned)][1] is NameStanding.UNSIGNED
    assert standing(unsigned).matters == []


def test_a_signature_covers_content_and_place_and_is_the_persons_own() -> None:
    keys = {"dora": Ed25519PrivateKey.generate(), "dirk": Ed25519PrivateKey.generate()}
    among = people(**keys)
    log = chained(recommendation(), decision(), among=among, keys=keys)
    for change in ({"rationale": "Otherwise."}, {"previous_digest": log[0].digest}, {"signer": "dina"}):
        with pytest.raises(CheckFailed, match=r"jsonl:3.*(does not fit|no key of)"):
            standing((*log[:2], log[2].model_copy(update=change)))
    stolen = chained(decision(), among=among, keys={"dora": keys["dirk"]})
    with pytest.raises(CheckFailed, match="which is no key of dora"):
        standing(stolen)


def test_one_key_under_two_names_is_one_signature() -> None:
    key = Ed25519PrivateKey.generate()
    keys = {"dora": key, "dirk": key}
    log = chained(recommendation(), decision(), decision(signer="dirk"), among=people(TWO, **keys), keys=keys)
    assert not any(item.in_force for item in standing(log).matters)


def test_changed_keys_and_rights_are_told() -> None:
    before, after = people(dora=Ed25519PrivateKey.generate()), people(TWO, dora=Ed25519PrivateKey.generate())
    told = " ".join(people_changes(before, after))
    for words in ("dora: key SHA256:", "taken out", "added", "decision rights changed"):
        assert words in told
    assert people_changes(before, before) == ()


def place(tmp_path: Path) -> tuple[Path, Ledger]:
    return tmp_path / "decisions.jsonl", Ledger(tmp_path / LEDGER_NAME)


def test_the_log_is_a_chain_and_tampering_shows_where(tmp_path: Path) -> None:
    path, ledger = place(tmp_path)
    for name in ("dora", "dirk", "dora"):
        append_entry(path, ledger, decision(signer=name), people=people(), at=DAY)
    found = read_entries(path)
    assert [item.signer for item in found if isinstance(item, Decision)] == ["dora", "dirk", "dora"]
    assert len(found) == 4  # the people in front, once
    path.write_bytes(path.read_bytes().replace(b'"signer":"dirk"', b'"signer":"dina"'))
    with pytest.raises(CheckFailed, match=r"decisions\.jsonl:4.*chain is broken"):
        read_entries(path)


def test_a_cut_tail_and_a_changed_last_entry_are_found(tmp_path: Path) -> None:
    path, ledger = place(tmp_path)
    for kind in (VerdictKind.GO, VerdictKind.NO_GO):
        append_entry(path, ledger, decision(decision=kind), people=people(), at=DAY)
    whole = path.read_bytes()
    heads = ledger.read().decision_heads
    check_anchored(read_entries(path), heads, where="log")
    for changed in (
        b"\n".join(whole.splitlines()[:-1]) + b"\n",
        whole.replace(b'"decision":"no_go"', b'"decision":"go"'),
        b"",
    ):
        path.write_bytes(changed)
        with pytest.raises(CheckFailed, match="cut off or changed"):
            check_anchored(read_entries(path), heads, where="log")
    path.unlink()
    with pytest.raises(CheckFailed, match="cut off or changed"):
        append_entry(path, ledger, decision(), people=people(), at=DAY)


def test_an_entry_that_was_written_by_hand_is_found(tmp_path: Path) -> None:
    path, ledger = place(tmp_path)
    write_log(path, chained(recommendation(), decision()))
    with pytest.raises(CheckFailed, match="ends in an entry that the ledger of runs does not name"):
        append_entry(path, ledger, decision(signer="dirk"), people=people(), at=DAY)


def test_a_torn_entry_is_named(tmp_path: Path) -> None:
    path, ledger = place(tmp_path)
    append_entry(path, ledger, decision(), people=people(), at=DAY)
    with path.open("ab") as stream:
        stream.write(b'{"decided_at": ')
    with pytest.raises(CheckFailed, match=r":3"):
        read_entries(path)


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    path, ledger = place(tmp_path)
    with path.open("ab") as other:
        fcntl.flock(other, fcntl.LOCK_EX)
        with pytest.raises(InfrastructureError, match="somebody else"):
            append_entry(path, ledger, decision(), people=people(), at=DAY)
    append_entry(path, ledger, decision(), people=people(), at=DAY)
    assert len(read_entries(path)) == 2
