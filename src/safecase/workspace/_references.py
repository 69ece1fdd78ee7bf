"""References between the parts of a workspace: each must lead somewhere."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from safecase.base import InputError, did_you_mean, digest, suggest
from safecase.model import METRICS, CaseScope, Selector
from safecase.workspace.contents import Workspace

Note = Callable[..., None]


def check_references(workspace: Workspace, note: Note, broken: frozenset[str] = frozenset()) -> None:
    """Call ``note(kind, id, code, message, hint, inside)`` for each reference that leads nowhere.

    ``broken``: ids that are declared and do not read, which is told already.
    """
    risks = {item.id for item in workspace.risks} | broken
    controls = {item.id for item in workspace.controls} | broken
    components = {item.id for item in workspace.system.components}

    def each(kind: str, owner: str, names: Iterable[str], known: set[str], noun: str, field: str) -> None:
        for index, name in enumerate(names):
            if name and name not in known:
                hint = suggest(name, sorted(known))
                note(kind, owner, "dangling-reference", f"there is no {noun} '{name}'", hint, (field, index))

    for risk in workspace.risks:
        each("risks", risk.id, risk.controls, controls, "control", "controls")
    for threat in workspace.threats:
        each("threats", threat.id, threat.risks, risks, "risk", "risks")
        each("threats", threat.id, threat.expected_controls, controls, "control", "expected_controls")
    for misuse in workspace.misuse_cases:
        each("misuse_cases", misuse.id, misuse.risks, risks, "risk", "risks")
    for control in workspace.controls:
        each("controls", control.id, control.risks, risks, "risk", "risks")
        if control.component and components:
            each("controls", control.id, [control.component], components, "component", "component")
    for policy in workspace.policies:
        for clause in policy.clauses:
            for requirement in clause.requirements:
                each("policies", policy.id, requirement.controls, controls, "control", "clauses")
                each("policies", policy.id, requirement.risks, risks, "risk", "clauses")
    _check_scorers(workspace, note)
    _check_cases(workspace, note, risks)
    _check_gates(workspace, note)
    _check_people(workspace, note)
    for name, known, noun in (
        (workspace.defaults.target, {item.id for item in workspace.targets} | broken, "target"),
        (workspace.defaults.gate, {item.id for item in workspace.gates} | broken, "gate"),
    ):
        if name and name not in known:
            hint = did_you_mean(name, known)
            note("defaults", "", "dangling-reference", f"there is no {noun} '{name}'", hint, (noun,))


def _check_scorers(workspace: Workspace, note: Note) -> None:
    """Files of scorers of one's own are there. They are not imported: reading a workspace runs no code."""
    for scorer in workspace.scorers:
        if scorer.python is not None:
            from safecase.targets import CodeReference

            try:
                CodeReference.parse(
                    scorer.python, workspace.root, what=f"scorer '{scorer.id}'"
                ).require_file()
            except InputError as error:
                note("scorers", scorer.id, "scorer", error.message, error.hint, ("python",))


def _check_cases(workspace: Workspace, note: Note, risks: set[str]) -> None:
    from safecase.scorers import SCORERS, validate_parameters

    named = {item.id: item for item in workspace.scorers}
    known_cases = {case.id for suite in workspace.suites for case in suite.cases}
    checked: dict[str, InputError | None] = {}
    reported: set[tuple[str, str]] = set()
    for suite in workspace.suites:
        for case in suite.cases:
            # Once a suite: its cases mostly name the same risk.
            if case.risk not in risks and (suite.id, case.risk) not in reported:
                reported.add((suite.id, case.risk))
                mend = did_you_mean(case.risk, risks) or "declare it under risks:"
                note(
                    "case", case.id, "dangling-reference", f"there is no risk '{case.risk}'", mend, ("risk",)
                )
            if case.benign_twin and case.benign_twin not in known_cases:
                hint = did_you_mean(case.benign_twin, known_cases)
                message = f"the benign twin '{case.benign_twin}' of case '{case.id}' is no case"
                note("case", case.id, "dangling-reference", message, hint, ("benign_twin",))
            for index, expectation in enumerate(case.expect):
                # Thousands of cases share a few expectations, and validating one builds a model.
                key = digest(expectation)
                if key not in checked:
                    try:
                        own = named.get(expectation.scorer)
                        if own is not None and own.python is not None:
                            # What parameters it takes is known when the code runs.
                            checked[key] = None
                            continue
                        scorer = own.scorer if own else expectation.scorer
                        fixed = own.parameters if own else {}
                        if scorer not in SCORERS:
                            SCORERS.get(scorer)
                        validate_parameters(scorer, {**fixed, **expectation.parameters})
                        checked[key] = None
                    except InputError as error:
                        checked[key] = error
                        note("case", case.id, "scorer", error.message, error.hint, ("expect", index))


def _check_gates(workspace: Workspace, note: Note) -> None:
    cases = [case for suite in workspace.suites for case in suite.cases]
    for gate in workspace.gates:
        seen: set[str] = set()
        for index, rule in enumerate(gate.rules):
            inside = ("rules", index)
            if rule.id in seen:
                note(
                    "gates",
                    gate.id,
                    "duplicate-id",
                    f"the gate has two rules '{rule.id}'",
                    None,
                    (*inside, "id"),
                )
            seen.add(rule.id)
            if not rule.select:
                continue
            try:
                selector = Selector.parse(rule.select)
            except InputError as error:
                note("gates", gate.id, "selector", error.message, error.hint, (*inside, "select"))
                continue
            if (
                cases
                and METRICS.get(rule.metric).cases is not CaseScope.RISKS
                and not any(selector.matches(case) for case in cases)
            ):
                message = f"rule '{rule.id}' selects no case, so it could never be met"
                note("gates", gate.id, "empty-selection", message, "check the selector", (*inside, "select"))


def _check_people(workspace: Workspace, note: Note) -> None:
    people = workspace.people
    roles = {role.id for role in people.roles}
    for person in people.persons:
        for role in person.roles:
            if role not in roles:
                hint = did_you_mean(role, roles)
                note(
                    "people",
                    "",
                    "dangling-reference",
                    f"{person.id} holds the unknown role '{role}'",
                    hint,
                    ("persons",),
                )
    for right in people.decision_rights:
        for role in right.roles:
            if role not in roles:
                hint = did_you_mean(role, roles)
                message = f"the right to {right.action.value} names the unknown role '{role}'"
                note("people", "", "dangling-reference", message, hint, ("decision_rights",))
