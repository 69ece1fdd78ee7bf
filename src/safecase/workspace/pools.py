"""How a workspace's families are divided into an open and a sealed pool, and how far apart the two are."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

from safecase.model import Case, PoolName
from safecase.workspace._near_duplicates import cases_near
from safecase.workspace.contents import Workspace

_STEPS = 2**64


def declares_pools(workspace: Workspace) -> bool:
    """Whether the workspace divides its families at all; without, none is open until somebody has seen it."""
    return workspace.pools is not None or any(suite.pool is not None for suite in workspace.suites)


def declared_open(workspace: Workspace) -> frozenset[str]:
    """The families that are open from the start: those of open suites, and the declared share of the others.

    A family in two suites is open where one of them opens it.
    """
    share = workspace.pools.open if workspace.pools is not None else 0.0
    return frozenset(
        case.family
        for suite in workspace.suites
        for case in suite.cases
        if suite.pool is PoolName.OPEN or (suite.pool is None and _place(case.family) < share)
    )


def _place(family: str) -> float:
    """A number in [0, 1) that follows from a family's name alone, so that a new family moves no other."""
    text = f"safecase pool\0{family}".encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.sha256(text).digest()[:8], "big") / _STEPS


def sealed_near_open(cases: Sequence[Case], open_families: Collection[str]) -> tuple[str, ...]:
    """The sealed families of ``cases`` that nearly repeat an open one, in the order of their first case.

    Who mends the open one mends the sealed one with it, so that the sealed one decides nothing.
    """
    shown = [case for case in cases if case.family in open_families]
    hidden = [case for case in cases if case.family not in open_families]
    near = cases_near(hidden, shown) if shown else frozenset[str]()
    return tuple(dict.fromkeys(case.family for case in hidden if case.id in near))
