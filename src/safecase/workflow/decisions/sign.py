"""From a verdict, worked out anew, to a person's signed decision."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from safecase.base import CheckFailed, InputError
from safecase.engine import RunFolder
from safecase.gate import conclude, stakes
from safecase.model import (
    Decision,
    DecisionEntry,
    RuleChange,
    RuleClass,
    RuleStatus,
    Severity,
    Stake,
    Verdict,
    VerdictKind,
)
from safecase.records import (
    ACCEPTANCE_FORM,
    SHIPPING,
    AcceptanceRequest,
    Standing,
    append_entry,
    find_person,
    require_rights,
    signer_for,
    standing,
)
from safecase.workflow._ledger import current_history, ledger_of
from safecase.workflow._project import Project, pick
from safecase.workflow.decisions._acceptances import Matter, accepted, merged
from safecase.workflow.decisions._log import (
    decision_entries,
    decision_log_path,
    exceptions_for,
    people_since,
)
from safecase.workflow.decisions.recommend import recommendation_of
from safecase.workflow.gate import evaluate_one
from safecase.workflow.pools._sealing import NOT_PASSED, require_opened


@dataclass(frozen=True)
class DecisionPlan:
    """What somebody is about to sign, worked out here and now from the run log."""

    verdict: Verdict
    """With the exceptions in force and those that are asked for."""
    decision: Decision
    """Without its place in the log and its signature."""
    rule_changes: tuple[RuleChange, ...]
    """Since the last decision on the line."""
    people_changes: tuple[str, ...]
    loosened: bool


@dataclass(frozen=True)
class SignedDecision:
    """What was written, and what it lacks."""

    decision: Decision
    missing: tuple[str, ...]


def plan_decision(
    project: Project,
    folder: RunFolder,
    *,
    decision: VerdictKind,
    signer: str,
    role: str,
    rationale: str,
    gate: str = "",
    recommender: str = "",
    accept: Sequence[AcceptanceRequest] = (),
    now: datetime | None = None,
) -> DecisionPlan:
    """Hold a decision against the verdict, the log and the rights; writes nothing.

    ``recommender``: only said to be held against what the gate recorded. Raises CheckFailed where the
    decision may not be taken, InputError where what was said does not fit.
    """
    workspace, now = project.workspace, now or datetime.now(UTC)
    find_person(workspace.people, signer)
    found = evaluate_one(project, folder, gate)
    frozen = pick(folder.manifest.gates, found.gate, "frozen gate")
    entries = decision_entries(project)
    log = standing(entries)
    at_stake = {rule.id: stakes(rule, folder.plan, workspace.risks) for rule in frozen.rules}
    exceptions = exceptions_for(project, entries, found.gate, found.line)
    shipping = decision in SHIPPING
    if accept and not shipping:
        raise InputError("a no-go accepts nothing", hint="leave --accept away")
    matter = Matter(found, frozen, at_stake, workspace, exceptions, log, now.date())
    if found.sealed and accept:
        require_opened(current_history(project), folder, "an exception")
    asked = accepted(matter, accept)
    exceptions = replace(exceptions, acceptances=merged(exceptions.acceptances, asked))
    # A sealed verdict is one word, concluded already: its rules are not here to conclude from.
    verdict = found if found.sealed else conclude(found, exceptions, at_stake, now.date())
    if shipping and found.sealed and verdict.kind not in SHIPPING:
        raise CheckFailed(NOT_PASSED, hint="change the system and certify the next candidate")
    if shipping:
        _require_shippable(verdict, decision)
        unused = [item for item in asked if item.rule and item not in verdict.acceptances]
        if unused:
            raise InputError(f"the exception for {unused[0].rule} would move nothing", hint="leave it away")
    residual = tuple(item for item in asked if not item.rule)
    entry = Decision(
        decided_at=now,
        run_id=found.run_id,
        rules=frozen,
        verdict_digest=found.basis,
        system_version=found.system_version,
        line=found.line,
        recommended=found.kind,
        decision=decision,
        materiality=_materiality(verdict, at_stake),
        rationale=rationale,
        signer=signer,
        role=role,
        recommender=_recommender(entries, found, decision, signer, recommender),
        acceptances=(*verdict.acceptances, *residual) if shipping else (),
    )
    loosened = shipping and log.loosened(frozen, found.line)
    _check_against_log(log, entry)
    require_rights(workspace.people, entry, loosened=loosened)
    return DecisionPlan(
        verdict,
        entry,
        log.rule_changes(frozen, found.line),
        people_since(project, entries),
        loosened,
    )


def sign_decision(project: Project, plan: DecisionPlan, *, key: Path | None = None) -> SignedDecision:
    """Sign what was planned and write it into the log; ``key`` as `signer_for` takes it.

    Raises InputError where the person's key cannot be reached, CheckFailed where the log moved on meanwhile.
    """
    decision = plan.decision
    people = project.workspace.people
    sign = signer_for(find_person(people, decision.signer), key=key)
    log = append_entry(
        decision_log_path(project),
        ledger_of(project),
        decision,
        people=people,
        at=decision.decided_at,
        sign=sign,
        check=lambda entries: _check_against_log(standing(entries), decision),
    )
    written = log[-1]
    assert isinstance(written, Decision)
    found = [item for item in standing(log).matters if item.decision.matter == written.matter]
    return SignedDecision(written, found[-1].missing if found else ())


def _require_shippable(verdict: Verdict, decision: VerdictKind) -> None:
    """Only what the gate itself would let go: there is one answer, and it is the gate's."""
    floors = [
        result.rule.id
        for result in verdict.rules
        if result.rule.rule_class is RuleClass.FLOOR and result.status is not RuleStatus.MET
    ]
    if floors:
        raise CheckFailed(
            f"floor rules have no exception, measured or not, and {', '.join(floors)} is not met",
            hint="mend the system or the evidence and run again, or sign no_go",
        )
    if verdict.stale:
        raise CheckFailed(
            f"the evidence is stale: {verdict.stale[0].what} changed since it was measured",
            hint="run again; a no_go can be signed on old evidence",
        )
    if verdict.demo:
        raise CheckFailed(
            "the verdict is about the built-in demo and cannot approve a release of anything",
            hint="point the workspace at a real target and run again",
        )
    if verdict.kind not in SHIPPING:
        missed = [
            result.rule.id
            for result in verdict.rules
            if result.rule.rule_class is RuleClass.BOUNDED and result.status is RuleStatus.NOT_MET
        ]
        words = verdict.reasons[0] if verdict.reasons else "nothing was found"
        hint = f"--accept '{ACCEPTANCE_FORM}'" if missed else "what was not measured, nobody can accept"
        raise CheckFailed(f"the verdict is {verdict.kind.value}: {words}", hint=hint)
    if decision is VerdictKind.GO and verdict.kind is not VerdictKind.GO:
        raise CheckFailed("what rests on a condition is no plain go", hint="sign it as -d go_with_conditions")


def _materiality(verdict: Verdict, at_stake: dict[str, dict[str, Stake]]) -> Severity | None:
    """The worst severity behind the categories that are not met."""
    severities = [
        at_stake[result.rule.id][category.category].severity
        for result in verdict.rules
        if result.rule.rule_class is not RuleClass.ADVISORY
        for category in result.categories
        if category.status is RuleStatus.NOT_MET and category.category in at_stake[result.rule.id]
    ]
    return min(severities, key=lambda item: item.rank, default=None)


def _recommender(
    entries: Sequence[DecisionEntry], verdict: Verdict, decision: VerdictKind, signer: str, said: str
) -> str:
    """Who recommended this verdict, by the log alone."""
    recorded = recommendation_of(entries, verdict)
    if recorded is None:
        if decision in SHIPPING:
            raise CheckFailed(
                "nobody has recommended the verdict as it stands now",
                hint="somebody else than who signs: safecase gate --by ID",
            )
        if said:
            raise InputError(
                f"the gate recorded no recommendation of {said}", hint="leave --recommender away"
            )
        return ""
    if said and said != recorded.recommender:
        raise InputError(f"the gate recorded {recorded.recommender} as the recommender, not {said}")
    if recorded.recommender == signer:
        raise CheckFailed(
            f"{signer} recommended this verdict and so may not decide on it",
            hint="another person with the right must sign",
        )
    return recorded.recommender


def _check_against_log(log: Standing, decision: Decision) -> None:
    """Refuse what the log rules out: a second signature of one person, and a go over a no-go."""
    block = log.blocked(decision) if decision.decision in SHIPPING else None
    if block is not None:
        when, who = block.decision.decided_at.date(), block.decision.signer
        raise CheckFailed(
            f"{who} decided no_go on this very verdict on {when}", hint="mend the system and run again"
        )
    for item in log.matters:
        signers = [named.entry.person for named in item.signed]
        if item.decision.matter == decision.matter and not item.superseded and decision.signer in signers:
            raise CheckFailed(f"{decision.signer} has signed this decision already")
