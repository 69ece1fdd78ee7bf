"""What is wrong with a workspace's pools, as findings of `check`."""

from __future__ import annotations

from collections.abc import Iterator

from safecase.base import Problem, ProblemLevel
from safecase.model import counted, percent
from safecase.stats import Interval
from safecase.workflow.pools._choice import ROTATE, worn_out_message
from safecase.workflow.pools._gap import growing_gap, pool_rates
from safecase.workflow.pools._state import PoolReport, PoolState
from safecase.workspace import sealed_near_open

_NAMED = 4
"""Families that a finding names; more are counted."""
_PUBLIC_SHARE = 0.5
"""Share of the sealed families that anybody can read elsewhere, above which that is worth a warning: a model
may have been trained on them. Chosen, not derived."""


def pool_findings(state: PoolState, report: PoolReport) -> Iterator[Problem]:
    """Worn out, public, too near to what is open, or drifted apart."""
    place = state.project.workspace.position("system", state.project.workspace.system.id)
    used = report.declared or bool(state.shown)
    for rule in report.rules:
        # Before anybody looked, too few families is told as what it is: a rule that its suites cannot carry.
        if rule.binding and rule.worn_out and used:
            yield Problem(
                code="pool-worn-out",
                level=ProblemLevel.WARNING,
                message=worn_out_message(rule),
                position=state.project.workspace.position("rule", f"{rule.gate}/{rule.rule}"),
                hint=ROTATE,
                requirement="ANT-06",
            )
    sealed = {case.family for case in state.sealed_cases}
    public = sealed & state.project.workspace.public_families
    if report.declared and sealed and len(public) > _PUBLIC_SHARE * len(sealed):
        yield Problem(
            code="pool-public",
            level=ProblemLevel.WARNING,
            message=f"{len(public)} of {counted(len(sealed), 'sealed family', 'sealed families')} can be "
            "read elsewhere: built-in suites, public data sets",
            position=place,
            hint="seal families of your own, and keep public ones open (pool: open)",
            requirement="ANT-03",
        )
    near = sealed_near_open(state.cases, state.open_families) if used else ()
    if near:
        shown = ", ".join(near[:_NAMED]) + (f" and {len(near) - _NAMED} more" if len(near) > _NAMED else "")
        verb = "repeats" if len(near) == 1 else "repeat"
        yield Problem(
            code="sealed-near-open",
            level=ProblemLevel.WARNING,
            message=f"{counted(len(near), 'sealed family', 'sealed families')} nearly {verb} an open one: "
            f"{shown}",
            position=place,
            hint="who mends the open one mends it too: give it the open one's family, or write another case",
            requirement="ANT-06",
        )
    gap = growing_gap(pool_rates(state.project, state.history))
    if gap is not None:
        yield _gap_finding(*gap)


def _gap_finding(shown: Interval, hidden: Interval) -> Problem:
    return Problem(
        code="pools-apart",
        level=ProblemLevel.WARNING,
        message=f"what nobody had seen fails at {percent(hidden.value)} (at least {percent(hidden.lower)}), "
        f"what was worked on at {percent(shown.value)} (at most {percent(shown.upper)}), and the gap grows",
        hint="the system was fitted to its open cases: mend kinds of failure, not cases",
        requirement="ANT-06",
    )
