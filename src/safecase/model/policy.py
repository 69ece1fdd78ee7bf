"""What must hold and what makes it hold: policy clauses, requirements, controls."""

from __future__ import annotations

from datetime import date

from safecase.model.base import Frozen, Identifier, JsonObject
from safecase.model.taxonomy import TaxonomyReference
from safecase.model.vocabulary import ControlLayer


class Requirement(Frozen):
    """One testable statement that a clause asks for."""

    id: Identifier
    text: str
    controls: tuple[Identifier, ...] = ()
    tests: tuple[str, ...] = ()
    """Selectors (``suite:x``, ``risk:y``, ``tag:z``, a case id) of what tests the requirement."""
    risks: tuple[Identifier, ...] = ()


class PolicyClause(Frozen):
    """One clause of one policy, law or standard, restated in the organisation's own words."""

    id: Identifier
    title: str
    interpretation: str = ""
    reference: TaxonomyReference | None = None
    requirements: tuple[Requirement, ...] = ()


class Policy(Frozen):
    """A policy, law or standard that the system must meet."""

    id: Identifier
    title: str
    source: str = ""
    version: str = ""
    owner: str = ""
    clauses: tuple[PolicyClause, ...] = ()


class Control(Frozen):
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
    validated: date | None = None
    status: str = "proposed"
