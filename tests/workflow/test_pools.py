"""Open and sealed families from the first run to a worn pool, and that a sealed run tells one word."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from safecase.engine import RunFolder, RunState
from safecase.gate import HELD
from safecase.model import VerdictKind
from safecase.records import read_events
from safecase.workflow.pools._sealing import NOT_PASSED, seal_verdict
from support.cases import cases
from support.pooled import Pooled, make_pooled, without_names
from support.rules import rule
from support.runs import plan_of
from support.verdicts import decide


@pytest.fixture
def pooled(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> Pooled:
    return make_pooled(tmp_path / "w", capsys, module=f"pooled_{abs(hash(tmp_path))}")


def gate_kind(pooled: Pooled, code: int | tuple[int, ...]) -> Mapping[str, object]:
    return json.loads(pooled.command("gate", "--json", code=code).splitlines()[0])["verdicts"][0]


def test_a_fresh_workspace_without_pools_ends_in_a_verdict_and_its_second_run_is_development(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = make_pooled(tmp_path / "w", capsys, module="pooled_plain", pools="")
    plain.command("run", "--complete")
    first = gate_kind(plain, 0)
    assert (first["kind"], first["try_number"]) == ("go", 1)
    plain.command("run")
    said = plain.command("gate", code=3)
    assert "This run is development" in said
    assert "all 240 of its families are open" in said
    assert "no family is sealed" in plain.command("certify", code=3)


def test_a_team_develops_on_the_open_pool_and_certifies_on_the_sealed_one(pooled: Pooled) -> None:
    pooled.fails(0.3)
    pooled.command("run")
    assert "This run is development" in pooled.command("gate", code=3)
    assert "LEAK" in pooled.command("show", "attempt", failing(pooled.latest))
    pooled.command("certify")
    assert "try 1 of line main, sealed" in pooled.command("gate", code=1)
    pooled.fails(0)
    pooled.command("run")
    pooled.command("certify")
    passed = gate_kind(pooled, 0)
    assert (passed["kind"], passed["try_number"], passed["sealed"]) == ("go", 2, True)


def failing(folder: Path) -> str:
    """An attempt of a run that was violated."""
    return next(item.id for item in RunFolder.open(folder).attempts() if item.outcome == "violated")


def test_a_certification_tries_one_new_member_of_each_sealed_family(pooled: Pooled) -> None:
    table = pooled.folder / "d.csv"
    rows = table.read_text().splitlines()
    paired = [f"{row.rsplit(',', 1)[0]},f{number % 120}" for number, row in enumerate(rows[1:])]
    table.write_text("\n".join([rows[0], *paired]))
    pooled.command("certify", "--complete")
    first = RunFolder.open(pooled.latest)
    pooled.command("certify", "--complete")
    second = RunFolder.open(pooled.latest)
    tried = [{item.case_id for item in folder.attempts()} for folder in (first, second)]
    families = [{case.family for case in folder.cases()} for folder in (first, second)]
    assert families[0] == families[1]
    assert [len(item) for item in tried] == [len(families[0])] * 2
    assert not tried[0] & tried[1], "members that no run has sent come first"
    assert (first.manifest.try_number, second.manifest.try_number) == (1, 2)


def test_the_second_run_of_a_blocked_candidate_stays_blocked_though_nobody_asked_the_gate(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = make_pooled(tmp_path / "w", capsys, module="pooled_block", pools="", population="suite")
    plain.fails(0.6)
    plain.command("run")
    plain.command("run")
    assert "This same candidate was blocked before" in plain.command("gate", code=1)


def sealed_words(pooled: Pooled, share: float, code: int = 1) -> dict[str, str]:
    """Everything that commands say of a sealed certification of a system with that share of failures."""
    pooled.fails(share)
    said = {"certify": pooled.command("certify"), "gate": pooled.command("gate", code=code)}
    run = pooled.latest
    for words in (
        ("gate", "--json"),
        ("report",),
        ("report", "--json"),
        ("show", "runs"),
        ("show", "runs", "--json"),
        ("show", "graph"),
        ("show", "coverage"),
        ("check",),
        ("check", "--json"),
        ("plan",),
    ):
        said[" ".join(words)] = pooled.command(*words, code=code if words[0] == "gate" else 0)
    for words in (
        ("show", "attempt", "c1#0"),
        ("compare", run.name, run.name),
        ("catalog", "navigator", "-o", "layer.json", "--run", run.name),
        ("guard", "measure", "--before", run.name),
        ("run", "--baseline", run.name),
    ):
        said[" ".join(words)] = pooled.command(*words, code=2)
    for file in sorted((pooled.folder / "packs").rglob("*")):
        if file.is_file():
            said[file.name] = file.read_text()
    said["verdict"] = (run / "verdict-release.json").read_text()
    ledger = (pooled.folder / "records" / "runs.jsonl").read_bytes()
    said["ledger"] = "\n".join(
        event.model_dump_json(exclude={"previous", "at"}) for event in read_events(ledger, "ledger")
    )
    said["outcomes"] = str(RunFolder.open(run).status.outcomes) + RunFolder.open(run).status.reason
    assert not list(run.glob("labels-*"))
    return {without_names(name): without_names(text) for name, text in said.items()}


def test_how_a_certification_failed_no_command_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """One system is given up after a few attempts, the other runs to the end and is nearly good enough."""
    told = [
        sealed_words(make_pooled(tmp_path / name / "w", capsys, module=f"pooled_{name}"), share)
        for name, share in (("hopeless", 0.7), ("near", 0.08))
    ]
    for name, text in told[0].items():
        assert text.replace("pooled_hopeless", "M") == told[1][name].replace("pooled_near", "M"), name
    assert told[0].keys() == told[1].keys()
    assert not [name for name in told[0] if name.endswith(".zip")], "a pack holds the transcripts"


@pytest.mark.parametrize("kind", [VerdictKind.NO_GO, VerdictKind.INSUFFICIENT_EVIDENCE])
def test_a_proven_failure_and_a_lack_of_evidence_are_one_word(kind: VerdictKind) -> None:
    """A second kind of *no* would double what the next candidate can be fitted to."""
    plan = plan_of(cases(9))
    whole = decide(plan, [HELD] * 9, rule()).model_copy(update={"kind": kind})
    told = seal_verdict(whole, RunState.COMPLETE)
    assert (told.kind, told.rules, told.attempts, told.reasons) == (VerdictKind.NO_GO, (), 0, (NOT_PASSED,))


def test_progress_of_a_certification_tells_that_it_lives(pooled: Pooled) -> None:
    said = pooled.command("certify")
    assert "certification has ended" in said
    for word in ("held", "violated", "attempts (", "not needed", "draws"):
        assert word not in said, word
    assert json.loads(pooled.command("certify", "--json").splitlines()[0])["status"] == {
        "reason": "", "sealed": True, "state": "complete",
    }  # fmt: skip


def test_who_opens_a_certification_sees_it_whole_and_it_decides_nothing_any_more(pooled: Pooled) -> None:
    pooled.fails(0.3)
    pooled.command("certify")
    run = pooled.latest.name
    asked = pooled.command("open", "--json", code=2)
    assert "--yes" in asked
    opened = json.loads(pooled.command("open", "--yes", "--json").splitlines()[0])
    assert opened["run_id"] == run
    assert len(opened["opened"]) > 80
    # Futility or a block, whichever the order of this run shows first.
    whole = gate_kind(pooled, (1, 3))
    assert whole["attempts"]
    assert "ended in harm" in str(whole["rules"])
    assert "Pack:" in pooled.command("report")
    assert "LEAK" in pooled.command("show", "attempt", failing(pooled.latest))
    assert "no family is sealed" in pooled.command("certify", code=3)
    assert "open already" in pooled.command("open", run, code=2)


def test_a_technical_failure_is_told(pooled: Pooled) -> None:
    (pooled.folder / f"{pooled.module}.py").write_text("def answer(text):\n    raise OSError('no network')\n")
    said = pooled.command("certify", code=4)
    assert "no network" in said
    assert gate_kind(pooled, 3)["kind"] == "insufficient_evidence"
    pooled.fails(0)
    pooled.command("certify")
    assert gate_kind(pooled, 0)["try_number"] == 1, "a run without an answer is no try"


def test_a_worn_pool_is_told_before_a_try_is_spent(pooled: Pooled) -> None:
    safecase = pooled.folder / "safecase.yaml"
    safecase.write_text(safecase.read_text().replace("{open: 0.5}", "{open: 0.86}"))
    sealed = json.loads(pooled.command("plan", "--json").splitlines()[0])["pools"]["rules"][0]["slices"][0]
    assert sealed["last_try"] < 4
    for _ in range(sealed["last_try"]):
        pooled.command("certify")
    assert "the sealed pool is worn out for rule harm" in pooled.command("certify", code=3)
    assert "pool-worn-out" in pooled.command("check", "--json")


def test_pools_are_declared_by_share_and_by_suite(pooled: Pooled) -> None:
    pools = json.loads(pooled.command("check", "--json").splitlines()[0])["pools"]
    share = pools["risks"][0]["open"] / 240
    assert 0.4 < share < 0.6
    safecase = pooled.folder / "safecase.yaml"
    text = safecase.read_text()
    for word, expected in (("open", 240), ("sealed", 0)):
        safecase.write_text(text.replace("  - id: s\n", f"  - id: s\n    pool: {word}\n"))
        pools = json.loads(pooled.command("check", "--json").splitlines()[0])["pools"]
        assert pools["risks"][0]["open"] == expected
    safecase.write_text(text.replace("{open: 0.5}", "{open: 5}"))
    assert "open" in pooled.command("check", code=2)
