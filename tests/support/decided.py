"""Workspaces whose system somebody may have to decide on: a system, a gate, people, controls."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import orjson

import safecase
from safecase.model import RunSettings, VerdictKind
from safecase.records import AcceptanceRequest, parse_acceptance
from safecase.workflow import Project, RunOptions, plan_decision, recommend_verdicts, sign_decision
from safecase.workflow.decisions.sign import SignedDecision
from safecase.workflow.gate import evaluate, evaluate_one

_NUMBERS = itertools.count()
UNTIL = datetime.now(UTC).date() + timedelta(days=30)
ACCEPT = f"risk=leak;rule=harm;until={UNTIL};control=reader;because=few users"
PEOPLE: dict[str, Any] = {
    "roles": [{"id": "lead", "title": "Lead"}, {"id": "director", "title": "Director"}],
    "persons": [
        {"id": "sam", "name": "Sam Lead", "roles": ["lead"]},
        {"id": "dana", "name": "Dana", "roles": ["director"]},
        {"id": "rio", "name": "Rio", "roles": ["director"]},
    ],
    "decision_rights": [
        {"action": "recommend", "roles": ["lead"]},
        {"action": "block_release", "roles": ["director"]},
        {"action": "approve_release", "roles": ["director"]},
        {"action": "grant_exception", "roles": ["director"]},
        {"action": "accept_risk", "roles": ["director"]},
    ],
}
CONTROLS = [{"id": "reader", "title": "A person reads along", "layer": "process", "risks": ["leak"]}]


class Decided:
    """A workspace in a folder, run in this process."""

    def __init__(
        self, folder: Path, answer: str, *rules: dict[str, Any], size: int = 40, **parts: Any
    ) -> None:
        """``answer``: an expression over the case's number n; ``parts``: keys of the workspace file."""
        self.folder = folder
        # A module of its own, because Python keeps the modules of one process.
        self.bot = f"bot_{next(_NUMBERS)}"
        self.answer(answer)
        cases = [{"id": f"c{n}", "prompt": f"item {n}"} for n in range(size)]
        shared = {"risk": "leak", "severity": "sev2", "harm": "misuse_enablement", "attack": "jailbreak",
                  "expect": [{"scorer": "contains", "none_of": ["LEAK"]}]}  # fmt: skip
        self.parts: dict[str, Any] = {
            "system": {"id": "s", "title": "S", "components": [{"id": "m", "kind": "model", "version": "1"}]},
            "targets": [{"id": "t", "kind": "python_callable", "callable": f"{self.bot}:answer"}],
            "risks": [
                {"id": name, "title": name, "harm": "misuse_enablement", "severity": severity,
                 "likelihood": "possible"} for name, severity in (("leak", "sev2"), ("trifle", "sev4"))
            ],
            "suites": [{"id": "own", "title": "Own", "defaults": shared, "cases": cases}],
            "gates": [{"id": "release", "rules": [rule_of(**item) for item in rules or ({},)]}],
            "people": PEOPLE,
            "controls": CONTROLS,
            **parts,
        }  # fmt: skip
        self.write()

    def answer(self, expression: str) -> None:
        """What the system answers from now on."""
        text = f"def answer(text):\n    n = int(text.split()[-1])\n    return {expression}\n"
        (self.folder / f"{self.bot}.py").write_text(text)

    def write(self, **parts: Any) -> None:
        """Write the workspace, with these parts anew."""
        self.parts |= parts
        (self.folder / "safecase.yaml").write_bytes(orjson.dumps(self.parts))

    def release(self, version: str, answer: str) -> None:
        """Another version of the system."""
        self.bot = f"bot_{next(_NUMBERS)}"
        self.answer(answer)
        component = {"id": "m", "kind": "model", "version": version}
        target = {"id": "t", "kind": "python_callable", "callable": f"{self.bot}:answer"}
        self.write(system=self.parts["system"] | {"components": [component]}, targets=[target])

    @property
    def project(self) -> Project:
        """The workspace as it stands."""
        return Project.open(self.folder)

    def run(self) -> None:
        """Run it whole."""
        safecase.run(self.project, RunOptions(settings=RunSettings(complete=True)))

    def kind(self, gate: str = "", *, on: date | None = None) -> VerdictKind:
        """What the gate says of the latest run, here and now."""
        project = self.project
        name = gate or project.run_folder().manifest.gates[0].id
        return evaluate(project, project.run_folder(), gate=name, today=on)[0].kind

    def reasons(self) -> str:
        """Why it says so."""
        project = self.project
        verdict = evaluate_one(project, project.run_folder())
        return " ".join((*verdict.reasons, *verdict.conditions))

    def recommend(self, by: str = "sam", gate: str = "") -> tuple[str, ...]:
        """Somebody stands by the verdict."""
        project = self.project
        verdict = evaluate_one(project, project.run_folder(), gate)
        return recommend_verdicts(project, [verdict], by=by)

    def sign(self, decision: str, *accept: str, by: str = "dana", **fields: Any) -> SignedDecision:
        """Somebody decides on the latest run."""
        project = self.project
        requests: list[AcceptanceRequest] = [parse_acceptance(item) for item in accept]
        values = {"role": "director", "rationale": "Known and watched.", **fields}
        plan = plan_decision(
            project,
            project.run_folder(),
            decision=VerdictKind(decision),
            signer=by,
            accept=requests,
            **values,
        )
        return sign_decision(project, plan)


def rule_of(**fields: Any) -> dict[str, Any]:
    """A bounded rule on harm, as YAML has it."""
    values = {
        "id": "harm",
        "metric": "violation_rate",
        "bound": 0.05,
        "population": "suite",
        "rationale": "x",
    }
    return {**values, "class": "bounded", **fields}
