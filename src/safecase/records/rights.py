"""Who may decide what: the decision rights of one organisation (ROL-01..04, ROL-11, ROL-14)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from safecase.base import CheckFailed, InputError, did_you_mean
from safecase.model import (
    Action,
    Decision,
    DecisionRight,
    People,
    Person,
    Severity,
    VerdictKind,
    counted,
)

SHIPPING = (VerdictKind.GO, VerdictKind.GO_WITH_CONDITIONS)
_TWO_PEOPLE = 2
"""ROL-03: a loosened rule takes a second person, whatever else takes one."""


@dataclass(frozen=True)
class NeededRight:
    """One right that a decision takes."""

    action: Action
    severity: Severity | None = None
    least: int = 1
    """Signatures, however few the right itself asks for."""

    def __str__(self) -> str:
        words = self.action.value.replace("_", " ")
        return f"{words} for a {self.severity.value} risk" if self.severity else words


def find_person(people: People, person_id: str) -> Person:
    """The person with that id; raises InputError with the nearest id where there is none."""
    for person in people.persons:
        if person.id == person_id:
            return person
    known = [person.id for person in people.persons]
    raise InputError(
        f"there is no person '{person_id}' in the workspace",
        hint=did_you_mean(person_id, known) or "add the person under people: persons: in people.yaml",
    )


def rights_for(people: People, needed: NeededRight) -> tuple[DecisionRight, ...]:
    """The rights that allow what is needed; each by itself suffices.

    A right with a severity covers risks this severe or milder; without one it covers all. Where nobody was
    given the right to change thresholds, those who may approve a release have it.
    """
    severity = needed.severity
    found = tuple(
        right
        for right in people.decision_rights
        if right.action is needed.action
        and (severity is None or right.severity is None or right.severity.at_least(severity))
    )
    if not found and needed.action is Action.CHANGE_THRESHOLD:
        return rights_for(people, NeededRight(Action.APPROVE_RELEASE))
    return found


def rights_needed(decision: Decision, *, loosened: bool) -> tuple[NeededRight, ...]:
    """Every right that the decision takes before it is in force.

    ``loosened``: whether a rule asks for less than at the last decision on the line.
    """
    if decision.decision not in SHIPPING:
        return (NeededRight(Action.BLOCK_RELEASE, decision.materiality),)
    needed = [NeededRight(Action.APPROVE_RELEASE)]
    for item in decision.acceptances:
        if item.rule:
            needed.append(NeededRight(Action.GRANT_EXCEPTION, item.materiality))
        needed.append(NeededRight(Action.ACCEPT_RISK, item.materiality))
    if loosened:
        needed.append(NeededRight(Action.CHANGE_THRESHOLD, least=_TWO_PEOPLE))
    return tuple(dict.fromkeys(needed))


def require_rights(people: People, decision: Decision, *, loosened: bool) -> None:
    """Refuse a signature that no right carries.

    Raises InputError where the person does not hold the role, CheckFailed where the role has none of the
    rights that the decision takes, or nobody has one of them.
    """
    person = find_person(people, decision.signer)
    if decision.role not in person.roles:
        held = ", ".join(person.roles) or "none"
        raise InputError(f"{person.id} does not hold the role '{decision.role}'", hint=f"roles held: {held}")
    needed = rights_needed(decision, loosened=loosened)
    for item in needed:
        if not rights_for(people, item):
            raise CheckFailed(f"nobody may {item}", hint="people.decision_rights in people.yaml says who")
    if not any(decision.role in right.roles for item in needed for right in rights_for(people, item)):
        allowed = sorted({name for right in rights_for(people, needed[0]) for name in right.roles})
        raise CheckFailed(
            f"the role '{decision.role}' may not {needed[0]}", hint=f"roles that may: {', '.join(allowed)}"
        )


def signatures_missing(
    people: People, decisions: Sequence[Decision], *, loosened: bool = False
) -> tuple[str, ...]:
    """What a decision still lacks before it is in force, a line each; ``decisions`` are its signatures.

    Each right that applies is counted by itself: whoever signed in a role that has it, each person once.
    """
    signers = {item.signer: item.role for item in decisions}
    held = {(person.id, role) for person in people.persons for role in person.roles}
    roles = [role for signer, role in signers.items() if (signer, role) in held]
    lacking = []
    for item in rights_needed(decisions[0], loosened=loosened):
        rights = rights_for(people, item)
        gaps = [
            (max(right.signatures, item.least) - sum(role in right.roles for role in roles), right)
            for right in rights
        ]
        if not gaps:
            lacking.append(f"nobody may {item}")
            continue
        gap, right = min(gaps, key=lambda pair: pair[0])
        if gap > 0:
            more = counted(gap, "more signature is", "more signatures are")
            lacking.append(f"{more} needed to {item} ({' or '.join(right.roles)})")
    return tuple(lacking)
