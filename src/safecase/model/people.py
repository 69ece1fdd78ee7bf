"""Who may decide what, and what they decided (ROL-01..04, ROL-11, GAT-12)."""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from pydantic import Field

from safecase.base import Identifier, Record
from safecase.model.vocabulary import Severity, VerdictKind


class DecisionTier(StrEnum):
    """The three tiers of decision rights."""

    INDEPENDENT = "independent"
    TEAM = "team"
    EXECUTIVE = "executive"


class Role(Record):
    """A role that people hold."""

    id: Identifier
    title: str
    tier: DecisionTier = DecisionTier.INDEPENDENT


class Person(Record):
    """A person; ``roles`` are role ids."""

    id: Identifier
    name: str
    roles: tuple[Identifier, ...] = ()
    email: str = ""


class Action(StrEnum):
    """What a decision right is about."""

    RECOMMEND = "recommend"
    APPROVE_RELEASE = "approve_release"
    BLOCK_RELEASE = "block_release"
    ACCEPT_RISK = "accept_risk"
    OVERRIDE_FLOOR = "override_floor"
    CHANGE_THRESHOLD = "change_threshold"
    GRANT_EXCEPTION = "grant_exception"


class DecisionRight(Record):
    """Which roles may do an action, and how many of them it takes."""

    action: Action
    roles: tuple[Identifier, ...] = Field(min_length=1)
    signatures: int = Field(default=1, ge=1)
    severity: Severity | None = None
    """Where set, the right covers risks this severe or milder."""


class People(Record):
    """Roles, persons and decision rights of one organisation."""

    roles: tuple[Role, ...] = ()
    persons: tuple[Person, ...] = ()
    decision_rights: tuple[DecisionRight, ...] = ()
    escalation: tuple[str, ...] = ()


class RiskAcceptance(Record):
    """A residual risk that somebody with the right accepts, for a time, with something in place."""

    risk: Identifier
    rule: str = ""
    """The gate rule that the acceptance excepts, where it does."""
    justification: str = Field(min_length=1)
    compensating_control: str = Field(min_length=1)
    expires: date


class Decision(Record):
    """A person's signed decision on one verdict."""

    decided_at: datetime
    run_id: str
    gate: str
    verdict_digest: str
    system_version: str
    recommended: VerdictKind
    decision: VerdictKind
    options: tuple[str, ...] = ()
    rationale: str = Field(min_length=1)
    signer: str
    """Person id."""
    role: str
    recommender: str
    accepted_risks: tuple[RiskAcceptance, ...] = ()
    previous_digest: str = ""
    """Digest of the decision before this one: the decision log is a hash chain."""
