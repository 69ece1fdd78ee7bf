"""One text before a workspace's guard."""

from __future__ import annotations

from safecase.base import InputError
from safecase.guard import Content
from safecase.model import FlowPoint, GuardDecision
from safecase.workflow._project import Project
from safecase.workflow.guard.build import workspace_guard


def inspect_text(project: Project, text: str, point: FlowPoint) -> GuardDecision:
    """What the guard decides about ``text`` at one point of the flow.

    Raises InputError where the point takes no text, or where the workspace declares no guard.
    """
    if point is FlowPoint.TOOL_CALL:
        raise InputError("a tool call is no text", hint="try it from Python: Guard.check_tool_call")
    return workspace_guard(project).inspect(Content(point, text))
