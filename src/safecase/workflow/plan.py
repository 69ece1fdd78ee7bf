"""What a run could show, computed without a single call."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safecase.base import InputError
from safecase.engine import build_plan
from safecase.gate import GateForecast, about_population, forecast
from safecase.workflow._project import Project
from safecase.workflow.pools._state import PoolReport, PoolState
from safecase.workflow.run import cases_for
from safecase.workspace import declares_pools

# Forecasts do not depend on the order: they are about any one.
_ANY_SEED = 0


@dataclass(frozen=True)
class RunForecast:
    """What the next try of the release line could show."""

    command: str
    """``run`` or ``certify``: which of the two the next try is."""
    gates: tuple[GateForecast, ...]
    pools: PoolReport
    """How the families stand, and how many tries they carry."""


def forecast_run(path: Path, *, gate: str = "", select: str = "", repeats: int | None = None) -> RunForecast:
    """What the next try can show, gate by gate.

    Where the workspace declares pools, or somebody has seen families that a rule about the population would
    need, that is a certification of the sealed ones; else the run that the same options would make.
    """
    project = Project.open(path)
    gates = project.gates(gate)
    if not gates:
        raise InputError("the workspace has no gate, so there is nothing to plan for", hint="add gates:")
    state = PoolState(project, project.history(), cases_for(project, gates, select))
    speaks = any(about_population(rule) for item in gates for rule in item.rules)
    wanted = declares_pools(project.workspace) or (speaks and bool(state.shown))
    certifies = wanted and bool(state.sealed_cases)
    defaults = project.workspace.defaults
    plan = build_plan(
        state.members() if certifies else state.cases,
        seed=_ANY_SEED,
        repeats=repeats or defaults.repeats,
        one_per_family=certifies,
    )
    return RunForecast(
        command="certify" if certifies else "run",
        gates=tuple(forecast(item, plan, state.next_try) for item in gates),
        pools=state.report(gates),
    )
