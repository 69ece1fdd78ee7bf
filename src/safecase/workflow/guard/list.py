"""The checks of a workspace's guard, as people see them in a list."""

from __future__ import annotations

from typing import Literal

from safecase.base import Record
from safecase.model import ControlLayer, FlowPoint
from safecase.workflow._project import Project
from safecase.workflow.guard.build import workspace_guard


class CheckLine(Record):
    """One check in its place."""

    id: str
    version: str
    surfaces: tuple[FlowPoint, ...]
    layer: ControlLayer | None
    on_failure: Literal["open", "closed"]
    """Whether content passes where the check fails."""
    risks: tuple[str, ...]


def list_checks(project: Project) -> tuple[CheckLine, ...]:
    """The workspace's checks in the order in which they look; raises InputError where it declares none."""
    return tuple(
        CheckLine(
            id=item.id,
            version=item.check.version,
            surfaces=tuple(sorted(item.surfaces or item.check.surfaces)),
            layer=item.layer,
            on_failure="closed" if item.fail_closed else "open",
            risks=item.risks,
        )
        for item in workspace_guard(project).checks
    )
