"""The product's own attack and harm classes, tied to the public catalogs (THR-07, THR-08, THR-09)."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Any

from safecase.catalog.errors import CatalogError, nearest


@dataclass(frozen=True, slots=True)
class AttackClassRecord:
    """How harm is brought about, and what evidence can show that a system resists it."""

    id: str
    title: str
    definition: str
    seed_class: str
    """The class of the founding list that this one belongs to: direct and indirect prompt injection are
    one there. Empty for a class added since."""
    evidence: tuple[str, ...]
    """``black_box``: attempts against the running system can show it. ``training_side``: needs the data,
    weights or training records; with only this one, no run of attempts is evidence."""
    discipline: str
    """``safety`` or ``security``."""
    concern: str
    """One of the four safety and four security concerns."""
    references: tuple[str, ...]
    """Taxonomy references such as ``atlas:AML.T0054``."""

    @property
    def black_box_testable(self) -> bool:
        """True where attempts against the running system can show it."""
        return "black_box" in self.evidence


@dataclass(frozen=True, slots=True)
class HarmClassRecord:
    """What goes wrong for people."""

    id: str
    title: str
    definition: str
    seed_class: str
    """Empty for a class added since the founding list."""
    discipline: str
    concern: str
    references: tuple[str, ...]


def _rows(name: str) -> list[dict[str, Any]]:
    """The classes in a file of the package."""
    content = (resources.files("safecase.catalog") / "data" / name).read_text(encoding="utf-8")
    rows: list[dict[str, Any]] = json.loads(content)["classes"]
    return rows


@lru_cache(maxsize=1)
def attack_classes() -> tuple[AttackClassRecord, ...]:
    """Every attack class, in the order of the table."""
    return tuple(
        AttackClassRecord(
            **{**row, "evidence": tuple(row["evidence"]), "references": tuple(row["references"])}
        )
        for row in _rows("attack_classes.json")
    )


@lru_cache(maxsize=1)
def harm_classes() -> tuple[HarmClassRecord, ...]:
    """Every harm class, in the order of the table."""
    return tuple(
        HarmClassRecord(**{**row, "references": tuple(row["references"])})
        for row in _rows("harm_classes.json")
    )


def attack_class(identifier: str) -> AttackClassRecord:
    """One attack class; raises CatalogError with the nearest id where there is none."""
    for record in attack_classes():
        if record.id == identifier:
            return record
    raise _unknown("attack class", identifier, [record.id for record in attack_classes()])


def harm_class(identifier: str) -> HarmClassRecord:
    """One harm class; raises CatalogError with the nearest id where there is none."""
    for record in harm_classes():
        if record.id == identifier:
            return record
    raise _unknown("harm class", identifier, [record.id for record in harm_classes()])


def _unknown(kind: str, identifier: str, known: list[str]) -> CatalogError:
    """The error for a class that does not exist, with the nearest that does."""
    found = nearest(identifier, known, 1)
    mend = f"did you mean {found[0]}?" if found else f"known: {', '.join(known)}"
    return CatalogError(f"there is no {kind} '{identifier}'; {mend}")
