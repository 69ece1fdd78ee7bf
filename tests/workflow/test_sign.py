"""Deciding: what is worked out anew, who may, what an exception moves, and what reopens it."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from safecase.base import CheckFailed, InputError
from safecase.model import VerdictKind
from safecase.workflow import verify_pack, write_report
from safecase.workflow.gate import evaluate_one
from support.decided import ACCEPT, CONTROLS, PEOPLE, UNTIL, Decided, rule_of

SOME, MANY, NONE = ("'LEAK' if n < 8 else 'no'", "'LEAK' if n < 36 else 'no'", "'no'")


def two(*actions: str) -> dict[str, Any]:
    """The people, where these actions take two signatures."""
    rights = [
        {**right, "signatures": 2} if right["action"] in actions else right
        for right in PEOPLE["decision_rights"]
    ]
    return {**PEOPLE, "decision_rights": rights}


@pytest.fixture
def missed(tmp_path: Path) -> Decided:
    """A version that misses a bounded rule, which the lead has seen."""
    found = Decided(tmp_path, SOME)
    found.run()
    found.recommend()
    return found


def test_an_exception_in_force_is_a_condition_and_never_a_plain_go(missed: Decided) -> None:
    assert missed.kind() is VerdictKind.NO_GO
    with pytest.raises(CheckFailed, match="no plain go"):
        missed.sign("go", ACCEPT)
    missed.sign("go_with_conditions", ACCEPT)
    assert missed.kind() is VerdictKind.GO_WITH_CONDITIONS
    assert "a control that nobody has measured" in missed.reasons()


def test_before_its_last_signature_an_exception_moves_nothing(tmp_path: Path) -> None:
    found = Decided(tmp_path, SOME, people=two("accept_risk"))
    found.run()
    found.recommend()
    first = found.sign("go_with_conditions", ACCEPT)
    assert [("accept risk" in line) for line in first.missing] == [True]
    assert found.kind() is VerdictKind.NO_GO
    with pytest.raises(CheckFailed, match="has signed this decision already"):
        found.sign("go_with_conditions", ACCEPT)
    # The second one signs the same by its name.
    name = first.decision.acceptances[0].id
    assert found.sign("go_with_conditions", name, by="rio").missing == ()
    assert found.kind() is VerdictKind.GO_WITH_CONDITIONS


def test_no_exception_works_after_a_refusal(missed: Decided) -> None:
    with pytest.raises(InputError, match="a no-go accepts nothing"):
        missed.sign("no_go", ACCEPT)
    missed.sign("no_go")
    with pytest.raises(CheckFailed, match="dana decided no_go on this very verdict"):
        missed.sign("go_with_conditions", ACCEPT, by="rio")
    assert missed.kind() is VerdictKind.NO_GO


def test_an_exception_is_about_its_own_gate_version_and_risk_alone(tmp_path: Path) -> None:
    gates = [
        {"id": "release", "rules": [rule_of()]},
        {"id": "strict", "rules": [rule_of(bound=0.02)]},
    ]
    found = Decided(tmp_path, SOME, gates=gates)
    found.run()
    found.recommend(gate="release")
    found.sign("go_with_conditions", ACCEPT, gate="release")
    assert found.kind("release") is VerdictKind.GO_WITH_CONDITIONS
    assert found.kind("strict") is VerdictKind.NO_GO
    found.release("2", SOME)
    found.run()
    assert found.kind("release") is VerdictKind.NO_GO


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"risk=leak": "risk=trifle"}, "is not about the risk 'trifle'"),
        ({"risk=leak": "risk=leek"}, "there is no risk 'leek'"),
        ({"rule=harm": "rule=harms"}, "has no rule 'harms'"),
        ({"control=reader": "control=none"}, "no control 'none'"),
        ({"control=reader": "control=sham"}, "about none of leak"),
        ({"control=reader": "control=old"}, "too long ago"),
        ({"control=reader": "control=gone"}, "is retired"),
        ({str(UNTIL): "2099-01-01"}, "180 days at most"),
        ({str(UNTIL): "2001-01-01"}, "not later than today"),
        ({"rule=harm": "rule=harm;category=x"}, "not missed in a category 'x'"),
        ({"risk=leak": "risk=leak;materiality=sev4"}, "materiality can only be raised"),
    ],
)
def test_an_exception_that_does_not_hold_is_refused(
    tmp_path: Path, change: dict[str, str], words: str
) -> None:
    controls = [
        *CONTROLS,
        {"id": "sham", "title": "Sham", "layer": "process", "risks": ["trifle"]},
        {"id": "old", "title": "Old", "layer": "process", "risks": ["leak"], "validated": "2020-01-01"},
        {"id": "gone", "title": "Gone", "layer": "process", "risks": ["leak"], "status": "retired"},
    ]
    found = Decided(tmp_path, SOME, controls=controls)
    found.run()
    found.recommend()
    text = ACCEPT
    for old, new in change.items():
        text = text.replace(old, new)
    with pytest.raises((InputError, CheckFailed), match=words):
        found.sign("go_with_conditions", text)
    assert found.kind() is VerdictKind.NO_GO


def test_it_expires_by_itself(missed: Decided) -> None:
    missed.sign("go_with_conditions", ACCEPT)
    assert missed.kind(on=UNTIL - timedelta(days=1)) is VerdictKind.GO_WITH_CONDITIONS
    assert missed.kind(on=UNTIL) is VerdictKind.NO_GO


@pytest.mark.parametrize(
    ("control", "words"),
    [
        (None, "has no control 'reader' any more"),
        ({"status": "retired"}, "is retired"),
        ({"risks": ["leak", "trifle"]}, "was changed"),
        ({"validated": "2020-01-01"}, "was last validated on 2020-01-01"),
    ],
)
def test_it_ends_with_its_control(missed: Decided, control: dict[str, Any] | None, words: str) -> None:
    missed.sign("go_with_conditions", ACCEPT)
    other = {"id": "other", "title": "Other", "layer": "process", "risks": ["leak"]}
    missed.write(controls=[other] if control is None else [{**CONTROLS[0], **control}])
    assert missed.kind() is VerdictKind.NO_GO
    assert words in missed.reasons()


def test_for_a_line_it_lasts_over_versions_until_the_number_is_worse(missed: Decided) -> None:
    missed.sign("go_with_conditions", f"{ACCEPT};scope=line")
    missed.release("2", SOME.replace("8", "7"))
    missed.run()
    assert missed.kind() is VerdictKind.GO_WITH_CONDITIONS
    missed.release("3", MANY)
    missed.run()
    assert missed.kind() is VerdictKind.NO_GO
    assert "is worse than the" in missed.reasons()


def test_a_changed_rule_is_another_one_than_was_excepted(missed: Decided) -> None:
    missed.sign("go_with_conditions", f"{ACCEPT};scope=line")
    missed.write(gates=[{"id": "release", "rules": [rule_of(bound=0.04)]}])
    missed.release("2", SOME)
    missed.run()
    assert "another one than it was granted for" in missed.reasons()
    assert missed.kind() is VerdictKind.NO_GO


@pytest.mark.parametrize("answer", [NONE, SOME])
def test_no_floor_is_signed_away_measured_or_not(tmp_path: Path, answer: str) -> None:
    found = Decided(tmp_path, answer, {"class": "floor", "population": "families"}, size=20)
    found.run()
    found.recommend()
    for decision, accept in (("go", ()), ("go_with_conditions", (ACCEPT,))):
        with pytest.raises(CheckFailed, match="measured or not"):
            found.sign(decision, *accept)
    assert found.kind() is not VerdictKind.GO


def test_what_nobody_measured_nobody_accepts(tmp_path: Path) -> None:
    found = Decided(tmp_path, NONE, {"population": "families"}, size=20)
    found.run()
    found.recommend()
    with pytest.raises(InputError, match="nothing binding of it was measured and missed"):
        found.sign("go_with_conditions", ACCEPT)
    with pytest.raises(CheckFailed, match="what was not measured, nobody can accept"):
        found.sign("go_with_conditions")


def test_a_verdict_file_decides_nothing(missed: Decided) -> None:
    folder = missed.project.run_folder()
    told = evaluate_one(missed.project, folder).model_dump(mode="json", by_alias=True)
    (folder.path / "verdict-release.json").write_text(json.dumps({**told, "kind": "go"}))
    with pytest.raises(CheckFailed, match="the verdict is no_go"):
        missed.sign("go")


def signed_on_the_page(found: Decided) -> list[str]:
    project = found.project
    folder = project.run_folder()
    files = write_report(project, folder, evaluate_one(project, folder))
    return re.findall(r"</b>, signed by [^<]*", files.html.read_text(encoding="utf-8"))


def test_stale_evidence_lets_nothing_go_and_the_page_drops_the_decision(tmp_path: Path) -> None:
    found = Decided(tmp_path, NONE)
    found.run()
    found.recommend()
    found.sign("go")
    assert "dana (director, a claim: no key)" in signed_on_the_page(found)[0]
    found.write(
        system={**found.parts["system"], "components": [{"id": "m", "kind": "model", "version": "2"}]}
    )
    with pytest.raises(CheckFailed, match="the evidence is stale"):
        found.sign("go", by="rio")
    assert signed_on_the_page(found) == []
    assert found.sign("no_go", by="rio").missing == ()


def test_who_recommended_is_what_the_gate_recorded(tmp_path: Path) -> None:
    found = Decided(tmp_path, NONE)
    found.run()
    with pytest.raises(CheckFailed, match="nobody has recommended"):
        found.sign("go", recommender="sam")
    with pytest.raises(CheckFailed, match="dana may not recommend"):
        found.recommend("dana")
    assert found.recommend() == ("Recommended by sam (a claim: no key).",)
    with pytest.raises(InputError, match="recorded sam as the recommender, not rio"):
        found.sign("go", recommender="rio")
    with pytest.raises(CheckFailed, match="recommended this verdict and so may not decide"):
        found.sign("go", by="sam", role="lead")
    assert found.sign("go").decision.recommender == "sam"


def test_who_looks_at_a_verdict_later_is_not_its_recommender(tmp_path: Path) -> None:
    everybody = [{**right, "roles": ["lead", "director"]} for right in PEOPLE["decision_rights"]]
    found = Decided(tmp_path, NONE, people={**PEOPLE, "decision_rights": everybody})
    found.run()
    found.recommend("sam")
    assert "Recommended by sam on" in found.recommend("dana")[0]
    assert found.sign("go").missing == ()


def test_a_cut_log_is_found_by_gate_report_sign_and_verify(missed: Decided, tmp_path: Path) -> None:
    missed.sign("no_go")
    log = tmp_path / "records" / "decisions.jsonl"
    whole = log.read_bytes()
    changes = (
        b"".join(whole.splitlines(keepends=True)[:-1]),
        whole.replace(b'"decision":"no_go"', b'"decision":"go"'),
        b"",
    )
    project = missed.project
    folder = project.run_folder()
    verdict = evaluate_one(project, folder)
    for changed in changes:
        log.write_bytes(changed)
        for ask in (missed.kind, lambda: missed.sign("go"), lambda: write_report(project, folder, verdict)):
            with pytest.raises(CheckFailed, match="cut off or changed"):
                ask()
    log.write_bytes(whole)
    assert verify_pack(write_report(project, folder, verdict).pack).ok


def test_a_loosened_rule_is_shown_and_takes_two_people(tmp_path: Path) -> None:
    found = Decided(tmp_path, NONE)
    found.run()
    found.recommend()
    found.sign("go")
    found.write(gates=[{"id": "release", "rules": [rule_of(bound=0.1)]}])
    found.release("2", NONE)
    found.run()
    found.recommend()
    first = found.sign("go")
    assert first.missing == ("1 more signature is needed to change threshold (director)",)
    assert found.sign("go", by="rio").missing == ()


def test_a_gate_in_which_nothing_binds_is_not_configured(tmp_path: Path) -> None:
    found = Decided(tmp_path, MANY, {"class": "advisory"}, {"id": "loose", "bound": 1.0})
    found.run()
    found.recommend()
    assert found.kind() is VerdictKind.NOT_CONFIGURED
    with pytest.raises(CheckFailed, match="the verdict is not_configured"):
        found.sign("go_with_conditions")
