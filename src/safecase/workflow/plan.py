"""What a run could show, computed without a single call."""

from __future__ import annotations

from pathlib import Path

from safecase.base import InputError
from safecase.engine import build_plan
from safecase.gate import GateForecast, forecast
from safecase.workflow._project import Project


def forecast_run(
    path: Path, *, gate: str = "", select: str = "", repeats: int | None = None
) -> tuple[GateForecast, ...]:
    """The forecast of each gate for the run that the same options would make."""
    project = Project.open(path)
    gates = project.gates(gate)
    if not gates:
        raise InputError("the workspace has no gate, so there is nothing to plan for", hint="add gates:")
    defaults = project.workspace.defaults
    plan = build_plan(project.cases(select), seed=defaults.seed, repeats=repeats or defaults.repeats)
    return tuple(forecast(item, plan) for item in gates)
