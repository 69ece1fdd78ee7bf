"""How many attempts may stay without an answer before a rule can conclude nothing."""

from __future__ import annotations

from safecase.model import METRICS, GateRule, OutcomeKind, counted, percent


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
