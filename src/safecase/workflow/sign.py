"""From a verdict to a person's signed decision."""

from __future__ import annotations

from datetime import UTC, datetime

from safecase.base import digest
from safecase.model import Decision, RiskAcceptance, Verdict, VerdictKind
from safecase.records import append_decision, check_decision, signatures_missing
from safecase.workflow._decisions import decision_log_path, decisions
from safecase.workflow._project import Project


def sign_decision(
    project: Project,
    verdict: Verdict,
    *,
    decision: VerdictKind,
    signer: str,
    role: str,
    recommender: str,
    rationale: str,
    options: tuple[str, ...] = (),
    accepted: tuple[RiskAcceptance, ...] = (),
    now: datetime | None = None,
) -> tuple[Decision, int]:
    """Record a person's decision; returns it and how many signatures are still missing.

    Raises CheckFailed where the rights do not allow it.
    """
    people = project.workspace.people
    entry = Decision(
        decided_at=now or datetime.now(UTC),
        run_id=verdict.run_id,
        gate=verdict.gate,
        verdict_digest=digest(verdict),
        system_version=verdict.system_version,
        recommended=verdict.kind,
        decision=decision,
        options=options or tuple(kind.value for kind in VerdictKind),
        rationale=rationale,
        signer=signer,
        role=role,
        recommender=recommender,
        accepted_risks=accepted,
    )
    earlier = decisions(project)
    check_decision(people, verdict, entry, project.workspace.risks, earlier)
    written = append_decision(decision_log_path(project), entry)
    on_this = [item for item in (*earlier, written) if item.verdict_digest == written.verdict_digest]
    return written, signatures_missing(people, verdict, on_this)
