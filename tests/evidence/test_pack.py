"""Packs: what is in them, what verifies, and that no change passes."""

from __future__ import annotations

import random
import zipfile
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import orjson
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safecase.base import compress_frame
from safecase.engine import RunFolder
from safecase.model import (
    CaseSource,
    Severity,
    StaleEvidence,
    Verdict,
    VerdictKind,
)
from safecase.model.rule import CoverageRequirement
from safecase_verify import INTEGRITY_ONLY, InputError, KnownKey, VerificationReport, verify_pack
from support.cases import case
from support.decisions import (
    chained,
    decision_on,
    exception_on,
    exceptions,
    log_bytes,
    people,
    recommended,
    rights,
)
from support.frames import unpack_frame
from support.messages import user
from support.moments import TODAY
from support.outcomes import ERROR, HELD, VIOLATED
from support.risks import risk
from support.rules import gate, rule
from support.verdicts import judge

from .packs import edit, entries_of, failed, key, open_statement, pack, repack, write_entries
from .run_folders import write_run

VERDICT = "verdicts/release.json"


def a_run(store: Path, bad: int = 0, size: int = 40, **fields: Any) -> RunFolder:
    cases = [case(f"case-{index}") for index in range(size)]
    outcomes = {draw: VIOLATED if draw < bad else HELD for draw in range(size)}
    values: dict[str, Any] = {"gates": [gate(rule("harm", bound=0.1))], **fields}
    return write_run(store, cases, outcomes, **values)


def objection(report: VerificationReport) -> str:
    assert not report.ok
    return failed(report)


def edit_line(number: int, text: bytes) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        lines = data.splitlines(keepends=True)
        lines[number] = text
        return b"".join(lines)

    return change


def edit_attempts(work: Callable[[list[dict[str, Any]]], None]) -> Callable[[bytes], bytes]:
    def change(data: bytes) -> bytes:
        lines = unpack_frame(data).splitlines()
        attempts = [orjson.loads(line) for line in lines]
        work(attempts)
        return compress_frame(b"".join(orjson.dumps(item) + b"\n" for item in attempts))

    return change


def test_a_pack_verifies_and_names_its_signer(tmp_path: Path) -> None:
    path = pack(a_run(tmp_path), tmp_path / "pack.zip")
    report = verify_pack(path, known=[KnownKey("us", key().public_bytes)], require_trust=True)
    assert report.ok, failed(report)
    assert report.trusted == "us"
    assert [item.name for item in report.checks] == [
        "signature", "contents", "plan", "attempts", "statement", "whole", "workspace", "chain", "rules",
        "verdict release.json",
    ]  # fmt: skip
    assert report.not_recomputed == ()
    assert not report.demo
    assert "go: 1 results recomputed and equal" in report.checks[-1].detail
    others = [KnownKey("them", key(2).public_bytes)]
    assert "none of the keys that you trust" in objection(verify_pack(path, known=others))


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    first, second = (pack(run, tmp_path / name).read_bytes() for name in ("a.zip", "b.zip"))
    assert first == second


def test_an_ephemeral_key_and_the_demo_are_told(tmp_path: Path) -> None:
    path = pack(a_run(tmp_path, demo=True), tmp_path / "pack.zip", key=key(ephemeral=True))
    report = verify_pack(path)
    assert report.ok, failed(report)
    assert report.checks[0].detail.startswith(INTEGRITY_ONLY)
    assert "made for this pack" in report.checks[0].detail
    assert report.demo
    with zipfile.ZipFile(path) as archive:
        assert b"Nothing here is evidence about any model" in archive.read("README.txt")


def test_personal_data_stays_out_of_the_pack_and_is_counted(tmp_path: Path) -> None:
    secret, address = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8", "jane.roe@mail-host.org"
    cases = [
        case("plain"),
        case(
            "real",
            source=CaseSource.PRODUCTION,
            messages=(user(f"I am {address}"),),
        ),
    ]
    texts = {0: f"the key is {secret}", 1: f"write to {address}"}
    run = write_run(tmp_path, cases, {0: HELD, 1: HELD}, [gate(rule("harm", bound=0.1))], texts=texts)
    path = pack(run, tmp_path / "pack.zip")
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            data = archive.read(name)
            if name.endswith(".zst"):
                data = unpack_frame(data)
            assert secret.encode() not in data
            assert address.encode() not in data
    report = verify_pack(path)
    assert report.ok, failed(report)
    assert report.not_recomputed == ("the text of 1 cases from production: it is masked in the pack",)
    lines = open_statement(path)["predicate"]
    assert lines["redactions"] == {"email": 3, "secret": 1}


def test_no_flipped_byte_passes(tmp_path: Path) -> None:
    path = pack(a_run(tmp_path), tmp_path / "pack.zip")
    whole = path.read_bytes()
    before = list(entries_of(path).items())
    generator = random.Random(5)
    changed = tmp_path / "changed.zip"
    objected = 0
    for position in generator.sample(range(len(whole)), 250):
        data = bytearray(whole)
        data[position] ^= generator.randrange(1, 256)
        changed.write_bytes(bytes(data))
        try:
            report = verify_pack(changed)
        except InputError:
            objected += 1
            continue
        if report.ok:
            # Only the zip's own dates and attributes may differ: what it holds is the same.
            assert list(entries_of(changed).items()) == before
        else:
            objected += 1
    assert objected > 200


def test_one_changed_byte_of_each_entry_is_named(tmp_path: Path) -> None:
    path = pack(a_run(tmp_path), tmp_path / "pack.zip")
    entries = list(entries_of(path).items())
    for name, data in entries:
        if name == "statement.dsse.json":
            continue
        changed = tmp_path / "changed.zip"
        flipped = data[:-1] + bytes([data[-1] ^ 1])
        write_entries(changed, [(other, flipped if other == name else held) for other, held in entries])
        assert f"{name}: this entry was changed" in objection(verify_pack(changed))


def test_entries_added_or_removed_are_named(tmp_path: Path) -> None:
    path = pack(a_run(tmp_path), tmp_path / "pack.zip")
    entries = list(entries_of(path).items())
    changed = tmp_path / "changed.zip"
    write_entries(changed, [*entries, ("extra.html", b"<p>go</p>")])
    assert "nobody signed: extra.html" in objection(verify_pack(changed))
    write_entries(changed, [item for item in entries if item[0] != VERDICT])
    assert f"{VERDICT}: this entry is listed and missing" in objection(verify_pack(changed))


def test_a_truncated_pack_is_refused_at_every_length(tmp_path: Path) -> None:
    whole = pack(a_run(tmp_path), tmp_path / "pack.zip").read_bytes()
    short = tmp_path / "short.zip"
    for length in range(0, len(whole), max(1, len(whole) // 60)):
        short.write_bytes(whole[:length])
        with pytest.raises(InputError):
            verify_pack(short)


def _ships(verdict: dict[str, Any]) -> None:
    verdict.update(kind="go", conditions=[], reasons=["All is well."])
    for result in verdict["rules"]:
        result["status"] = "met"
        for item in result["categories"]:
            item["status"] = "met"


def _says_go(statement: dict[str, Any]) -> dict[str, Any]:
    statement["predicate"]["verdicts"][0]["kind"] = "go"
    return statement


FORGERIES: list[tuple[str, dict[str, Any], str]] = [
    ("the kind alone", {VERDICT: edit(lambda v: v.update(kind="go"))}, "although harm is not met"),
    ("kind and statuses", {VERDICT: edit(_ships)}, "status met, recomputed not_met"),
    (
        "an estimate",
        {VERDICT: edit(lambda v: v["rules"][0]["categories"][0]["estimate"].update(value=0.01, lower=0.0))},
        "value 0.01, recomputed",
    ),
    (
        "a limit in the seventh digit",
        {
            VERDICT: edit(
                lambda v: v["rules"][0]["categories"][0]["estimate"].update(
                    upper=v["rules"][0]["categories"][0]["estimate"]["upper"] - 1e-5
                )
            )
        },
        "upper limit",
    ),
    (
        "when it was decided",
        {VERDICT: edit(lambda v: v["rules"][0]["categories"][0].update(decided_at=1))},
        "decided at 1, recomputed",
    ),
    (
        "the rule",
        {VERDICT: edit(lambda v: v["rules"][0]["rule"].update(bound=0.9))},
        "leaves out or changes a rule",
    ),
    ("no rules", {VERDICT: edit(lambda v: v.update(rules=[], kind="go"))}, "leaves out or changes a rule"),
    ("counts", {VERDICT: edit(lambda v: v.update(attempts=4000))}, "counts other attempts"),
    ("another system", {VERDICT: edit(lambda v: v.update(system_version="x"))}, "another run or system"),
    ("demo", {VERDICT: edit(lambda v: v.update(demo=True))}, "was the demo"),
    (
        "outcomes",
        {"run/attempts.jsonl.zst": edit_attempts(lambda a: a[0].update(outcome="held"))},
        "does not follow from its scores",
    ),
    (
        "outcomes and scores",
        {
            "run/attempts.jsonl.zst": edit_attempts(
                lambda a: [
                    item.update(outcome="held") or item["scores"][0].update(outcome="held") for item in a
                ]
            )
        },
        "recomputed",
    ),
    (
        "an attempt twice",
        {"run/attempts.jsonl.zst": edit_attempts(lambda a: a.insert(1, a[0]))},
        "twice or out of order",
    ),
    (
        "an attempt of another case",
        {"run/attempts.jsonl.zst": edit_attempts(lambda a: a[3].update(case_id=a[4]["case_id"]))},
        "another case than was planned",
    ),
    (
        "an attempt nobody planned",
        {"run/attempts.jsonl.zst": edit_attempts(lambda a: a[-1].update(draw=4000))},
        "was not planned",
    ),
    (
        "attempts left out",
        {"run/attempts.jsonl.zst": edit_attempts(lambda a: a.pop(2))},
        "counts other attempts",
    ),
    (
        "a case",
        {"run/cases.jsonl": lambda d: d.replace(b"please do case-7", b"please do nothing")},
        "the cases are not those",
    ),
    ("the order", {"run/draws.csv": lambda d: d.replace(b"\n0,", b"\n1,", 1)}, "the draw order is not"),
    ("no draws", {"run/draws.csv": lambda d: b""}, "does not read"),
    ("one draw more", {"run/draws.csv": lambda d: d + b"0,1,1\n"}, "longer than the manifest says"),
    ("a case that cannot be", {"run/draws.csv": edit_line(1, b"99999,0,1\n")}, "that cannot be"),
    ("a seed that cannot be", {"run/draws.csv": edit_line(2, b"0,0,99999999999\n")}, "draws.csv:3"),
    ("a negative case", {"run/draws.csv": edit_line(2, b"-1,0,1\n")}, "draws.csv:3"),
    (
        "the frozen gate",
        {"run/manifest.json": edit(lambda m: m["gates"][0]["rules"][0].update(bound=0.9))},
        "the seed does not follow from the plan",
    ),
    (
        "the statement",
        {"statement": lambda s: {**s, "predicate": {**s["predicate"], "run_id": "x"}}},
        "about another run",
    ),
    (
        "the statement's verdict",
        {"statement": _says_go},
        "names other verdicts",
    ),
    ("a verdict that does not read", {"run/manifest.json": lambda d: d[:100]}, "does not read"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "change", "words"), FORGERIES, ids=[item[0] for item in FORGERIES])
def test_a_forgery_is_found_even_when_it_is_signed_anew(
    tmp_path: Path, name: str, change: dict[str, Any], words: str
) -> None:
    path = pack(a_run(tmp_path, bad=12), tmp_path / "pack.zip")
    assert verify_pack(path).ok
    assert words in objection(verify_pack(repack(path, tmp_path / "forged.zip", change)))


def test_signing_anew_alone_shows_in_the_signer(tmp_path: Path) -> None:
    path = repack(pack(a_run(tmp_path), tmp_path / "pack.zip"), tmp_path / "again.zip", {})
    report = verify_pack(path)
    assert report.ok, failed(report)
    assert report.signer != verify_pack(tmp_path / "pack.zip").signer


def test_an_all_errors_run_can_never_be_a_go(tmp_path: Path) -> None:
    cases = [case(f"case-{index}") for index in range(20)]
    run = write_run(tmp_path, cases, dict.fromkeys(range(20), ERROR), [gate(rule("harm", bound=0.1))])
    path = pack(run, tmp_path / "pack.zip")
    assert verify_pack(path).ok
    forged = repack(path, tmp_path / "forged.zip", {VERDICT: edit(_ships)})
    assert not verify_pack(forged).ok


def _accepted(run: RunFolder, **changes: Any) -> tuple[list[Verdict], bytes]:
    """The verdicts with an exception in force, and the decision log that grants it."""
    before = judge(run)[0]
    granted = exception_on(before, **changes)
    log = chained(recommended(before), decision_on(before, run.manifest.gates[0], granted))
    return judge(run, exceptions=exceptions(granted)), log_bytes(log)


def test_a_condition_needs_an_acceptance_in_the_decision_log(tmp_path: Path) -> None:
    run = a_run(tmp_path, bad=12)
    verdicts, log = _accepted(run)
    assert verdicts[0].kind is VerdictKind.GO_WITH_CONDITIONS
    assert "no decision in force" in objection(verify_pack(pack(run, tmp_path / "a.zip", verdicts)))

    def with_log(data: bytes) -> VerificationReport:
        return verify_pack(pack(run, tmp_path / "b.zip", verdicts, files={"decisions.jsonl": data}))

    report = with_log(log)
    assert report.ok, failed(report)
    told = next(item.detail for item in report.checks if item.name == "decisions")
    assert "go_with_conditions by dora (in force)" in told
    assert "dora: no signature: a claim" in told
    lines = log.splitlines(keepends=True)
    assert "no decision in force" in objection(with_log(lines[0] + lines[1]))
    assert "chain is broken" in objection(with_log(log + lines[-1]))
    assert "expired" in objection(with_log(_log_with(run, verdicts, expires=TODAY)))


def _log_with(run: RunFolder, verdicts: list[Verdict], **changes: Any) -> bytes:
    """A log whose exception has other terms; the verdict is made to rest on it."""
    before = judge(run)[0]
    granted = exception_on(before, **changes)
    verdicts[0] = verdicts[0].model_copy(update={"acceptances": (granted,)})
    return log_bytes(chained(recommended(before), decision_on(before, run.manifest.gates[0], granted)))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"gate": "other"}, "another gate"),
        ({"system_version": "sha256:9"}, "another version"),
        ({"rule_digest": "sha256:9"}, "another rule"),
        ({"risks": ("elsewhere",)}, "risks that it does not name"),
        ({"seen": None}, "no number"),
        ({"expires": TODAY + timedelta(days=200)}, "longer than the policy"),
    ],
)
def test_the_verifier_holds_an_exception_against_the_very_thing(
    tmp_path: Path, changes: dict[str, Any], words: str
) -> None:
    run = a_run(tmp_path, bad=12)
    verdicts, _ = _accepted(run)
    log = _log_with(run, verdicts, **changes)
    path = pack(run, tmp_path / "a.zip", verdicts, files={"decisions.jsonl": log})
    assert words in objection(verify_pack(path))


def test_a_number_that_got_worse_reopens_an_exception_for_the_verifier_too(tmp_path: Path) -> None:
    run = a_run(tmp_path, bad=12)
    seen = judge(run)[0].rules[0].categories[0].estimate
    assert seen is not None
    verdicts, _ = _accepted(run)
    log = _log_with(run, verdicts, seen=seen.model_copy(update={"value": 0.01, "lower": 0.0, "upper": 0.02}))
    path = pack(run, tmp_path / "a.zip", verdicts, files={"decisions.jsonl": log})
    assert "worse than the one that was accepted" in objection(verify_pack(path))


def test_signatures_of_a_pack_are_checked_by_the_keys_of_the_day(tmp_path: Path) -> None:
    run = a_run(tmp_path, bad=12)
    before = judge(run)[0]
    granted = exception_on(before)
    keys = {"dora": Ed25519PrivateKey.generate(), "lea": Ed25519PrivateKey.generate()}
    entries = (recommended(before), decision_on(before, run.manifest.gates[0], granted))
    verdicts = judge(run, exceptions=exceptions(granted))

    def verified(data: bytes) -> VerificationReport:
        return verify_pack(pack(run, tmp_path / "a.zip", verdicts, files={"decisions.jsonl": data}))

    signed = log_bytes(chained(*entries, among=people(**keys), keys=keys))
    report = verified(signed)
    assert report.ok, failed(report)
    assert "dora: SHA256:" in next(item.detail for item in report.checks if item.name == "decisions")
    # Whoever has a key and did not use it has signed nothing.
    assert "did not record" in objection(verified(log_bytes(chained(*entries, among=people(**keys)))))
    only_lea = {"lea": keys["lea"]}
    unsigned = log_bytes(chained(*entries, among=people(**keys), keys=only_lea))
    assert "no decision in force" in objection(verified(unsigned))
    other = keys | {"dora": Ed25519PrivateKey.generate()}
    assert "did not have" in objection(
        verified(log_bytes(chained(*entries, among=people(**keys), keys=other)))
    )
    changed = signed.replace(b'"role":"director"', b'"role":"lead"')
    assert "does not hold" in objection(verified(changed))


def test_one_of_two_signatures_is_not_enough_for_the_verifier_either(tmp_path: Path) -> None:
    run = a_run(tmp_path, bad=12)
    before = judge(run)[0]
    granted = exception_on(before)
    decided = decision_on(before, run.manifest.gates[0], granted)
    verdicts = judge(run, exceptions=exceptions(granted))
    among = people(rights(accept_risk=2))
    for signatures, ok in (
        ((decided,), False),
        ((decided, decided.model_copy(update={"signer": "dirk"})), True),
    ):
        log = log_bytes(chained(recommended(before), *signatures, among=among))
        report = verify_pack(pack(run, tmp_path / "a.zip", verdicts, files={"decisions.jsonl": log}))
        assert report.ok is ok, failed(report)


def test_labels_of_people_are_in_the_pack_and_recounted(tmp_path: Path) -> None:
    asked = rule("harm", bound=0.1, judge_correction={"method": "two_phase", "labels": "people/harm.csv"})
    run = a_run(tmp_path, gates=[gate(asked)], bad=6, size=120)
    names = [run.plan.planned(draw).id for draw in range(120)]
    labels = {"people/harm.csv": dict.fromkeys(names, False)}
    told = judge(run, labels=labels)
    assert told[0].kind is VerdictKind.GO
    lines = "attempt,label\n" + "".join(f"{name},held\n" for name in names)
    path = pack(run, tmp_path / "a.zip", told, files={"labels/people/harm.csv": lines.encode()})
    report = verify_pack(path)
    assert report.ok, failed(report)
    assert report.not_recomputed == ()
    for change in (
        lambda data: data.replace(b",held", b",violated", 40),
        lambda data: b"attempt,label\n",
        lambda data: b"attempt,label\ncase-0#0,maybe\n",
        lambda data: b"\xff" + data,
    ):
        forged = repack(path, tmp_path / "b.zip", {"labels/people/harm.csv": change})
        assert "harm" in objection(verify_pack(forged))
    assert "recomputed" in objection(verify_pack(pack(run, tmp_path / "c.zip", told, files={})))


def test_a_contradiction_by_later_attempts_cannot_be_hidden(tmp_path: Path) -> None:
    cases = [case(f"case-{index}") for index in range(600)]
    outcomes = {draw: VIOLATED if draw >= 560 else HELD for draw in range(600)}
    run = write_run(tmp_path, cases, outcomes, [gate(rule("harm", bound=0.05))])
    path = pack(run, tmp_path / "a.zip")
    assert verify_pack(path).ok, failed(verify_pack(path))
    hide = edit(lambda v: v["rules"][0]["categories"][0].update(status="met", decision="ship"))
    report = verify_pack(repack(path, tmp_path / "b.zip", {VERDICT: hide}))
    assert "status met, recomputed not_met; decision ship, recomputed contradicted" in objection(report)


def test_nobody_can_accept_what_was_not_measured(tmp_path: Path) -> None:
    run = a_run(tmp_path, gates=[gate(rule("harm", bound=0.1, minimum_n=90))], bad=1)
    told, log = _accepted(run)
    assert told[0].kind is VerdictKind.INSUFFICIENT_EVIDENCE
    path = pack(run, tmp_path / "a.zip", told, files={"decisions.jsonl": log})
    assert verify_pack(path).ok, failed(verify_pack(path))
    milder = {VERDICT: edit(lambda v: v.update(kind="go_with_conditions", conditions=["accepted"]))}
    assert "nobody accepted" in objection(verify_pack(repack(path, tmp_path / "b.zip", milder)))


def test_staleness_and_gaps_in_coverage_forbid_a_go(tmp_path: Path) -> None:
    severe = (risk("never-tried", Severity.SEV1),)
    asks = gate(rule("harm", bound=0.1), coverage=CoverageRequirement())
    run = a_run(tmp_path, gates=[asks])
    files = {"workspace/risks.yaml": orjson.dumps({"risks": [severe[0].model_dump(mode="json")]})}
    told = judge(run, risks=severe)
    assert told[0].kind is VerdictKind.INSUFFICIENT_EVIDENCE
    assert verify_pack(pack(run, tmp_path / "a.zip", told, files=files)).ok
    untold = judge(run, risks=())
    assert untold[0].kind is VerdictKind.GO
    assert "never-tried was not tested" in objection(
        verify_pack(pack(run, tmp_path / "b.zip", untold, files=files))
    )
    report = verify_pack(pack(run, tmp_path / "c.zip", untold, files={}))
    assert report.ok
    assert "coverage of severe risks" in report.not_recomputed[0]
    stale = StaleEvidence(what="model", recorded="1", present="2")
    hidden = [untold[0].model_copy(update={"stale": (stale,)})]
    assert "model changed" in objection(verify_pack(pack(run, tmp_path / "d.zip", hidden)))


def test_a_verdict_that_is_stricter_without_a_reason_is_found(tmp_path: Path) -> None:
    path = pack(a_run(tmp_path), tmp_path / "pack.zip")
    for kind, words in (("no_go", "no rule that binds has failed"), ("insufficient_evidence", "nothing is")):
        change = {VERDICT: edit(lambda v, kind=kind: v.update(kind=kind))}
        assert words in objection(verify_pack(repack(path, tmp_path / "forged.zip", change)))


def test_the_chain_of_runs_is_checked(tmp_path: Path) -> None:
    first = a_run(tmp_path, run_id="20260101T000000Z-000001").manifest
    second = a_run(tmp_path, run_id="20260101T000000Z-000002", predecessor=first).manifest
    third = a_run(tmp_path, run_id="20260101T000000Z-000003", predecessor=second)
    path = pack(third, tmp_path / "pack.zip", chain=(second, first))
    report = verify_pack(path)
    assert report.ok, failed(report)
    assert any("2 earlier runs linked; no history here" in item.detail for item in report.checks)
    name = f"chain/{first.run_id}.json"
    forged = repack(path, tmp_path / "forged.zip", {name: edit(lambda m: m.update(seed=8))})
    assert "names another predecessor" in objection(verify_pack(forged))
    stray = pack(third, tmp_path / "stray.zip", chain=(first,))
    assert "no link of the run's chain" in objection(verify_pack(stray))


def test_a_pack_without_a_verdict_proves_nothing(tmp_path: Path) -> None:
    assert "holds no verdict" in objection(verify_pack(pack(a_run(tmp_path), tmp_path / "p.zip", [])))
