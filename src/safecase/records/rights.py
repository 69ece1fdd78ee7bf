"""Who may decide what: the decision rights of one organisation (ROL-01..04, ROL-11)."""

from __future__ import annotations

from collections.abc import Sequence

from safecase.base import CheckFailed, InputError, did_you_mean
from safecase.model import (
    Action,
    Decision,
    DecisionRight,
    People,
    Person,
    Risk,
    RiskAcceptance,
    RuleClass,
    RuleStatus,
    Severity,
    Verdict,
    VerdictKind,
)
from safecase.records.acceptances import ACCEPTANCE_FORM

_SHIPPING = (VerdictKind.GO, VerdictKind.GO_WITH_CONDITIONS)
_SEVERITY_ORDER = tuple(Severity)


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


def rights_for(people: People, action: Action, severity: Severity | None = None) -> tuple[DecisionRight, ...]:
    """The rights that allow ``action``, for risks of ``severity`` where one is given.

    A right with a severity covers risks this severe or milder; without one it covers all.
    """

    def covers(right: DecisionRight) -> bool:
        if severity is None or right.severity is None:
            return True
        return _SEVERITY_ORDER.index(severity) >= _SEVERITY_ORDER.index(right.severity)

    return tuple(right for right in people.decision_rights if right.action is action and covers(right))


def require_right(
    people: People, person: Person, role: str, action: Action, severity: Severity | None = None
) -> DecisionRight:
    """The right by which ``person``, acting as ``role``, may do ``action``.

    Raises InputError where the person does not hold the role, CheckFailed where the role has no
    such right.
    """
    if role not in person.roles:
        held = ", ".join(person.roles) or "none"
        raise InputError(f"{person.id} does not hold the role '{role}'", hint=f"roles held: {held}")
    for right in rights_for(people, action, severity):
        if role in right.roles:
            return right
    allowed = sorted({name for right in rights_for(people, action, severity) for name in right.roles})
    about = f" for a {severity.value} risk" if severity else ""
    raise CheckFailed(
        f"the role '{role}' may not {action.value.replace('_', ' ')}{about}",
        hint=f"roles that may: {', '.join(allowed)}" if allowed else "no role may; see people.yaml",
    )


def actions_needed(verdict: Verdict, decision: VerdictKind) -> tuple[Action, ...]:
    """The actions that deciding ``decision`` on ``verdict`` takes.

    Raises CheckFailed where nobody may: a missed floor has no exception.
    """
    if decision not in _SHIPPING:
        return (Action.BLOCK_RELEASE,)
    missed_floors = [
        result.rule.id
        for result in verdict.rules
        if result.rule.rule_class is RuleClass.FLOOR and result.status is RuleStatus.NOT_MET
    ]
    if missed_floors:
        raise CheckFailed(
            f"floor rules have no exception, and {', '.join(missed_floors)} is not met",
            hint="fix the system and run again, or sign no_go",
        )
    if verdict.kind is VerdictKind.GO:
        return (Action.APPROVE_RELEASE,)
    return (Action.APPROVE_RELEASE, Action.GRANT_EXCEPTION)


def check_decision(
    people: People,
    verdict: Verdict,
    decision: Decision,
    risks: Sequence[Risk],
    earlier: Sequence[Decision] = (),
) -> None:
    """Refuse a decision that the rights do not allow.

    Raises CheckFailed where the recommender decides, a right is missing, or an exception lacks its
    acceptance; InputError for unknown persons, roles or risks.
    """
    signer = find_person(people, decision.signer)
    if decision.signer == decision.recommender:
        raise CheckFailed(
            f"{decision.signer} recommended this verdict and so may not decide on it",
            hint="another person with the right must sign",
        )
    find_person(people, decision.recommender)
    if any(
        item.signer == decision.signer and item.verdict_digest == decision.verdict_digest for item in earlier
    ):
        raise CheckFailed(f"{decision.signer} has signed a decision on this verdict already")
    if verdict.demo and decision.decision in _SHIPPING:
        raise CheckFailed(
            "the verdict is about the built-in demo and cannot approve a release of anything",
            hint="point the workspace at a real target and run again",
        )
    for action in actions_needed(verdict, decision.decision):
        require_right(people, signer, decision.role, action)
    by_id = {risk.id: risk for risk in risks}
    for acceptance in decision.accepted_risks:
        risk = by_id.get(acceptance.risk)
        if risk is None:
            raise InputError(
                f"there is no risk '{acceptance.risk}'", hint=did_you_mean(acceptance.risk, by_id) or None
            )
        if acceptance.expires <= decision.decided_at.date():
            raise InputError(
                f"the acceptance of {acceptance.risk} expires on {acceptance.expires}, not later"
            )
        require_right(people, signer, decision.role, Action.ACCEPT_RISK, risk.severity)
    if decision.decision in _SHIPPING:
        _require_acceptances(verdict, decision.accepted_risks)


def _require_acceptances(verdict: Verdict, accepted: Sequence[RiskAcceptance]) -> None:
    excepted = {item.rule for item in accepted if item.rule}
    open_rules = [
        result.rule.id
        for result in verdict.rules
        if result.rule.rule_class is not RuleClass.ADVISORY
        and result.status is not RuleStatus.MET
        and result.rule.id not in excepted
    ]
    if open_rules:
        raise CheckFailed(
            f"shipping although {', '.join(open_rules)} is open needs an acceptance for each",
            hint=f"--accept '{ACCEPTANCE_FORM}'",
        )


def signatures_missing(people: People, verdict: Verdict, decisions: Sequence[Decision]) -> int:
    """How many signatures a decision still lacks before it is in force; 0 where it is."""
    if not decisions:
        return 1
    kind = decisions[-1].decision
    signers = {item.signer for item in decisions if item.decision is kind}
    needed = 1
    for action in actions_needed(verdict, kind):
        needed = max([needed, *(right.signatures for right in rights_for(people, action))])
    return max(0, needed - len(signers))
