"""Which cases a run takes: the open pool to develop on, the sealed one to certify."""

from __future__ import annotations

from collections.abc import Sequence

from safecase.base import InputError, InsufficientEvidenceError
from safecase.model import Case, Gate, RunPurpose, counted, percent
from safecase.workflow.pools._state import PoolState, RuleTries
from safecase.workspace import declares_pools

ROTATE = (
    "open the worn families (`safecase open --all`), add new sealed ones and name a new system.release_line"
)
"""How a worn pool is replaced."""


def pool_cases(state: PoolState, gates: Sequence[Gate], purpose: RunPurpose) -> tuple[Case, ...]:
    """The cases of ``state`` that a run of this purpose takes.

    A certification takes the sealed families alone. Any other run takes the open pool where the workspace
    declares pools, and everything where it does not. Raises InputError where the open pool is empty, and
    InsufficientEvidenceError where the sealed families cannot carry the next try.
    """
    if purpose is RunPurpose.CERTIFICATION:
        require_sealed(state, state.rule_tries(gates))
        return state.members()
    if not declares_pools(state.project.workspace):
        return state.cases
    if not state.open_cases:
        raise InputError(
            "no family of these cases is open, and a run that shows its results takes open ones alone",
            hint="raise the share under pools:, open families (`safecase open`), or `safecase certify`",
        )
    return state.open_cases


def require_sealed(state: PoolState, rules: tuple[RuleTries, ...]) -> None:
    """Raises where a certification could show nothing."""
    if not state.sealed_cases:
        raise InsufficientEvidenceError(
            "no family is sealed: somebody has seen the results of all of them",
            hint="add new families, or declare pools: before the first run",
        )
    worn = [item for item in rules if item.binding and item.worn_out]
    if worn:
        raise InsufficientEvidenceError(worn_out_message(worn[0]), hint=ROTATE)


def worn_out_message(rule: RuleTries) -> str:
    """Which rule the sealed families cannot carry any more, and by how much."""
    least = min(rule.slices, key=lambda item: item.sealed)
    where = "" if least.category == "all" else f" ({least.category})"
    return (
        f"the sealed pool is worn out for rule {rule.rule}{where}: try {rule.next_try} of the line takes "
        f"{counted(least.needed, 'family', 'families')} at {percent(rule.bound)} and "
        f"{least.sealed} are sealed"
    )
