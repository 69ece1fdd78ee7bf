"""Where a workspace keeps what people decided, and what that amounts to."""

from __future__ import annotations

from pathlib import Path

from safecase.model import DecisionEntry, Exceptions, PeopleEntry
from safecase.records import (
    LOG_NAME,
    check_anchored,
    people_changes,
    read_entries,
    rights_alone,
    standing,
)
from safecase.workflow._ledger import ledger_of
from safecase.workflow._project import Project

_RECORDS = "records"


def decision_log_path(project: Project) -> Path:
    """Where the workspace keeps its decisions."""
    return project.workspace.root / _RECORDS / LOG_NAME


def decision_entries(project: Project) -> tuple[DecisionEntry, ...]:
    """Every entry of the decision log, oldest first.

    Raises CheckFailed where the chain is broken or its end is not the one that the ledger names.
    """
    path = decision_log_path(project)
    entries = read_entries(path)
    check_anchored(entries, ledger_of(project).read().decision_heads, where=str(path))
    return entries


def exceptions_for(project: Project, entries: tuple[DecisionEntry, ...], gate: str, line: str) -> Exceptions:
    """What the decision in force on a gate and line grants, and what it is held against."""
    workspace = project.workspace
    return Exceptions(
        acceptances=standing(entries).acceptances(gate, line),
        controls=workspace.controls,
        policy=workspace.people.exceptions,
    )


def people_since(project: Project, entries: tuple[DecisionEntry, ...]) -> tuple[str, ...]:
    """What changed of keys, roles and rights since the log last recorded them."""
    known = [item.people for item in entries if isinstance(item, PeopleEntry)]
    return people_changes(known[-1], rights_alone(project.workspace.people)) if known else ()
