"""How many families each slice of a rule about the population can rest on."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from safecase.engine import RunPlan
from safecase.gate.rule_slices import rule_slices
from safecase.model import GateRule


@dataclass(frozen=True)
class SliceFamilies:
    """The families of one slice."""

    name: str
    sealed: int
    """Families that count."""
    shown: int
    """Families that somebody has seen."""


def families_by_slice(
    rule: GateRule, plan: RunPlan, open_families: Collection[str]
) -> tuple[SliceFamilies, ...]:
    """The families of each slice of ``rule``, those of ``open_families`` apart."""
    return tuple(
        SliceFamilies(item.name, item.families, item.shown) for item in rule_slices(rule, plan, open_families)
    )
