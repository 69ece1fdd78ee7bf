"""The lock file: which content of each data set and suite was meant."""

from __future__ import annotations

import os
from pathlib import Path

import orjson
from pydantic import ValidationError

from safecase.base import (
    InfrastructureError,
    InputError,
    Problem,
    ProblemLevel,
    Record,
    SourcePosition,
    WorkspaceError,
)
from safecase.workspace.contents import Workspace

LOCK_NAME = "safecase.lock"


class LockedDataset(Record):
    """One data set as it was when it was locked."""

    path: str
    digest: str
    rows: int


class Lock(Record):
    """The content that a workspace was locked to."""

    schema_version: int = 1
    datasets: dict[str, LockedDataset] = {}
    suites: dict[str, str] = {}
    """Suite id → version."""


def current_lock(workspace: Workspace) -> Lock:
    """The lock that the workspace's present content makes."""
    return Lock(
        datasets={
            name: LockedDataset(path=path, digest=digest, rows=rows)
            for name, (path, digest, rows) in sorted(workspace.data_digests.items())
        },
        suites={suite.id: suite.version for suite in sorted(workspace.suites, key=lambda item: item.id)},
    )


def read_lock(root: Path) -> Lock | None:
    """The lock file of a workspace, None where there is none; raises InputError where it does not read."""
    path = root / LOCK_NAME
    if not path.exists():
        return None
    try:
        return Lock.model_validate(orjson.loads(path.read_bytes()))
    except (OSError, orjson.JSONDecodeError, ValidationError) as error:
        raise InputError(
            "the lock file does not read", where=str(path), hint="safecase check --update-lock writes it anew"
        ) from error


def write_lock(workspace: Workspace) -> Path:
    """Lock the workspace to its present content, in one step."""
    path = workspace.root / LOCK_NAME
    data = orjson.dumps(
        current_lock(workspace).model_dump(),
        option=orjson.OPT_INDENT_2 | orjson.OPT_SORT_KEYS | orjson.OPT_APPEND_NEWLINE,
    )
    temporary = path.with_suffix(".part")
    try:
        temporary.write_bytes(data)
        os.replace(temporary, path)
    except OSError as error:
        raise InfrastructureError(f"cannot write the lock: {error.strerror}", where=str(path)) from error
    return path


def require_lock(workspace: Workspace) -> None:
    """Raise WorkspaceError where the workspace's data are not those that were locked.

    Whatever makes or judges evidence asks here, so that no command is the one that forgot to. A workspace
    without a lock file passes: nobody said what was meant.
    """
    broken = [item for item in compare_lock(workspace) if item.level is ProblemLevel.ERROR]
    if broken:
        raise WorkspaceError(broken)


def compare_lock(workspace: Workspace) -> tuple[Problem, ...]:
    """Where data differ from what was locked, or are gone: an error, so that another name is no way around.

    A changed suite is a new version, and a data set that came later is new: notes.
    """
    lock = read_lock(workspace.root)
    if lock is None:
        return ()
    now = current_lock(workspace)
    problems = []
    for name in sorted({*lock.datasets, *now.datasets}):
        locked, present = lock.datasets.get(name), now.datasets.get(name)
        if present is None:
            what = "was locked, and the workspace has no such data set"
        elif locked is None:
            words = f"data set '{name}' ({present.path}) is not in the lock"
            problems.append(_problem("lock-data", ProblemLevel.NOTE, words))
            continue
        elif locked.digest != present.digest:
            what = (
                f"({present.path}) is not the one that was locked: {locked.rows} rows then, "
                f"{present.rows} now"
            )
        else:
            continue
        problems.append(_problem("lock-data", ProblemLevel.ERROR, f"data set '{name}' {what}"))
    for name, version in lock.suites.items():
        present_version = now.suites.get(name)
        if present_version is not None and present_version != version:
            words = f"suite '{name}' has a new version since it was locked"
            problems.append(_problem("lock-suite", ProblemLevel.NOTE, words))
    return tuple(problems)


def _problem(code: str, level: ProblemLevel, message: str) -> Problem:
    return Problem(
        code=code,
        level=level,
        message=message,
        position=SourcePosition(file=LOCK_NAME),
        hint="if the change is meant: safecase check --update-lock",
        requirement="EVL-01",
    )
