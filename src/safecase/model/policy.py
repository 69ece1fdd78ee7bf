"""What must hold and what makes it hold: policy clauses, requirements, controls."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from safecase.base import Identifier, JsonObject, Record
from safecase.model.taxonomy import TaxonomyReference
from safecase.model.vocabulary import ControlLayer


class Requirement(Record):
    """One testable statement that a clause asks for."""

    id: Identifier
    text: str
    controls: tuple[Identifier, ...] = ()
    tests: tuple[str, ...] = ()
    """Selectors (``suite:x``, ``risk:y``, ``tag:z``, a case id) of what tests the requirement."""
    risks: tuple[Identifier, ...] = ()


class PolicyClause(Record):
    """One clause of one policy, law or standard, restated in the organisation's own words."""

    id: Identifier
    title: str
    interpretation: str = ""
    reference: TaxonomyReference | None = None
    requirements: tuple[Requirement, ...] = ()


class Policy(Record):
    """A policy, law or standard that the system must meet."""

    id: Identifier
    title: str
    source: str = ""
    version: str = ""
    owner: str = ""
    clauses: tuple[PolicyClause, ...] = ()


class Hypothesis(Record):
    """What a control is expected to do, said before it is measured (LIF-04)."""

    statement: str
    minimum_effect: float = Field(default=0.0, ge=0, lt=1)
    """How many points, as a share, the violation rate of the tests must fall at least."""
    maximum_over_refusal: float = Field(default=1.0, ge=0, le=1)
    """How many points, as a share, over-refusal may rise at most."""
    tests: tuple[str, ...] = ()
    """Selectors of what it is tested on; empty: the control's ``efficacy``, else its risks."""
    confidence: float = Field(default=0.95, gt=0.5, lt=1)


class Control(Record):
    """Something that prevents, detects or limits a harm."""

    id: Identifier
    title: str
    layer: ControlLayer
    pattern: str = ""
    risks: tuple[Identifier, ...] = ()
    owner: str = ""
    cost: str = ""
    component: str = ""
    """The component where it is enforced."""
    configuration: JsonObject = {}
    """For a guard: its checks. Opaque to everything but the guard."""
    efficacy: tuple[str, ...] = ()
    """Selectors of the tests that measure whether the control works."""
    hypothesis: Hypothesis | None = None
    """What it must achieve; `safecase guard measure` gives the verdict."""
    validated: date | None = None
    status: str = "proposed"
