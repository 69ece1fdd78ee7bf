"""Rules are frozen before the data, and a change of them is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import orjson

from safecase.base import digest
from safecase.engine import RunFolder
from safecase.model import (
    Gate,
    OutcomeKind,
    RunManifest,
    ScorerReference,
    StaleEvidence,
    SuiteReference,
    VerdictKind,
)
from safecase_verify import verify_pack
from support.cases import case
from support.rules import gate, rule
from support.verdicts import judge

from .packs import failed, pack
from .run_folders import write_run

FROZEN = gate(rule("harm", bound=0.1))
LOOSER = gate(rule("harm", bound=0.3))


def a_run(store: Path, frozen: Gate = FROZEN, **fields: Any) -> RunFolder:
    cases = [case(f"case-{number}") for number in range(30)]
    return write_run(store, cases, dict.fromkeys(range(30), OutcomeKind.HELD), [frozen], **fields)


def candidate(manifest: RunManifest) -> str:
    return digest({"system": manifest.system.fingerprint, "gates": [item.digest for item in manifest.gates]})


def files(present: Gate) -> dict[str, bytes]:
    written = present.model_dump(mode="json", by_alias=True)
    return {"workspace/gates.yaml": b"\xef\xbb\xbf" + orjson.dumps({"gates": [written]})}


def test_a_rule_that_changed_after_the_run_must_be_told(tmp_path: Path) -> None:
    run = a_run(tmp_path)
    same = verify_pack(pack(run, tmp_path / "same.zip", files=files(FROZEN)))
    assert same.ok, failed(same)
    silent = verify_pack(pack(run, tmp_path / "silent.zip", files=files(LOOSER)))
    assert "the workspace's rules of gate release are not those that were frozen" in failed(silent)
    changed = StaleEvidence(what="the rules", recorded=FROZEN.digest, present=LOOSER.digest)
    told = judge(run, stale=(changed,))
    assert told[0].kind is VerdictKind.INSUFFICIENT_EVIDENCE
    report = verify_pack(pack(run, tmp_path / "told.zip", told, files=files(LOOSER)))
    assert report.ok, failed(report)
    assert any(
        "changed after data was seen, and the verdict says so" in item.detail for item in report.checks
    )


def test_an_earlier_run_under_other_rules_must_be_told(tmp_path: Path) -> None:
    before = a_run(tmp_path, LOOSER, run_id="20260101T000000Z-000001").manifest
    again = a_run(tmp_path, run_id="20260101T000000Z-000002").manifest
    mine = candidate(a_run(tmp_path / "scratch").manifest)
    for number, (earlier, note, words) in enumerate(
        (
            (before, "The same system version was run under other rules before (last: x).", "other rules"),
            (again, "This candidate was run 1 time", "run"),
        )
    ):  # fmt: skip
        fields: dict[str, Any] = {"predecessor": earlier, "candidate": mine}
        silent = a_run(tmp_path / f"silent-{number}", **fields)
        report = verify_pack(pack(silent, tmp_path / "silent.zip", chain=(earlier,)))
        assert "the manifest does not say so" in failed(report)
        honest = a_run(tmp_path / f"told-{number}", notes=(note,), **fields)
        report = verify_pack(pack(honest, tmp_path / "told.zip", chain=(earlier,)))
        assert report.ok, failed(report)
        assert any(words in item.detail for item in report.checks if item.name == "rules")


def test_a_manifest_that_contradicts_itself_is_found(tmp_path: Path) -> None:
    for number, (fields, words) in enumerate(
        (
            ({"candidate": "sha256:0"}, "the candidate is not"),
            ({"suites": (SuiteReference(id="suite", version="1", cases=29),)}, "do not hold the cases"),
            (
                {"scorers": (ScorerReference(name="refusal", version="1", card_digest="sha256:1"),)},
                "card of the scorer refusal is missing",
            ),
        )
    ):
        forged = a_run(tmp_path / f"{number}", **fields)
        assert words in failed(verify_pack(pack(forged, tmp_path / "forged.zip")))


def test_a_workspace_file_that_does_not_read_is_named(tmp_path: Path) -> None:
    broken = {**files(FROZEN), "workspace/a.yaml": b"a: [1", "workspace/b.yaml": b"\xff\xfe"}
    report = verify_pack(pack(a_run(tmp_path), tmp_path / "pack.zip", files=broken))
    assert report.ok, failed(report)
    assert [item.split(":")[0] for item in report.not_recomputed] == ["workspace/a.yaml", "workspace/b.yaml"]


def test_gates_that_inherit_are_completed_before_they_are_compared(tmp_path: Path) -> None:
    base = {
        "id": "base",
        "coverage": {"risks_at_least": None},
        "rules": [{"id": "harm", "metric": "violation_rate"}],
    }
    child = {"id": "release", "extends": "base", "rules": [{"id": "harm", "bound": 0.1}]}
    run = a_run(tmp_path)

    def written(*gates: dict[str, Any]) -> dict[str, bytes]:
        return {f"workspace/{at}.yaml": orjson.dumps({"gates": [item]}) for at, item in enumerate(gates)}

    same = verify_pack(pack(run, tmp_path / "a.zip", files=written(child, base)))
    assert same.ok, failed(same)
    assert same.not_recomputed == ()
    looser = {**child, "rules": [{"id": "harm", "bound": 0.5}]}
    assert "not those that were frozen" in failed(
        verify_pack(pack(run, tmp_path / "b.zip", files=written(looser, base)))
    )
    for odd in ({**child, "extends": "release"}, {**child, "extends": "nowhere"}, {**child, "rules": [3]}):
        report = verify_pack(pack(run, tmp_path / "c.zip", files=written(odd, base)))
        assert any("whether the rules of release changed" in item for item in report.not_recomputed)
    of_template = {"id": "release", "extends": "chat", "coverage": {"risks_at_least": None}}
    template = verify_pack(pack(run, tmp_path / "d.zip", files=written(of_template)))
    assert any("its template may be that of another version" in item for item in template.not_recomputed)
