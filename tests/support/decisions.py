"""Who may decide, what was decided, and the exceptions that decisions grant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safecase.base import canonical_json, digest, public_line, sign_message
from safecase.model import (
    SIGNATURE_NAMESPACE,
    Acceptance,
    Action,
    Control,
    Decision,
    DecisionEntry,
    DecisionRight,
    Estimate,
    Exceptions,
    Gate,
    People,
    PeopleEntry,
    Person,
    Recommendation,
    Severity,
    Verdict,
    VerdictKind,
    control_digest,
)
from safecase.model.decisions.people import Role
from safecase.model.vocabulary import ControlLayer
from safecase.records import head_of
from support.rules import rule

DAY = datetime(2026, 1, 2, tzinfo=UTC)
UNTIL = date(2026, 6, 1)
CONTROL = Control(id="reader", title="A person reads along", layer=ControlLayer.PROCESS, risks=("jailbreak",))
RULE = rule("rule-1", bound=0.02)
GATE = Gate(id="release", rules=(RULE,))
SEEN = Estimate(
    value=0.1, lower=0.05, upper=0.2, confidence=0.95, method="clopper-pearson", n=40, families=40
)


def rights(**signatures: int) -> tuple[DecisionRight, ...]:
    """Directors may do everything, leads may recommend and block; ``signatures`` says how many an action
    takes."""
    return tuple(
        DecisionRight(
            action=action,
            roles=("lead", "director")
            if action in (Action.RECOMMEND, Action.BLOCK_RELEASE)
            else ("director",),
            signatures=signatures.get(action.value, 1),
        )
        for action in Action
    )


def people(decision_rights: Sequence[DecisionRight] = rights(), **keys: Ed25519PrivateKey) -> People:
    """One lead and three directors, some of them with a key."""
    roles = {"lea": "lead", "dora": "director", "dirk": "director", "dina": "director"}
    return People(
        roles=(Role(id="lead", title="Lead"), Role(id="director", title="Director")),
        persons=tuple(
            Person(id=name, name="", roles=(role,), keys=(public_line(keys[name]),) if name in keys else ())
            for name, role in roles.items()
        ),
        decision_rights=tuple(decision_rights),
    )


def acceptance(**changes: Any) -> Acceptance:
    """The exception for the missed rule, by the reading person."""
    fields: dict[str, Any] = {
        "gate": "release",
        "rule": "rule-1",
        "category": "all",
        "rule_digest": digest(RULE.model_dump(mode="json", by_alias=True)),
        "system_version": "sha256:1",
        "line": "main",
        "risks": ("jailbreak",),
        "materiality": Severity.SEV3,
        "seen": SEEN,
        "control": CONTROL.id,
        "control_digest": control_digest(CONTROL),
        "expires": UNTIL,
        "justification": "few users",
    }
    return Acceptance(**(fields | changes))


def exception_on(verdict: Verdict, position: int = 0, **changes: Any) -> Acceptance:
    """The exception for the first category of a rule of this verdict, as it was seen."""
    result = verdict.rules[position]
    found = result.categories[0]
    fields: dict[str, Any] = {
        "gate": verdict.gate,
        "rule": result.rule.id,
        "category": found.category,
        "rule_digest": digest(result.rule.model_dump(mode="json", by_alias=True)),
        "system_version": verdict.system_version,
        "line": verdict.line,
        "materiality": Severity.SEV1,
        "seen": found.estimate,
    }
    return acceptance(**(fields | changes))


def exceptions(*granted: Acceptance, controls: Sequence[Control] = (CONTROL,)) -> Exceptions:
    """What a decision in force grants."""
    return Exceptions(acceptances=granted, controls=controls)


def recommendation(**changes: Any) -> Recommendation:
    """The lead stands by the verdict."""
    fields: dict[str, Any] = {
        "recommended_at": DAY,
        "run_id": "run",
        "gate": "release",
        "verdict_digest": "sha256:2",
        "recommended": VerdictKind.GO,
        "recommender": "lea",
    }
    return Recommendation(**(fields | changes))


def decision(**changes: Any) -> Decision:
    """What a director decided on the recommendation of the lead."""
    fields: dict[str, Any] = {
        "decided_at": DAY,
        "run_id": "run",
        "rules": GATE,
        "verdict_digest": "sha256:2",
        "system_version": "sha256:1",
        "recommended": VerdictKind.GO,
        "decision": VerdictKind.GO,
        "rationale": "The evidence suffices.",
        "signer": "dora",
        "role": "director",
        "recommender": "lea",
    }
    return Decision(**(fields | changes))


def decision_on(verdict: Verdict, gate: Gate, *granted: Acceptance, **changes: Any) -> Decision:
    """A director lets the system of this verdict go, on these exceptions."""
    fields: dict[str, Any] = {
        "run_id": verdict.run_id,
        "rules": gate,
        "verdict_digest": verdict.basis,
        "system_version": verdict.system_version,
        "line": verdict.line,
        "recommended": verdict.kind,
        "decision": VerdictKind.GO_WITH_CONDITIONS,
        "acceptances": granted,
    }
    return decision(**(fields | changes))


def recommended(verdict: Verdict) -> Recommendation:
    """The lead stands by this verdict."""
    return recommendation(
        run_id=verdict.run_id, gate=verdict.gate, verdict_digest=verdict.basis, recommended=verdict.kind
    )


def chained(
    *entries: Decision | Recommendation,
    among: People | None = None,
    keys: dict[str, Ed25519PrivateKey] | None = None,
) -> tuple[DecisionEntry, ...]:
    """The entries as the log holds them, behind the people, each signed where the person has a key of
    ``keys``."""
    log: list[DecisionEntry] = [PeopleEntry(recorded_at=DAY, people=among or people())]
    for entry in entries:
        placed = entry.model_copy(update={"previous_digest": head_of(log)})
        if keys and entry.person in keys:
            signature = sign_message(
                keys[entry.person], canonical_json(placed.content()), SIGNATURE_NAMESPACE
            )
            placed = placed.model_copy(update={"signature": signature})
        log.append(placed)
    return tuple(log)


def log_bytes(entries: Sequence[DecisionEntry]) -> bytes:
    """The lines of a decision log."""
    return b"".join(canonical_json(item.model_dump(mode="json", by_alias=True)) + b"\n" for item in entries)


def write_log(path: Path, entries: Sequence[DecisionEntry]) -> Path:
    """A decision log on the disk."""
    path.write_bytes(log_bytes(entries))
    return path
