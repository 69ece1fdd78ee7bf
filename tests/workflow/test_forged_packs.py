"""Packs that somebody took apart, changed and signed anew: each forgery is named, and none is trusted."""

from __future__ import annotations

import base64
import hashlib
import json
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import orjson
import pytest

from evidence.packs import pack as evidence_pack
from evidence.run_folders import write_run
from safecase import verify
from safecase.base import canonical_json, compress_frame, digest
from safecase.evidence._pack_writer import PackWriter
from safecase.evidence.signing import SigningKey, render_envelope, sign_statement
from safecase.model import ScorerReference, Verdict
from safecase_verify import INTEGRITY_ONLY, KnownKey, VerificationReport
from support.cases import case
from support.command_line import safecase
from support.frames import unpack_frame
from support.outcomes import HELD
from support.rules import gate, rule
from support.workspaces import write_files

Files = dict[str, bytes]
Change = Callable[[Files, dict[str, Any]], None]
_CASES = 40
_HELD_WORDS = "the answer contains what it must and nothing it must not"
_WORKSPACE = """\
system: {id: shop, title: Shop, components: [{id: model, kind: model, version: "1"}]}
targets: [{id: bot, kind: python_callable, callable: "bot:answer"}]
defaults: {target: bot, gate: release}
risks:
  - {id: r, title: R, harm: misuse_enablement, attack: jailbreak, severity: sev1, likelihood: possible}
suites:
  - id: s
    title: S
    datasets:
      - id: d
        path: cases.jsonl
        columns: {prompt: p, id: i, severity: s, risk: r, family: f}
        defaults:
          harm: misuse_enablement
          attack: jailbreak
          expect: [{scorer: contains, parameters: {none_of: [LEAK]}}, {scorer: my-words}]
scorers: [{id: my-words, scorer: contains, parameters: {none_of: [BOMB]}}]
people:
  roles: [{id: lead, title: Lead}]
  persons: [{id: sam, name: Samantha Roe, email: sam@mail-host.org, roles: [lead]}]
gates:
  - id: release
    rules: [{id: harm, class: floor, metric: violation_rate, population: suite, bound: 0.02, rationale: x}]
"""
_BOT = """\
def answer(text):
    n = int(text.split()[-1])
    return f"LEAK {n}" if n < 8 else f"no, write to agent{n}@mail-host.org" if n < 20 else f"no {n}"
"""


@pytest.fixture(scope="module")
def pack(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_files(tmp_path_factory.mktemp("forged") / "shop", {"safecase": _WORKSPACE})
    rows = [{"i": f"c{n}", "p": f"item {n}", "s": "sev1", "r": "r", "f": f"f{n}"} for n in range(_CASES)]
    (folder / "cases.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (folder / "bot.py").write_text(_BOT)
    safecase(folder, "run", "--complete")
    safecase(folder, "gate", code=1)
    return Path(json.loads(safecase(folder, "report", "--json"))["pack"])


def _entries(pack: Path) -> tuple[Files, dict[str, Any]]:
    with zipfile.ZipFile(pack) as archive:
        files = {name: archive.read(name) for name in archive.namelist()}
    envelope = json.loads(files.pop("statement.dsse.json"))
    return files, json.loads(base64.b64decode(envelope["payload"]))


def _sign(files: Files, statement: dict[str, Any], destination: Path, *, ephemeral: bool = False) -> Path:
    """A well-formed pack of the files, statement and ledger put right, signed with a forger's lasting key."""
    found = [Verdict.model_validate_json(data) for name, data in files.items() if name.startswith("verd")]
    if "runs.jsonl" in files:
        files["runs.jsonl"] = _ledger(files["runs.jsonl"], found)
    with PackWriter(destination) as writer:
        statement["subject"] = [
            {
                "name": name,
                "digest": {"sha256": hashlib.sha256(data).hexdigest()},
                "annotations": {"packed_sha256": writer.add(name, data, compressed=name.endswith(".zst"))},
            }
            for name, data in files.items()
        ]
        predicate = statement["predicate"]
        predicate["verdicts"] = [{"gate": v.gate, "kind": v.kind.value, "digest": digest(v)} for v in found]
        predicate["manifest_digest"] = digest(json.loads(files["run/manifest.json"]))
        signed = sign_statement(statement, _key(ephemeral=ephemeral))
        writer.add("statement.dsse.json", render_envelope(signed), compressed=True)
    return destination


def _ledger(content: bytes, verdicts: list[Verdict]) -> bytes:
    """The ledger as it would be, had these verdicts been given."""
    lines, renamed = b"", dict[str, str]()
    for event in map(json.loads, content.splitlines()):
        before = digest(event)
        event["previous"] = [renamed[name] for name in event["previous"]]
        for verdict in verdicts:
            if (event.get("gate"), event.get("run_id")) == (verdict.gate, verdict.run_id):
                event.update(kind=verdict.kind.value, verdict_digest=digest(verdict))
        renamed[before] = digest(event)
        lines += canonical_json(event) + b"\n"
    return lines


def _key(*, ephemeral: bool = False) -> SigningKey:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return SigningKey(Ed25519PrivateKey.from_private_bytes(bytes(32)), ephemeral=ephemeral)


def _failed(report: VerificationReport) -> str:
    return "; ".join(f"{item.name}: {item.detail}" for item in report.checks if not item.ok)


def attempts(work: Callable[[dict[str, Any]], dict[str, Any] | None]) -> Change:
    """A change of each attempt; None takes one out."""

    def change(files: Files, statement: dict[str, Any]) -> None:
        rows = [orjson.loads(line) for line in unpack_frame(files["run/attempts.jsonl.zst"]).splitlines()]
        kept = [orjson.dumps(row) + b"\n" for row in map(work, rows) if row is not None]
        files["run/attempts.jsonl.zst"] = compress_frame(b"".join(kept))

    return change


def verdict(work: Callable[[dict[str, Any]], object]) -> Change:
    def change(files: Files, statement: dict[str, Any]) -> None:
        value = json.loads(files["verdicts/release.json"])
        work(value)
        files["verdicts/release.json"] = json.dumps(value).encode()

    return change


def manifest(work: Callable[[dict[str, Any]], object]) -> Change:
    def change(files: Files, statement: dict[str, Any]) -> None:
        value = json.loads(files["run/manifest.json"])
        work(value)
        files["run/manifest.json"] = json.dumps(value).encode()

    return change


def entry(name: str, work: Callable[[bytes], bytes]) -> Change:
    def change(files: Files, statement: dict[str, Any]) -> None:
        files[name] = work(files.get(name, b""))

    return change


def predicate(**fields: Any) -> Change:
    return lambda files, statement: statement["predicate"].update(fields)


def several(*changes: Change) -> Change:
    def change(files: Files, statement: dict[str, Any]) -> None:
        for one in changes:
            one(files, statement)

    return change


def _held(row: dict[str, Any]) -> bool:
    return bool(row["outcome"] == "held")


def _says(row: dict[str, Any], text: str) -> dict[str, Any]:
    row["transcript"]["messages"][-1]["content"] = text
    return row


def _as_held(row: dict[str, Any]) -> dict[str, Any]:
    """A violated attempt with the score that held ones have."""
    for score in row["scores"] if not _held(row) else ():
        score.update(outcome="held", label="", value=None, evidence=[], explanation=_HELD_WORDS)
    return row | {"outcome": "held"}


def _scores(row: dict[str, Any], **fields: Any) -> dict[str, Any]:
    row["scores"][0].update(fields)
    return row


def _swap_prompt(row: dict[str, Any]) -> dict[str, Any]:
    row["transcript"]["messages"][0]["content"] = "be kind"
    return row


def _mask_all(row: dict[str, Any]) -> dict[str, Any]:
    """Put a mask into a transcript, so that its score might pass for one that cannot be made again."""
    return _says(row, "Sure: LEAK, ask [redacted:email]") if _held(row) else row


def _exchange_cases(files: Files, statement: dict[str, Any]) -> None:
    rows = [json.loads(line) for line in files["run/cases.jsonl"].splitlines()]
    from safecase.model import Case

    masked = {row["id"]: Case.model_validate(row).digest for row in rows}
    for row in rows:
        row["messages"][0]["content"] = "be kind"
    files["run/cases.jsonl"] = b"".join(orjson.dumps(row) + b"\n" for row in rows)
    files["run/masked_cases.json"] = orjson.dumps(masked)


def _short(files: Files, statement: dict[str, Any]) -> None:
    attempts(lambda row: row if _held(row) else None)(files, statement)
    statement["predicate"]["skipped"] = 8


FORGERIES: list[tuple[str, Change, str]] = [
    # Of the findings
    ("held transcripts show the leak", attempts(lambda row: _says(row, "Sure: LEAK")), "contains"),
    ("violated scores rewritten to held", attempts(_as_held), "recorded as held, but contains"),
    (
        "transcripts emptied",
        attempts(lambda row: row | {"transcript": row["transcript"] | {"messages": []}}),
        "does not hold what its case says",
    ),
    (
        "a scorer that nobody asked for",
        attempts(lambda row: _scores(row, scorer="other")),
        "not scored by what",
    ),
    ("a score is missing", attempts(lambda row: row | {"scores": row["scores"][:1]}), "not scored by what"),
    (
        "an error beside held scores",
        attempts(
            lambda row: row | {"error": {"origin": "scorer", "kind": "crash", "message": "x", "tries": 1}}
        ),
        "an error beside scores",
    ),
    ("made in 1999", attempts(lambda row: row | {"started_at": "1999-01-01T00:00:00Z"}), "before the run"),
    ("violated attempts left out", attempts(lambda row: row if _held(row) else None), "are missing"),
    ("left out, and said to be skipped", _short, "missing from a run that was to make all"),
    ("the report replaced", entry("report.html", lambda data: b"<h1>GO</h1>"), "report.html:1"),
    ("SARIF replaced", entry("results.sarif", lambda data: data.replace(b"no_go", b"go")), "results.sarif"),
    ("JUnit replaced", entry("junit.xml", lambda data: b""), "junit.xml"),
    ("reasons", verdict(lambda v: v.update(reasons=["Certified by the ministry."])), "reasons or conditions"),
    (
        "a rule's sentence",
        verdict(lambda v: v["rules"][0].update(sentence="All is well.")),
        "says other words",
    ),
    (
        "a category's sentence",
        verdict(lambda v: v["rules"][0]["categories"][0].update(sentence="All is well.")),
        "what is said of it",
    ),
    ("an entry that nothing reads", entry("workspace/x.exe", lambda data: b"MZ"), "that packs do not have"),
    ("a second report", entry("summary.pdf", lambda data: b"%PDF"), "that packs do not have"),
    ("case texts exchanged", _exchange_cases, "does not come from production"),
    # Of our own
    ("prompts exchanged", attempts(_swap_prompt), "does not hold what its case says"),
    ("a mask for an excuse", attempts(_mask_all), "recorded as held, but contains"),
    (
        "made after the pack",
        attempts(lambda row: row | {"started_at": "2999-01-01T00:00:00Z"}),
        "after the pack",
    ),
    ("times without a zone", attempts(lambda row: row | {"started_at": "2026-01-01T00:00:00"}), "time zone"),
    (
        "another version of a scorer",
        attempts(lambda row: _scores(row, scorer_version="0")),
        "the manifest names",
    ),
    (
        "an explanation",
        attempts(lambda row: _scores(row, explanation="A court said so.")),
        "is not what it says",
    ),
    ("a label", attempts(lambda row: _scores(row, label="fine")), "is not what it says"),
    (
        "a time that cannot be",
        attempts(lambda row: row | {"latency_ms": -1.0}),
        "a time that cannot be",
    ),
    ("an end that runs do not have", predicate(run_state="certified"), "how the run ended"),
    ("made in the future", predicate(created_at="2999-01-01T00:00:00+00:00"), "still to be made"),
    ("made before the plan", predicate(created_at="2001-01-01T00:00:00+00:00"), "after the pack was made"),
    ("the README", entry("README.txt", lambda data: data + b"\nAudited.\n"), "README.txt"),
    (
        "a scorer's parameters",
        several(
            manifest(lambda m: m["scorers"][1].update(parameters={"none_of": ["no"]})),
        ),
        # The order follows from all of the plan: another plan would have had another order.
        "does not follow from the plan and the nonce",
    ),
    (
        "a scorer is declared away",
        manifest(lambda m: m.update(scorers=m["scorers"][:1])),
        "does not follow from the plan and the nonce",
    ),
    (
        "the verdict of a gate that nobody froze",
        lambda files, statement: files.update({"verdicts/other.json": files["verdicts/release.json"]}),
        "that packs do not have",
    ),
]


@pytest.mark.parametrize(("name", "change", "words"), FORGERIES, ids=[item[0] for item in FORGERIES])
def test_a_forgery_is_named(pack: Path, tmp_path: Path, name: str, change: Change, words: str) -> None:
    files, statement = _entries(pack)
    change(files, statement)
    report = verify(_sign(files, statement, tmp_path / "forged.zip"))
    assert not report.ok, [item.detail for item in report.checks]
    assert words in _failed(report)


def test_an_honest_pack_holds_and_says_what_it_made_again(pack: Path) -> None:
    report = verify(pack)
    assert report.ok, _failed(report)
    told = {item.name: item.detail for item in report.checks}
    assert f"{2 * _CASES} scores made again" in told["attempts"]
    assert told["whole"] == f"{_CASES} of {_CASES} planned attempts were made"
    assert told["report"] == "README.txt, JUnit, SARIF, report made again, byte for byte"
    assert report.not_recomputed == ()


def test_without_a_known_key_nothing_is_trusted_however_it_is_signed(pack: Path, tmp_path: Path) -> None:
    again = _sign(*_entries(pack), tmp_path / "again.zip")
    report = verify(again)
    assert report.ok
    assert not report.trusted
    assert report.checks[0].detail.startswith(INTEGRITY_ONLY)
    assert "no known key was given" in _failed(verify(again, require_trust=True))
    ours = KnownKey("us", bytes([9]) * 32)
    assert "none of the keys that you trust" in _failed(verify(again, known=[ours]))
    theirs = KnownKey("them", _key().public_bytes)
    assert verify(again, known=[theirs], require_trust=True).trusted == "them"


def test_the_command_says_it_first_and_build_servers_ask_for_a_key(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    assert safecase(tmp_path, "verify", str(pack)).splitlines()[0] == INTEGRITY_ONLY
    monkeypatch.setenv("CI", "true")
    assert "no known key was given" in safecase(tmp_path, "verify", str(pack), code=1)
    assert "agrees with itself" in safecase(tmp_path, "verify", str(pack), "--no-require-trust")
    again = _sign(*_entries(pack), tmp_path / "again.zip")
    (tmp_path / "keys").write_text(f"them {base64.b64encode(_key().public_bytes).decode()}\n")
    text = safecase(tmp_path, "verify", str(again), "--trust", "keys")
    assert "The pack holds, signed by them." in text
    assert INTEGRITY_ONLY not in text


def test_what_rests_on_masked_text_is_counted_and_not_believed_in_silence(pack: Path, tmp_path: Path) -> None:
    def hide(row: dict[str, Any]) -> dict[str, Any]:
        return _says(row, "[redacted:secret]") if not _held(row) else row

    files, statement = _entries(pack)
    attempts(hide)(files, statement)
    report = verify(_sign(files, statement, tmp_path / "masked.zip"))
    assert any(
        "8 scores of contains: on text that is masked in the pack, recorded as violated" in item
        for item in report.not_recomputed
    )


def test_attempts_that_the_gates_still_wanted_are_missed(tmp_path: Path) -> None:
    """A forger who leaves attempts out and has the gate decide anew on what is left."""
    cases = [case(f"case-{index}") for index in range(120)]
    outcomes = dict.fromkeys((draw for draw in range(120) if draw != 40), HELD)
    scorers = [ScorerReference(name="refusal", version="1", own_code=True)]
    gates = [gate(rule("harm", bound=0.05))]
    run = write_run(tmp_path / "gap", cases, outcomes, gates, scorers=scorers)
    report = verify(evidence_pack(run, tmp_path / "gap.zip", files={}))
    assert "the attempt at draw 40" in _failed(report)
    whole = write_run(tmp_path / "end", cases, dict.fromkeys(range(100), HELD), gates, scorers=scorers)
    told = verify(evidence_pack(whole, tmp_path / "end.zip", files={}))
    assert told.ok, _failed(told)
    assert any("100 scores of refusal: by code of the workspace" in item for item in told.not_recomputed)


def test_names_that_are_another_elsewhere_are_refused(
    pack: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(PackWriter, "_take_name", lambda self, name: None)
    for name in (
        "run/Manifest.json",
        "nul",
        "workspace/con.yaml",
        "a\u202egnp.exe",
        "x\ny",
        "workspace/a .yaml ",
    ):
        files, statement = _entries(pack)
        path = tmp_path / "named.zip"
        with PackWriter(path) as writer:
            for held, data in {**files, name: b"x"}.items():
                writer.add(held, data, compressed=held.endswith(".zst"))
            envelope = render_envelope(sign_statement(statement, _key()))
            writer.add("statement.dsse.json", envelope, compressed=True)
        assert not verify(path).ok
        assert verify(path).checks[0].name == "archive"
