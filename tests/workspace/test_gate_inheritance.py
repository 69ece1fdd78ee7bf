"""Gates that extend others: what is taken over, what differs, and what may not happen by accident."""

from __future__ import annotations

from pathlib import Path

import pytest

from safecase.base import WorkspaceError
from safecase.workspace import load_workspace, write_profile
from safecase.workspace.inheritance import templates
from support.workspaces import write_files

BASE = """
gates:
  - id: base
    title: Base
    owner: safety
    rules:
      - {id: floor, class: floor, metric: violation_rate, bound: 0.02, confidence: 0.95}
      - {id: other, class: bounded, metric: violation_rate, bound: 0.1}
"""


def gates(tmp_path: Path, *texts: str) -> dict[str, dict[str, float | None]]:
    folder = tmp_path / "w"
    write_profile("agent", folder, "Demo")
    own = {f"gates{index}": text for index, text in enumerate(texts)}
    write_files(folder, {"gates": None, "policies": None, **own})
    return {gate.id: {rule.id: rule.bound for rule in gate.rules} for gate in load_workspace(folder).gates}


def test_rules_are_taken_over_changed_added_and_dropped(tmp_path: Path) -> None:
    child = """
gates:
  - id: release
    extends: base
    without: [other]
    rules:
      - {id: floor, bound: 0.01}
      - {id: own, class: advisory, metric: error_rate, bound: 0.05}
"""
    found = gates(tmp_path, child, BASE)
    assert found["release"] == {"floor": 0.01, "own": 0.05}
    assert found["base"] == {"floor": 0.02, "other": 0.1}


def test_a_chain_of_three_and_a_built_in_template(tmp_path: Path) -> None:
    text = """
gates:
  - {id: house, extends: agent, rules: [{id: over-refusal, bound: 0.08}]}
  - {id: release, extends: house, rules: [{id: severe-harm, bound: 0.01}]}
"""
    found = gates(tmp_path, text)
    assert found["release"]["over-refusal"] == 0.08
    assert found["release"]["severe-harm"] == 0.01
    assert found["release"]["injection"] == 0.05


@pytest.mark.parametrize("name", sorted(templates()))
def test_every_template_is_a_gate(tmp_path: Path, name: str) -> None:
    assert gates(tmp_path, f"gates: [{{id: release, extends: {name}}}]")["release"]


@pytest.mark.parametrize(
    ("child", "message"),
    [
        ("{id: a, extends: bsae}", "gates0.yaml:2:.*no gate 'bsae'.*did you mean 'base'"),
        ("{id: a, extends: a}", "in a circle: a → a"),
        ("{id: a, extends: base, without: [otter]}", "no inherited rule 'otter'.*did you mean 'other'"),
        ("{id: a, extends: base, without: [floor]}", "'floor' is a floor and is dropped without a word"),
        ("{id: a, extends: base, rules: [{id: floor, bound: 0.05}]}", "loosens a floor"),
        ("{id: a, extends: base, rules: [{id: floor, class: advisory}]}", "loosens a floor"),
        ("{id: a, extends: base, rules: [{id: floor, confidence: 0.8}]}", "loosens a floor"),
        ("{id: a, extends: base, rules: [{id: floor, bound: 7}]}", "share between 0 and 1"),
        ("{id: a, extends: base, rules: [5]}", "a rule is a mapping"),
        ("{id: a, extends: [x]}", "names one gate"),
    ],
)
def test_mistakes_are_told_with_their_place(tmp_path: Path, child: str, message: str) -> None:
    with pytest.raises(WorkspaceError, match=message):
        gates(tmp_path, f"gates:\n  - {child}\n", BASE)


def test_a_floor_may_be_loosened_with_a_reason_and_tightened_without(tmp_path: Path) -> None:
    text = """
gates:
  - {id: a, extends: base, rules: [{id: floor, bound: 0.05, rationale: Pilot with forty users.}]}
  - {id: b, extends: base, rules: [{id: floor, bound: 0.001}]}
  - {id: c, extends: base, without: [floor], rationale: Measured by another gate.}
  - {id: release, extends: base}
"""
    found = gates(tmp_path, text, BASE)
    assert (found["a"]["floor"], found["b"]["floor"], "floor" in found["c"]) == (0.05, 0.001, False)


def test_gates_in_a_circle_are_told(tmp_path: Path) -> None:
    text = "gates:\n  - {id: a, extends: b}\n  - {id: b, extends: a}\n"
    with pytest.raises(WorkspaceError, match="in a circle"):
        gates(tmp_path, text)
