"""Where a workspace keeps what people decided."""

from __future__ import annotations

from pathlib import Path

from safecase.model import Decision
from safecase.records import LOG_NAME, read_decisions
from safecase.workflow._project import Project


def decision_log_path(project: Project) -> Path:
    """Where the workspace keeps its decisions."""
    return project.workspace.root / "records" / LOG_NAME


def decisions(project: Project) -> tuple[Decision, ...]:
    """Every decision of the workspace, oldest first; raises CheckFailed where the chain is broken."""
    return read_decisions(decision_log_path(project))
