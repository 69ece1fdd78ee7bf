"""What can go wrong and who would make it go wrong: risks, threats, misuse cases."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from safecase.base import Identifier, Record
from safecase.model.taxonomy import TaxonomyReference
from safecase.model.vocabulary import (
    AttackClass,
    Concern,
    DangerousCapability,
    HarmClass,
    Likelihood,
    Reach,
    Severity,
)


class MonetaryRange(Record):
    """An estimate of money as a range, never a point."""

    lower: float = Field(ge=0)
    upper: float = Field(ge=0)
    currency: str = "USD"
    source: str = ""


class Risk(Record):
    """One way in which the system can harm people (RSK-01)."""

    id: Identifier
    title: str
    description: str = ""
    harm: HarmClass
    attack: AttackClass | None = None
    severity: Severity
    likelihood: Likelihood
    exposure: Reach = Reach.BROAD
    owner: str = ""
    concern: Concern | None = None
    capability: DangerousCapability | None = None
    journeys: tuple[Identifier, ...] = ()
    taxonomy: tuple[TaxonomyReference, ...] = ()
    controls: tuple[Identifier, ...] = ()
    """Controls that mitigate the risk; a control may also name the risk."""
    residual: str = ""
    """What remains after the controls, in words."""
    loss: MonetaryRange | None = None
    tags: tuple[str, ...] = ()


class Threat(Record):
    """An attacker, what drives them, what they can do, and the way in (THR-01)."""

    id: Identifier
    title: str
    attacker: str
    incentive: str
    capability: str = ""
    vector: str = ""
    risks: tuple[Identifier, ...] = ()
    expected_controls: tuple[Identifier, ...] = ()
    attack: AttackClass | None = None
    taxonomy: tuple[TaxonomyReference, ...] = ()
    downstream_misuse: str = ""
    vulnerable_groups: str = ""
    high_stakes_context: str = ""
    reviewed: date | None = None
    review_due: date | None = None
    tags: tuple[str, ...] = ()


class MisuseCase(Record):
    """A realistic misuse by an ordinary user, apart from attackers (THR-02)."""

    id: Identifier
    title: str
    incentive: str
    risks: tuple[Identifier, ...] = ()
    taxonomy: tuple[TaxonomyReference, ...] = ()
