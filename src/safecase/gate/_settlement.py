"""What every rule's answer must stand up to, whatever its metric: budgets, minima, and all attempts made.

A test decides along the beginning of a stream. What it says is not yet the answer: the share of attempts
without an answer is judged on all that were made, not on the few of the decision; and what violations alone
prove needs no budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safecase.gate.outcomes import ERROR, MISSING, UNDETERMINED
from safecase.gate.rule_slices import RuleSlice
from safecase.model import METRICS, GateRule, OutcomeKind, RuleStatus, counted, percent

CONTRADICTED = "contradicted"
"""The decision of a slice whose limit was met, until attempts of the same run that came in later said
otherwise."""


@dataclass(frozen=True, slots=True)
class Tally:
    """The attempts made on the units of a slice, gaps or not."""

    made: int
    errors: int
    undetermined: int

    @classmethod
    def of(cls, codes: NDArray[np.int8]) -> Tally:
        """The tally of outcome codes, those of attempts that were not made left aside."""
        made = int((codes != MISSING).sum())
        return cls(made, int((codes == ERROR).sum()), int((codes == UNDETERMINED).sum()))

    @classmethod
    def of_slice(cls, rule_slice: RuleSlice, by_draw: NDArray[np.int8]) -> Tally:
        """The tally of all attempts made on a slice's units."""
        return cls.of(by_draw[rule_slice.draws])


def budget_note(rule: GateRule, attempts: int, errors: int, undetermined: int) -> str:
    """Why too many attempts stayed without an answer for any conclusion; empty where they did not.

    A metric that counts the errors, or the undecided answers, has its own limit for them; one that rests on
    no scorer needs no decided answer."""
    if not attempts:
        return ""
    counts = METRICS.get(rule.metric).counts
    if counts is not OutcomeKind.ERROR and errors / attempts > rule.error_budget:
        made, allowed = counted(attempts, "attempt"), percent(rule.error_budget, 6)
        return f"{errors:,} of {made} ended in a technical error and only {allowed} may"
    judged = METRICS.get(rule.metric).judged
    if (
        judged
        and counts is not OutcomeKind.UNDETERMINED
        and undetermined / attempts > rule.undetermined_budget
    ):
        made, allowed = counted(attempts, "attempt"), percent(rule.undetermined_budget, 6)
        return f"the scorer could not tell in {undetermined:,} of {made}, and only {allowed} may"
    return ""


def shortfall(rule: GateRule, tally: Tally) -> str:
    """Why these attempts let a rule conclude nothing, whatever they show; empty where they do not."""
    note = budget_note(rule, tally.made, tally.errors, tally.undetermined)
    if not note and tally.made < rule.minimum_n:
        note = f"the rule asks for at least {counted(rule.minimum_n, 'attempt')}"
    return note


def settle(
    rule: GateRule, status: RuleStatus, tally: Tally, *, proven: bool = False
) -> tuple[RuleStatus, str]:
    """The status that stands, and why it is another one than ``status``.

    ``proven``: violations alone prove the limit to be exceeded. Whatever the attempts without an answer would
    have been, that stands, so that nobody can hide harm behind errors.
    """
    if proven:
        return RuleStatus.NOT_MET, ""
    note = "" if status is RuleStatus.NOT_CONFIGURED else shortfall(rule, tally)
    return (RuleStatus.INSUFFICIENT, note) if note else (status, "")


def contradiction_note(later: int) -> str:
    """Why a limit that was met is so no more: ``later`` attempts came in after the decision."""
    return f"with the {counted(later, 'attempt')} that came in after the decision the rate is over the limit"
