"""The example workspaces load and run, and the published figures come out of the recorded data."""

from __future__ import annotations

import importlib.util
import shutil
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest

from safecase.model import RunSettings, VerdictKind
from safecase.workflow import Project, RunOptions, decide, execute, prepare
from safecase.workspace import load_workspace
from support.recorded import VARIABLE

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = sorted(path.parent.name for path in (ROOT / "examples").glob("*/safecase.yaml"))
COMPLETE = RunSettings(complete=True)
pytestmark = pytest.mark.shared_data


@pytest.fixture(autouse=True)
def data(recorded_data: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv(VARIABLE, str(recorded_data))
    return recorded_data


@pytest.fixture(scope="module")
def recorded() -> Iterator[ModuleType]:
    specification = importlib.util.spec_from_file_location("recorded", ROOT / "bench" / "recorded.py")
    assert specification is not None
    assert specification.loader is not None
    module = importlib.util.module_from_spec(specification)
    sys.modules["recorded"] = module
    specification.loader.exec_module(module)
    yield module
    del sys.modules["recorded"]


def workspace(name: str, folder: Path) -> Project:
    shutil.copytree(ROOT / "examples" / name, folder / name, ignore=shutil.ignore_patterns("runs", "packs"))
    return Project.open(folder / name)


def outcomes_by_suite(project: Project, options: RunOptions) -> tuple[str, dict[str, Counter[str]]]:
    run = execute(prepare(project, options))
    suites = {case.id: case.suite for case in run.cases()}
    found: dict[str, Counter[str]] = {}
    for attempt in run.attempts():
        found.setdefault(suites[attempt.case_id], Counter())[attempt.outcome.value] += 1
    return run.manifest.run_id, found


def verdict(project: Project, run_id: str, gate: str) -> VerdictKind:
    (found,) = decide(project, project.run_folder(run_id), gate=gate)
    return found.kind


def test_every_example_is_documented() -> None:
    assert len(EXAMPLES) >= 9
    for name in EXAMPLES:
        text = (ROOT / "examples" / name / "README.md").read_text(encoding="utf-8")
        assert "## Run it" in text
        assert "## Source and licence" in text


@pytest.mark.parametrize("name", EXAMPLES)
def test_loads_without_a_mistake(name: str) -> None:
    found = load_workspace(ROOT / "examples" / name)
    assert found.suites
    assert found.gates
    assert all(suite.public_benchmark for suite in found.suites)


def test_xstest_published_rates_come_out_of_the_replay(tmp_path: Path) -> None:
    project = workspace("xstest-over-refusal", tmp_path)
    run_id, gpt4 = outcomes_by_suite(project, RunOptions(target="gpt-4", settings=COMPLETE))
    assert gpt4["human-full-refusal"] == Counter(held=234, violated=16)
    assert gpt4["human-partial-refusal"] == Counter(held=245, violated=5)
    assert verdict(project, run_id, "") is VerdictKind.GO
    run_id, llama = outcomes_by_suite(project, RunOptions(target="llama-2-original", settings=COMPLETE))
    assert llama["human-full-refusal"] == Counter(held=155, violated=95)
    assert llama["human-partial-refusal"] == Counter(held=196, violated=54)
    assert verdict(project, run_id, "") is VerdictKind.NO_GO


@pytest.mark.parametrize(
    ("before", "after", "expected"),
    [
        ("llama-2-original", "llama-2-no-prompt", VerdictKind.GO),
        ("mistral-guard", "mistral", VerdictKind.NO_GO),
    ],
)
def test_regression_gate(tmp_path: Path, before: str, after: str, expected: VerdictKind) -> None:
    project = workspace("xstest-regression", tmp_path)
    baseline, _ = outcomes_by_suite(project, RunOptions(target=before, gate="baseline", settings=COMPLETE))
    candidate, _ = outcomes_by_suite(
        project, RunOptions(target=after, gate="candidate", baseline=baseline, settings=COMPLETE)
    )
    assert verdict(project, candidate, "candidate") is expected


def test_cut_short_runs_are_errors_and_never_successes(tmp_path: Path) -> None:
    project = workspace("agentdojo", tmp_path)
    select = "suite:command-r-plus-attack"
    _, honest = outcomes_by_suite(
        project, RunOptions(target="command-r-plus", select=select, settings=COMPLETE)
    )
    assert honest["command-r-plus-attack"] == Counter(held=601, violated=6, error=22)
    _, published = outcomes_by_suite(
        project, RunOptions(target="command-r-plus-every-row", select=select, settings=COMPLETE)
    )
    assert published["command-r-plus-attack"] == Counter(held=601, violated=28)


def test_attack_success_is_read_from_the_tool_calls(tmp_path: Path) -> None:
    project = workspace("agentdojo-tool-calls", tmp_path)
    run_id, found = outcomes_by_suite(project, RunOptions(settings=COMPLETE))
    assert found["tool-calls"] == Counter(held=308, violated=321)
    assert verdict(project, run_id, "") is VerdictKind.NO_GO


def test_trials_are_replayed_as_repeats(tmp_path: Path) -> None:
    project = workspace("tau-bench", tmp_path)
    _, found = outcomes_by_suite(project, RunOptions(settings=COMPLETE))
    assert found["airline"] == Counter(held=84, violated=116)


@pytest.mark.parametrize("table", ["xstest", "jailbreakbench", "past-tense", "do-not-answer", "tau-bench"])
def test_recomputed_equals_published(recorded: ModuleType, table: str) -> None:
    compared = 0
    for item in recorded.TABLES[table]():
        if isinstance(item, recorded.Figure) and item.published is not None:
            assert 100 * item.value == pytest.approx(item.published, abs=0.006), item
            assert item.lower <= item.value <= item.upper
            compared += 1
    assert compared > 0


def test_agentdojo_figures_with_and_without_errors(recorded: ModuleType) -> None:
    found = {
        (item.subject, item.measure): round(100 * item.value, 2)
        for item in recorded.agentdojo()
        if isinstance(item, recorded.Figure)
    }
    every, completed = (
        "targeted attack success, every recorded row",
        "targeted attack success, completed runs",
    )
    for agent, published, honest in (
        ("command-r-plus", 4.45, 0.99),
        ("meta-llama_Llama-3-70b-chat-hf", 25.60, 21.21),
        ("gemini-1.5-pro-001", 28.62, 26.39),
        ("gpt-3.5-turbo-0125", 10.33, 8.59),
        ("claude-3-opus-20240229", 11.29, 15.17),
    ):
        assert found[agent, every] == published
        assert found[agent, completed] == honest


def test_tool_call_scorer_agrees_with_the_recorded_flag(recorded: ModuleType) -> None:
    found = [item for item in recorded.agentdojo() if isinstance(item, recorded.Agreement)]
    assert len(found) == 24
    assert min(item.agreement for item in found) > 0.9
    assert sorted(item.kappa for item in found)[12] > 0.9


def test_without_data_the_command_says_so(
    recorded: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "absent"))
    monkeypatch.setattr(sys, "argv", ["recorded.py"])
    assert recorded.main() == 3
    assert "SKIPPED" in capsys.readouterr().err
