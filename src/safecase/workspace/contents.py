"""What a workspace holds, once it is read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from safecase.base import SourcePosition
from safecase.model import (
    Control,
    Defaults,
    Gate,
    MisuseCase,
    People,
    Policy,
    Pools,
    Risk,
    ScorerConfiguration,
    Suite,
    System,
    TargetConfiguration,
    Threat,
)


@dataclass(frozen=True)
class Workspace:
    """Everything that a workspace's files say, and where they say it."""

    root: Path
    system: System
    targets: tuple[TargetConfiguration, ...] = ()
    scorers: tuple[ScorerConfiguration, ...] = ()
    risks: tuple[Risk, ...] = ()
    threats: tuple[Threat, ...] = ()
    misuse_cases: tuple[MisuseCase, ...] = ()
    policies: tuple[Policy, ...] = ()
    controls: tuple[Control, ...] = ()
    suites: tuple[Suite, ...] = ()
    gates: tuple[Gate, ...] = ()
    people: People = field(default_factory=People)
    defaults: Defaults = field(default_factory=Defaults)
    pools: Pools | None = None
    """None: no family is open until somebody has seen it."""
    positions: Mapping[tuple[str, str], SourcePosition] = field(default_factory=dict)
    """(kind, id) → place; kinds are the top-level keys, ``case`` and ``rule``."""
    data_digests: Mapping[str, tuple[str, str, int]] = field(default_factory=dict)
    """Data set id → path, digest, rows."""
    public_families: frozenset[str] = frozenset()
    """Families that anybody can read elsewhere: of built-in suites, public data sets, public benchmarks."""

    def position(self, kind: str, name: str) -> SourcePosition | None:
        """Where an item stands."""
        return self.positions.get((kind, name))
