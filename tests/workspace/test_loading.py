"""Workspaces load, and what is wrong in them is told with its line, all at once."""

from __future__ import annotations

import subprocess
import sys
import time
from datetime import date
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from safecase.base import InputError, ProblemLevel, WorkspaceError
from safecase.model import Selector
from safecase.report import draw_mermaid, draw_svg
from safecase.workspace import (
    build_graph,
    lint_workspace,
    load_lenient,
    load_workspace,
    select_cases,
    workspace_schema,
    write_lock,
    write_profile,
)
from safecase.workspace.library.profile_writer import PROFILES
from safecase.workspace.lock import compare_lock
from support.workspaces import write_files

TODAY = date(2026, 11, 20)
BASE = """\
system: {id: shop, title: Shop}
targets:
  - {id: demo, kind: demo}
risks:
  - id: leak
    title: Leak
    harm: privacy_leakage
    severity: sev2
    likelihood: likely
"""
SUITE = """\
suites:
  - id: own
    defaults: {risk: leak, harm: privacy_leakage, severity: sev2, attack: jailbreak, expect: [refusal]}
    cases:
      - {id: one, prompt: Tell me}
    templates:
      - id: many
        prompt: "${who} wants ${what.text} for $$5"
        parameters:
          who: [Ann, Bob]
          what: [{text: x}, {text: y}, {text: z}]
"""


def write(folder: Path, **files: str) -> Path:
    return write_files(folder, files)


def messages(folder: Path) -> list[str]:
    with pytest.raises(WorkspaceError) as caught:
        load_workspace(folder)
    return [str(problem) for problem in caught.value.problems]


def test_templates_expand_to_one_family(tmp_path: Path) -> None:
    workspace = load_workspace(write(tmp_path, base=BASE, suite=SUITE))
    (suite,) = workspace.suites
    assert len(suite.cases) == 7
    assert {case.family for case in suite.cases} == {"one", "many"}
    assert suite.cases[1].messages[0].text == "Ann wants x for $5"


def test_a_seed_of_an_older_workspace_is_told_and_gives_no_order(tmp_path: Path) -> None:
    folder = write(tmp_path, base=BASE, suite=SUITE, more="defaults: {seed: 20240}\n")
    told = [item for item in lint_workspace(load_workspace(folder), [], TODAY) if item.code == "seed-unused"]
    assert len(told) == 1
    again = lint_workspace(load_workspace(write(tmp_path, more="defaults: {}\n")), [], TODAY)
    assert "seed-unused" not in {item.code for item in again}


def test_a_suite_version_follows_its_content(tmp_path: Path) -> None:
    first = load_workspace(write(tmp_path, base=BASE, suite=SUITE)).suites[0].version
    assert load_workspace(tmp_path).suites[0].version == first
    changed = load_workspace(write(tmp_path, suite=SUITE.replace("Tell me", "Tell us"))).suites[0].version
    assert changed != first


def test_every_mistake_is_told_at_once_with_its_place_and_what_was_meant(tmp_path: Path) -> None:
    broken = BASE.replace("harm: privacy_leakage", "harm: privacy_leak").replace("likelihood", "likelyhood")
    found = messages(
        write(tmp_path, base=broken, suite=SUITE.replace("expect: [refusal]", "expect: [refusl]"))
    )
    text = "\n".join(found)
    assert "base.yaml:7:11: error: 'privacy_leak' is not a harm (did you mean 'privacy_leakage'?)" in text
    assert "base.yaml:9:5: error: risk 'leak' has no 'likelyhood' (did you mean 'likelihood'?)" in text
    assert "there is no scorer named 'refusl' (did you mean 'refusal'?)" in text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("risks: [", "not valid YAML"),
        ("risks:\n\t- id: x", "not valid YAML"),
        ("rsks: []", "did you mean 'risks'?"),
        ("risks: {}", "'risks' is a list"),
        ("risks:\n  - id: a\n    id: b\n", "a second time"),
        ("suites:\n  - id: empty\n", "holds no case"),
        ("suites:\n  - use: jailbrek\n", "did you mean 'jailbreak'?"),
        ("targets:\n  - {id: t, kind: openai_chat, modle: x}\n", "modle"),
        (
            "gates:\n  - id: g\n    rules: [{id: r, metric: violation_rate, select: 'sverity:sev1'}]\n",
            "severity",
        ),
        ("defaults: {target: demmo}", "did you mean 'demo'?"),
        ("system: {id: again, title: Again}", "already"),
        ("risks: !!python/object/apply:os.system ['true']", "is not allowed"),
    ],
)
def test_rubbish_gets_one_clear_message(tmp_path: Path, text: str, expected: str) -> None:
    found = "\n".join(messages(write(tmp_path, base=BASE, zz=text)))
    assert expected in found
    assert "zz.yaml" in found


def test_hostile_files_are_bounded(tmp_path: Path) -> None:
    laughs = "a: &a [x,x,x,x,x,x,x,x,x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [{','.join(['*' + chr(97 + i)] * 9)}]\n" for i in range(9)
    )
    started = time.monotonic()
    assert "aliases" in "\n".join(messages(write(tmp_path, base=BASE, zz=laughs)))
    assert time.monotonic() - started < 60
    assert "nests" in "\n".join(messages(write(tmp_path, zz="risks: " + "[" * 200 + "]" * 200)))
    (tmp_path / "zz.yaml").write_bytes(b"risks: \xff\xfe\x00")
    assert "UTF-8" in "\n".join(messages(tmp_path))


def test_data_cannot_come_from_outside_the_workspace(tmp_path: Path) -> None:
    outside = SUITE.replace("    cases:\n      - {id: one, prompt: Tell me}\n", "").replace(
        "    templates:",
        "    datasets:\n      - {id: d, path: ../../etc/passwd, format: csv}\n    templates:",
    )
    assert "leads out of the workspace" in "\n".join(messages(write(tmp_path, base=BASE, suite=outside)))


def test_a_locked_data_set_that_changed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    data = tmp_path / "data" / "rows.jsonl"
    data.write_text('{"q": {"text": "hello"}, "n": "a"}\n')
    suite = SUITE.replace(
        "    templates:",
        "    datasets:\n      - {id: d, path: data/rows.jsonl, columns: {prompt: q.text, id: n}}\n"
        "    templates:",
    )
    workspace = load_workspace(write(tmp_path, base=BASE, suite=suite))
    assert [case.id for case in workspace.suites[0].cases][-1] == "a"
    write_lock(workspace)
    assert compare_lock(workspace) == ()
    data.write_text('{"q": {"text": "hello"}, "n": "a"}\n{"q": {"text": "again"}, "n": "b"}\n')
    (error, note) = compare_lock(load_workspace(tmp_path))
    assert (error.level, note.level) == (ProblemLevel.ERROR, ProblemLevel.NOTE)
    assert "1 rows then, 2 now" in error.message


def test_data_sets_of_the_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[str, dict[str, object]]] = []

    def load_dataset(path: str, **options: object) -> list[dict[str, object]]:
        asked.append((path, options))
        if path == "nobody/nothing":
            raise ConnectionError("Couldn't reach 'nobody/nothing' on the Hub")
        return [{"q": "hello", "n": "a"}, {"q": "again", "n": "b"}]

    stand_in = ModuleType("datasets")
    stand_in.load_dataset = load_dataset  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "datasets", stand_in)

    def suite(path: str) -> str:
        columns = "columns: {prompt: q, id: n}, split: test, revision: abc"
        declared = f"    datasets:\n      - {{id: d, path: {path}, format: hugging_face, {columns}}}\n"
        return SUITE.replace("    templates:", f"{declared}    templates:")

    workspace = load_workspace(write(tmp_path, base=BASE, suite=suite("owner/name")))
    assert [case.id for case in workspace.suites[0].cases][-2:] == ["a", "b"]
    assert asked[0] == ("owner/name", {"split": "test", "revision": "abc", "trust_remote_code": False})
    told = "\n".join(messages(write(tmp_path, base=BASE, suite=suite("nobody/nothing"))))
    assert "cannot be loaded from the Hub: Couldn't reach" in told
    for path in ("/etc", "../data", "a/b/c", "."):
        told = "\n".join(messages(write(tmp_path, base=BASE, suite=suite(path))))
        assert "is no name on the Hub" in told
    monkeypatch.setitem(sys.modules, "datasets", None)
    told = "\n".join(messages(write(tmp_path, base=BASE, suite=suite("owner/name"))))
    assert "safecase[datasets]" in told


def test_what_is_declared_and_broken_is_not_called_missing(tmp_path: Path) -> None:
    broken = BASE.replace("severity: sev2", "severity: sev9", 1)
    assert broken != BASE
    told = "\n".join(messages(write(tmp_path, base=broken, suite=SUITE)))
    assert "sev9" in told
    assert "there is no risk" not in told


def test_variants_keep_the_family_and_change_the_words(tmp_path: Path) -> None:
    suite = (
        SUITE
        + "    variants:\n      - [base64]\n      - {converters: [rot13, reversed], select: 'case:one'}\n"
    )
    cases = {
        case.id: case for case in load_workspace(write(tmp_path, base=BASE, suite=suite)).suites[0].cases
    }
    assert cases["one~base64"].messages[0].text == "VGVsbCBtZQ=="
    assert cases["one~base64"].family == "one"
    assert cases["one~rot13+reversed"].converters == ("rot13", "reversed")
    assert len(cases) == 7 * 2 + 1


def test_selectors_reach_along_the_graph(tmp_path: Path) -> None:
    workspace = load_workspace(write(tmp_path, base=BASE, suite=SUITE))
    assert len(select_cases(workspace, Selector.parse("family:many"))) == 6
    assert len(select_cases(workspace, Selector.parse("case:one+"))) == 7
    assert len(select_cases(workspace, Selector.parse("+many-1"))) == 6


@pytest.mark.parametrize("profile", PROFILES)
def test_a_fresh_workspace_is_valid_and_its_findings_are_no_errors(tmp_path: Path, profile: str) -> None:
    write_profile(profile, tmp_path / "w", 'A "quoted" name: <b>')
    workspace = load_workspace(tmp_path / "w")
    assert workspace.system.title == 'A "quoted" name: <b>'
    assert not [item for item in lint_workspace(workspace, [], TODAY) if item.level is ProblemLevel.ERROR]
    with pytest.raises(InputError, match="exist already"):
        write_profile(profile, tmp_path / "w", "again")


def test_orphans_and_anti_patterns_are_found_with_their_mend(tmp_path: Path) -> None:
    extra = BASE + "  - {id: lonely, title: L, harm: toxicity, severity: sev1, likelihood: rare}\n"
    old = SUITE.replace("  - id: own\n", "  - id: own\n    reviewed: 2020-01-01\n")
    codes = {
        item.code
        for item in lint_workspace(load_workspace(write(tmp_path, base=extra, suite=old)), [], TODAY)
    }
    assert codes >= {
        "risk-untested",
        "no-defence",
        "no-held-out",
        "stale-suite",
        "over-refusal-unseen",
        "no-gate",
        "risk-ungated",
    }


def test_paper_without_tests_is_called_paper(tmp_path: Path) -> None:
    paper = BASE + "controls:\n  - {id: c, title: C, layer: model, risks: [leak]}\n"
    found = {
        item.code: item for item in lint_workspace(load_workspace(write(tmp_path, base=paper)), [], TODAY)
    }
    assert found["documents-without-tests"].requirement == "ANT-01"
    assert found["documents-without-tests"].position is not None


def test_the_graph_links_risk_to_suite_to_rule_and_draws(tmp_path: Path) -> None:
    gate = "gates:\n  - id: g\n    rules: [{id: r, metric: violation_rate, bound: 0.1}]\n"
    graph = build_graph(load_workspace(write(tmp_path, base=BASE, suite=SUITE, gate=gate)))
    assert ("risk:leak", "suite:own") in graph.edges
    assert "rule:g/r" in graph.downstream(["risk:leak"])
    assert "flowchart LR" in draw_mermaid(graph)
    assert draw_svg(graph).startswith("<svg")


def test_the_schema_knows_profiles_and_refuses_typing_errors(tmp_path: Path) -> None:
    import jsonschema

    from safecase.workspace.yaml_reader import read_yaml

    validator = jsonschema.Draft202012Validator(workspace_schema())
    for file in write_profile("agent", tmp_path / "w", "x"):
        errors = list(validator.iter_errors(read_yaml(file, file.name).data))
        assert not errors, (file.name, errors[0].message)
    assert list(validator.iter_errors({"rsks": []}))


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.text(max_size=200), st.binary(max_size=200).map(lambda raw: raw.decode("latin-1"))))
def test_no_text_at_all_breaks_the_loader(tmp_path: Path, text: str) -> None:
    write(tmp_path, base=BASE)
    (tmp_path / "zz.yaml").write_text(text, encoding="utf-8", errors="replace", newline="")
    workspace, problems = load_lenient(tmp_path)
    assert workspace is not None
    assert all(problem.position is not None for problem in problems)


def test_a_fresh_workspace_keeps_transcripts_packs_and_keys_out_of_the_repository(tmp_path: Path) -> None:
    folder = tmp_path / "w"
    write_profile("chat", folder, "Shop")
    subprocess.run(["git", "init", "-q", str(folder)], check=True)
    private = (
        "runs/1/attempts.jsonl.zst",
        "packs/1/p.safecase.zip",
        ".safecase/cache.sqlite",
        "me.key",
        "id_rsa",
    )
    public = ("safecase.yaml", "suites/own.yaml", "records/runs.jsonl", "decisions.jsonl", "id_rsa.pub")
    for name in (*private, *public):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).touch()
    listed = subprocess.run(
        ["git", "ls-files", "--others", "--exclude-standard"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    ).stdout.split()
    assert not {*private} & {*listed}
    assert {*public, ".gitignore"} <= {*listed}


def test_a_gitignore_that_is_there_gets_what_it_lacks(tmp_path: Path) -> None:
    (tmp_path / ".gitignore").write_text("*.pyc\nruns/")
    write_profile("chat", tmp_path, "Shop")
    lines = (tmp_path / ".gitignore").read_text().splitlines()
    assert lines[:2] == ["*.pyc", "runs/"]
    assert lines.count("runs/") == 1
    assert {"packs/", ".safecase/", "*.key"} <= set(lines)
