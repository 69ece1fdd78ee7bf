"""What can be plugged in, by name, and where each comes from."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Protocol, runtime_checkable

from safecase.attacks import CONVERTERS
from safecase.base import InputError, PluginTable, Record
from safecase.evidence import METHODS
from safecase.guard import CHECKS, check_configuration, is_guard_control
from safecase.model import METRICS
from safecase.scorers import SCORERS
from safecase.targets import TARGETS, CodeReference
from safecase.workflow._project import Project

_TABLES: tuple[PluginTable[Any], ...] = (SCORERS, CHECKS, TARGETS, CONVERTERS, METRICS, METHODS)


class PluginRow(Record):
    """One thing that a workspace can name."""

    kind: str
    """scorer, check, target, converter, metric, or metric_method: how the verifier recomputes a metric."""
    name: str
    version: str
    """Empty where each one built has a version of its own."""
    origin: str
    """``built in``, the distribution and its version, or the workspace's file."""
    problem: str = ""
    """Why it cannot be used; empty where it can."""


@runtime_checkable
class _Versioned(Protocol):
    @property
    def version(self) -> str: ...


def list_plugins(workspace: Path | None = None) -> tuple[list[PluginRow], list[str]]:
    """Every scorer, check, target, converter and metric, and what was passed over because its name was taken.

    A metric has two rows, its own and that of the verifier's method. ``workspace``: its scorers and checks
    are listed too, without running their code. What does not load has its reason beside it; nothing that a
    package does is raised.
    """
    rows = [row for table in _TABLES for row in _rows(table)]
    if workspace is not None:
        rows += _own(Project.open(workspace, look_only=True))
    passed_over = [sentence for table in _TABLES for sentence in table.passed_over()]
    return rows, passed_over


def _rows(table: PluginTable[Any]) -> Iterator[PluginRow]:
    """The rows of one kind of plugin; one that does not load is a row with its problem."""
    kind = table.group.rpartition(".")[2]
    for name in table.names():
        version = problem = ""
        try:
            item = table.get(name)
        except InputError as error:
            problem = error.message
        else:
            version = item.version if isinstance(item, _Versioned) else ""
        yield PluginRow(
            kind=kind, name=name, version=version, origin=str(table.origin(name)), problem=problem
        )


def _own(project: Project) -> Iterator[PluginRow]:
    """The rows of what the workspace brings itself."""
    workspace = project.workspace
    declared = [("scorer", item.id, item.python) for item in workspace.scorers]
    for control in workspace.controls:
        if is_guard_control(control):
            declared.append(("check", control.id, check_configuration(control).python))
    for kind, name, reference in declared:
        if reference is None:
            continue
        code = CodeReference.parse(reference, workspace.root, what=f"{kind} '{name}'")
        problem = version = origin = ""
        try:
            origin = code.require_file().relative_to(workspace.root.resolve()).as_posix()
            version = code.version()
        except InputError as error:
            origin, problem = reference, error.message
        yield PluginRow(kind=kind, name=name, version=version, origin=origin, problem=problem)
