"""Data that are not those of the lock stop whatever makes or judges evidence, with one message."""

from __future__ import annotations

from pathlib import Path

import pytest

from safecase import open_workspace
from safecase.base import WorkspaceError
from support.command_line import safecase
from support.workspaces import write_files

WORKSPACE = """\
system: {id: shop, title: Shop}
targets: [{id: demo, kind: demo}]
defaults: {gate: release}
risks:
  - {id: talk, title: Talk, harm: toxicity, severity: sev3, likelihood: rare}
suites:
  - id: talk
    datasets:
      - id: rows
        path: rows.jsonl
        columns: {prompt: prompt, id: id}
        defaults: {risk: talk, harm: toxicity, severity: sev3, expect: [{scorer: contains, none_of: [NEVER]}]}
gates:
  - {id: release, coverage: {risks_at_least: null}, rules: [{id: talk, metric: violation_rate, bound: 0.9}]}
"""
ROWS = '{"id": "a", "prompt": "Hello"}\n{"id": "b", "prompt": "Good evening"}\n'
COMMANDS = (
    ("plan",),
    ("run",),
    ("resume", "latest"),
    ("gate",),
    ("report",),
    ("compare", "latest"),
    ("guard", "measure"),
    ("sign", "--by", "x", "--recommender", "y", "-d", "go", "-m", "because", "--role", "r", "--yes"),
)
LOOKS = (("show", "runs"), ("show", "cases"), ("show", "coverage"), ("plugins",))


@pytest.fixture(scope="module")
def locked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = write_files(tmp_path_factory.mktemp("locked") / "w", {"safecase": WORKSPACE})
    (folder / "rows.jsonl").write_text(ROWS)
    safecase(folder, "check", "--update-lock")
    safecase(folder, "run", "--complete")
    return folder


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: words[0])
def test_changed_data_stop_what_makes_or_judges_evidence(locked: Path, command: tuple[str, ...]) -> None:
    rows = locked / "rows.jsonl"
    rows.write_text(ROWS.replace("evening", "morning"))
    before = sorted(path.name for path in locked.rglob("*"))
    try:
        told = safecase(locked, *command, code=2)
    finally:
        rows.write_text(ROWS)
    assert "data set 'rows' (rows.jsonl) is not the one that was locked: 2 rows then, 2 now" in told
    assert "safecase check --update-lock" in told
    assert sorted(path.name for path in locked.rglob("*")) == before


@pytest.mark.parametrize("command", LOOKS, ids=" ".join)
def test_what_only_looks_goes_on(locked: Path, command: tuple[str, ...]) -> None:
    rows = locked / "rows.jsonl"
    rows.write_text(ROWS.replace("evening", "morning"))
    try:
        safecase(locked, *command)
    finally:
        rows.write_text(ROWS)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("id: rows", "id: lines", "data set 'rows' was locked, and the workspace has no such data set"),
    ],
)
def test_another_name_is_no_way_around_the_lock(locked: Path, old: str, new: str, words: str) -> None:
    main = locked / "safecase.yaml"
    main.write_text(WORKSPACE.replace(old, new))
    try:
        with pytest.raises(WorkspaceError) as caught:
            open_workspace(locked)
    finally:
        main.write_text(WORKSPACE)
    assert words in str(caught.value)


def test_whoever_means_the_change_locks_again(tmp_path: Path) -> None:
    folder = write_files(tmp_path, {"safecase": WORKSPACE})
    (folder / "rows.jsonl").write_text(ROWS)
    open_workspace(folder)  # no lock: nobody said what was meant
    safecase(folder, "check", "--update-lock")
    (folder / "rows.jsonl").write_text(ROWS.replace("evening", "morning"))
    safecase(folder, "check", code=1)
    safecase(folder, "check", "--update-lock")
    assert len(open_workspace(folder).cases()) == 2
