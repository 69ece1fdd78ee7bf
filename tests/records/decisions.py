"""Who may decide, what a gate recommended, what was decided and which risks were accepted."""

from __future__ import annotations

from datetime import UTC, date, datetime

from safecase.model import (
    Action,
    Decision,
    DecisionRight,
    GateRule,
    People,
    Person,
    RiskAcceptance,
    RuleClass,
    RuleResult,
    RuleStatus,
    Severity,
    Verdict,
    VerdictKind,
)
from safecase.model.decisions.people import Role
from support.risks import risk

PEOPLE = People(
    roles=(Role(id="lead", title="Safety lead"), Role(id="director", title="Director")),
    persons=(
        Person(id="lea", name="Lea", roles=("lead",)),
        Person(id="dora", name="Dora", roles=("director",)),
        Person(id="dirk", name="Dirk", roles=("director",)),
    ),
    decision_rights=(
        DecisionRight(action=Action.BLOCK_RELEASE, roles=("lead", "director")),
        DecisionRight(action=Action.APPROVE_RELEASE, roles=("director",)),
        DecisionRight(action=Action.GRANT_EXCEPTION, roles=("director",), signatures=2),
        DecisionRight(action=Action.ACCEPT_RISK, roles=("director",), severity=Severity.SEV2),
    ),
)
RISKS = (
    risk("mild", Severity.SEV3),
    risk("grave", Severity.SEV1),
)


def verdict(kind: VerdictKind, *, rule_class: RuleClass = RuleClass.BOUNDED, demo: bool = False) -> Verdict:
    """A verdict on one rule of this class, which is met where the verdict is go."""
    status = RuleStatus.MET if kind is VerdictKind.GO else RuleStatus.NOT_MET
    rule = GateRule(id="rule-1", metric="violation_rate", bound=0.02, rule_class=rule_class)  # type: ignore[call-arg]
    return Verdict(
        kind=kind,
        gate="release",
        gate_digest="sha256:0",
        run_id="run",
        system_version="sha256:1",
        reasons=("because",),
        rules=(RuleResult(rule=rule, status=status, sentence="."),),
        demo=demo,
    )


def decision(**changes: object) -> Decision:
    """What the director decided on the recommendation of the lead."""
    fields: dict[str, object] = {
        "decided_at": datetime(2026, 1, 1, tzinfo=UTC),
        "run_id": "run",
        "gate": "release",
        "verdict_digest": "sha256:2",
        "system_version": "sha256:1",
        "recommended": VerdictKind.GO,
        "decision": VerdictKind.GO,
        "rationale": "The evidence suffices.",
        "signer": "dora",
        "role": "director",
        "recommender": "lea",
    }
    return Decision(**(fields | changes))  # type: ignore[arg-type]


def acceptance(**changes: object) -> RiskAcceptance:
    """The acceptance of the mild risk under one rule."""
    fields: dict[str, object] = {
        "risk": "mild",
        "rule": "rule-1",
        "justification": "small",
        "compensating_control": "watch",
        "expires": date(2026, 3, 1),
    }
    return RiskAcceptance(**(fields | changes))  # type: ignore[arg-type]
