"""Who may decide what, and with which keys they sign (ROL-01..04, ROL-11)."""

from __future__ import annotations

from enum import StrEnum

from pydantic import Field, field_validator

from safecase.base import Identifier, InputError, Record, read_public_key
from safecase.model.vocabulary import Severity


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
    keys: tuple[str, ...] = ()
    """Public keys: lines of OpenSSH ``.pub`` files, or ``ed25519:BASE64``. Without one the person's name is a
    claim."""

    @field_validator("keys")
    @classmethod
    def _readable(cls, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Refuse what nobody could ever sign with."""
        for key in keys:
            try:
                read_public_key(key)
            except InputError as error:
                raise ValueError(error.render()) from error
        return keys


class Action(StrEnum):
    """What a decision right is about."""

    RECOMMEND = "recommend"
    APPROVE_RELEASE = "approve_release"
    BLOCK_RELEASE = "block_release"
    ACCEPT_RISK = "accept_risk"
    CHANGE_THRESHOLD = "change_threshold"
    GRANT_EXCEPTION = "grant_exception"


class DecisionRight(Record):
    """Which roles may do an action, and how many of them it takes."""

    action: Action
    roles: tuple[Identifier, ...] = Field(min_length=1)
    signatures: int = Field(default=1, ge=1)
    severity: Severity | None = None
    """Where set, the right covers risks this severe or milder; for a block, those behind the rules that
    failed."""


class ExceptionPolicy(Record):
    """How long an exception may last."""

    longest_days: int = Field(default=180, ge=1)
    """From signing to expiry, at most."""
    longest_days_by_severity: dict[Severity, int] = {}
    """Shorter where the materiality is this severe."""
    control_days: int = Field(default=180, ge=1)
    """A compensating control that was validated longer ago than this is stale, and the exception is open
    again."""

    def longest(self, materiality: Severity) -> int:
        """The days that an exception of this materiality may last."""
        return min(self.longest_days, self.longest_days_by_severity.get(materiality, self.longest_days))


class People(Record):
    """Roles, persons and decision rights of one organisation."""

    roles: tuple[Role, ...] = ()
    persons: tuple[Person, ...] = ()
    decision_rights: tuple[DecisionRight, ...] = ()
    exceptions: ExceptionPolicy = ExceptionPolicy()
    escalation: tuple[str, ...] = ()
