"""Public taxonomies: which there are, newer editions of them, and which techniques the cases reach."""

from __future__ import annotations

from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

from safecase.base import InputError, Record
from safecase.catalog import import_release
from safecase.engine import RunFolder
from safecase.gate import HELD, VIOLATED
from safecase.interop import navigator_layer
from safecase.model import Case, counted
from safecase.workflow._project import Project
from safecase.workflow.pools._sealing import require_opened
from safecase.workspace import CATALOGS, workspace_catalogs

_WORST_FIRST = ("failed", "passed", "tested", "untested")


class CatalogLine(Record):
    """One edition of a taxonomy and how much of what is in it."""

    framework: str
    version: str
    counts: dict[str, int]
    """Kind of entry, as people count it → how many."""


def list_catalogs(workspace: Path) -> tuple[CatalogLine, ...]:
    """The taxonomies that ship and those of the workspace; raises CatalogError for one that does not read."""
    store = workspace_catalogs(workspace)
    return tuple(
        CatalogLine(framework=name, version=version, counts=store.load(name, version).counts())
        for name, version in store.available()
    )


def update_catalog(official: Path, workspace: Path) -> Path:
    """Read an official file or folder into the workspace's own catalogs; returns the file that was written.

    Raises InputError where there is no such file or workspace, CatalogError where it does not read.
    """
    if not official.exists():
        raise InputError("there is no such file or folder", where=str(official))
    if not (workspace / "safecase.yaml").is_file():
        raise InputError("this is no workspace", where=str(workspace), hint="safecase init makes one")
    return import_release(official, workspace / CATALOGS)


def atlas_layer(project: Project, folder: RunFolder | None, version: str = "") -> dict[str, Any]:
    """The layer as JSON: techniques that cases or risks name, as failed, passed, tested (nothing could be
    told) or untested. Raises InputError where nothing in the workspace names a technique of that version."""
    catalog = workspace_catalogs(project.workspace.root).load("atlas", version or None)
    if folder is not None:
        require_opened(project.history(), folder, "a layer")
    told = _by_case(folder) if folder else {}
    found: dict[str, set[str]] = defaultdict(set)
    cases: dict[str, int] = defaultdict(int)
    named: list[tuple[Case | None, Any]] = [
        (case, item) for suite in project.workspace.suites for case in suite.cases for item in case.taxonomy
    ]
    named += [(None, item) for risk in project.workspace.risks for item in risk.taxonomy]
    for case, item in named:
        entry = catalog.get(item.id) if item.framework == "atlas" else None
        if entry is None or entry.kind not in ("technique", "subtechnique"):
            continue
        found[entry.id].add(told.get(case.id, "untested") if case is not None else "untested")
        cases[entry.id] += case is not None
    if not found:
        raise InputError(f"no case and no risk names a technique of ATLAS {catalog.version}")
    run = f"run {folder.manifest.run_id}" if folder else "no run"
    return navigator_layer(
        catalog,
        {name: next(item for item in _WORST_FIRST if item in seen) for name, seen in found.items()},
        name=f"{project.workspace.system.title}: threat coverage",
        description=f"Made by safecase from the workspace's cases and {run}.",
        comments={name: counted(count, "case") for name, count in cases.items()},
    )


def count_statuses(layer: dict[str, Any]) -> dict[str, int]:
    """Status → techniques of a layer that have it, in the order of the words."""
    return dict(sorted(Counter(str(cell["metadata"][0]["value"]) for cell in layer["techniques"]).items()))


def _by_case(folder: RunFolder) -> dict[str, str]:
    """Case id → how it fared: failed where one attempt was violated."""
    columns, cases = folder.columns(), folder.cases()
    fared: dict[str, str] = {}
    for index, outcome in zip(columns.case_index.tolist(), columns.outcome.tolist(), strict=True):
        status = "failed" if outcome == VIOLATED else "passed" if outcome == HELD else "tested"
        name = cases[index].id
        before = fared.get(name, status)
        fared[name] = min(before, status, key=_WORST_FIRST.index)
    return fared
