"""People's names and addresses stay at home, and the pack still verifies."""

from __future__ import annotations

import hashlib
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import example, given
from hypothesis import strategies as st

from safecase.base import InputError
from safecase.evidence import Redactor
from safecase.evidence._masking import mask_files
from safecase.model import OutcomeKind, VerdictKind
from safecase.workspace import LocatedDocument, read_yaml_text
from safecase_verify import verify_pack
from support.cases import case
from support.decisions import acceptance, chained, decision, log_bytes, people
from support.rules import gate, rule

from .packs import failed, open_statement, pack, repack
from .run_folders import write_run

PEOPLE = b"""\xef\xbb\xbf# ask jane.roe@mail-host.org
people:
  persons:
    - {id: jane, name: Jane Roe, email: &mail jane.roe@mail-host.org}   # Jane Roe leads
    - id: bob
      name: |
        Bob
        Builder
      email: *mail
      roles: [owner]
    - id: zoe
      name: "Zo\xc3\xab"
risks:
  - {id: jailbreak, title: Jailbreak, severity: sev2}
"""
SUITES = b"""suites:
  - id: privacy
    cases:
      - {id: leak, prompt: "who is victim@test-data.org"}
system: {users: "Jane Roe and team@mail-host.org"}
"""


def read(data: bytes) -> dict[str, Any]:
    document = LocatedDocument("file.yaml")
    read_yaml_text(data.decode("utf-8-sig"), document)
    assert document.problems == []
    return document.data


def mask(**files: bytes) -> tuple[dict[str, bytes], Counter[str]]:
    redactor = Redactor()
    masked, _ = mask_files({f"workspace/{name}.yaml": data for name, data in files.items()}, redactor)
    return masked, redactor.counts


def test_contact_fields_are_masked_in_place_and_all_else_stays() -> None:
    masked, counts = mask(people=PEOPLE, suites=SUITES)
    before, after = read(PEOPLE), read(masked["workspace/people.yaml"])
    for person in before["people"]["persons"]:
        person["name"] = "[redacted:name]"
        if "email" in person:
            person["email"] = "[redacted:email]"
    assert after == before
    text = masked["workspace/people.yaml"].decode()
    assert text.count("\n") == PEOPLE.count(b"\n") - 2, "only the name over three lines got shorter"
    for word in ("Jane", "Bob", "Zoë", "mail-host"):
        assert word not in text
    suites = masked["workspace/suites.yaml"].decode()
    assert "victim@test-data.org" in suites, "what a test contains is test data"
    assert "[redacted:name] and [redacted:email]" in suites
    assert counts == {"name": 5, "email": 3}


@pytest.mark.parametrize(
    "data",
    [b"people: [", b"people: 3", b"people: {persons: 3}", b"people: {persons: [3, {name: [a]}, {name: }]}",
     b"- a", b"", b"\xff\xfe\x00", b"? {a: b}\n: c\n", b"people: &a {persons: [*a]}"],
)  # fmt: skip
def test_files_of_any_shape_are_taken(data: bytes) -> None:
    assert mask(odd=data)[0] == {"workspace/odd.yaml": data}


@given(
    names=st.lists(
        st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20), max_size=4
    ),
    style=st.sampled_from(["json", "plain"]),
)
@example(names=["people"], style="json")
@example(names=["persons"], style="json")
@example(names=['"},{"'], style="json")
def test_whatever_the_name_it_does_not_leave(names: list[str], style: str) -> None:
    persons = [{"id": f"p{number}", "name": name} for number, name in enumerate(names)]
    data = orjson.dumps({"people": {"persons": persons}, "risks": [{"id": "r"}]})
    masked, _ = mask(people=data)
    found = read(masked["workspace/people.yaml"])
    kept = [item["name"] for item in found["people"]["persons"] if item["name"].strip()]
    assert all(name == "[redacted:name]" for name in kept)
    assert found["risks"] == [{"id": "r"}]


def test_a_name_that_is_also_a_key_is_masked_as_a_value_and_in_comments_alone() -> None:
    data = b"""\
# people lead
people:
  persons:
    - {id: p, name: people}
    - {id: q, name: owner}
system:
  owner: "owner, with people"
"""
    masked, counts = mask(people=data)
    text = masked["workspace/people.yaml"].decode()
    assert (
        text
        == """\
# [redacted:name] lead
people:
  persons:
    - {id: p, name: "[redacted:name]"}
    - {id: q, name: "[redacted:name]"}
system:
  owner: "[redacted:name], with [redacted:name]"
"""
    )
    assert counts == {"name": 5}


KEYS = {"dora": Ed25519PrivateKey.generate()}


def decisions() -> bytes:
    entries = [
        decision(
            rationale=rationale, verdict_digest=f"sha256:{number}", decision=VerdictKind.NO_GO,
            recommender="",
            acceptances=(
                acceptance(rule="", seen=None, justification=f"few, call +1 212 555 017{number}"),
            ),
        )
        for number, rationale in enumerate(("as jane.roe@mail-host.org wrote", "fine", "Jane Roe agrees"))
    ]  # fmt: skip
    return log_bytes(chained(*entries, among=people(**KEYS), keys=KEYS))


def test_a_pack_of_masked_files_verifies_and_names_the_originals(tmp_path: Path) -> None:
    cases = [case(f"case-{number}") for number in range(20)]
    run = write_run(
        tmp_path, cases, dict.fromkeys(range(20), OutcomeKind.HELD), [gate(rule("harm", bound=0.1))]
    )
    files = {"workspace/people.yaml": PEOPLE, "decisions.jsonl": decisions(), "report.html": b"<p></p>"}
    path = pack(run, tmp_path / "pack.zip", files=files)
    with zipfile.ZipFile(path) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist() if not name.endswith(".zst"))
        log = archive.read("decisions.jsonl")
    for word in (b"Jane", b"mail-host.org", b"Builder"):
        assert word not in whole
    assert log.count(b'"rationale_digest":"sha256:') == 2
    predicate = open_statement(path)["predicate"]
    assert predicate["redactions"]["name"] == 5
    assert predicate["redactions"]["email"] == 3
    listed = {item["name"]: item for item in predicate["masked_files"]}
    assert listed["workspace/people.yaml"]["original_sha256"] == hashlib.sha256(PEOPLE).hexdigest()
    assert set(listed) == {"workspace/people.yaml", "decisions.jsonl"}
    report = verify_pack(path)
    assert report.ok, failed(report)
    assert any("2 files with people's data masked" in item.detail for item in report.checks)
    assert any("decisions: it is masked" in item for item in report.not_recomputed)

    def lies(statement: dict[str, Any]) -> dict[str, Any]:
        statement["predicate"]["masked_files"][0]["sha256"] = "0"
        return statement

    assert "masked file" in failed(verify_pack(repack(path, tmp_path / "b.zip", {"statement": lies})))
    # Signatures and chain cover the digest of the original, so that a masked text can't be given another one.
    other = {
        "decisions.jsonl": lambda data: data.replace(
            b'"rationale_digest":"sha256:', b'"rationale_digest":"sha256:0', 1
        )
    }
    assert "does not hold" in failed(verify_pack(repack(path, tmp_path / "c.zip", other)))
    cut = {"decisions.jsonl": lambda data: b"\n".join(data.splitlines()[1:]) + b"\n"}
    assert "chain is broken" in failed(verify_pack(repack(path, tmp_path / "d.zip", cut)))


def test_a_decision_log_that_does_not_read_is_told_and_not_packed(tmp_path: Path) -> None:
    run = write_run(tmp_path, [case("a")], {0: OutcomeKind.HELD}, [gate(rule("harm", bound=0.1))])
    with pytest.raises(InputError, match=r"decisions.jsonl:1"):
        pack(run, tmp_path / "pack.zip", files={"decisions.jsonl": b"{}\n"})
    assert not (tmp_path / "pack.zip").exists()
