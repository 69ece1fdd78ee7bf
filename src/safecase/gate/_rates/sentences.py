"""What a rate showed, in one sentence that a manager can repeat."""

from __future__ import annotations

from dataclasses import dataclass

from safecase.gate._wording import NOT_CONFIGURED, exact_percent, place_of
from safecase.gate.metrics._rate import RateMetric
from safecase.model import Comparator, Estimate, GateRule, RuleStatus, counted, number, percent


@dataclass(frozen=True, slots=True)
class RateSeen:
    """What was seen in one slice, for its sentence."""

    status: RuleStatus
    decision: str
    n: int
    events: int
    planned: int
    estimate: Estimate | None
    population: str
    note: str = ""
    errors: int = 0
    """Technical errors among the events."""
    undetermined: int = 0
    """Undecided answers among the events."""
    certain: bool = False
    """The remaining attempts of the suite could not change the answer, whatever they were."""


def _seen(metric: RateMetric, seen: RateSeen) -> str:
    """How many bad events, told apart from what only counts as one."""
    plain = seen.events - seen.errors - seen.undetermined
    verb = metric.event
    if plain == 1 and verb.startswith("were "):
        verb = "was " + verb.removeprefix("were ")
    text = f"{plain:,} of {seen.n:,} {verb}"
    others = []
    if seen.errors:
        others.append(counted(seen.errors, "technical error"))
    if seen.undetermined:
        others.append(counted(seen.undetermined, "undecided answer"))
    if others:
        verb = "counts" if seen.errors + seen.undetermined == 1 else "count"
        text += f" and {' and '.join(others)} {verb} as that too"
    return text


def rate_sentence(metric: RateMetric, rule: GateRule, seen: RateSeen, slice_name: str = "") -> str:
    """The sentence of a rate rule in one slice."""
    head = f"{metric.demand(rule)}{place_of(slice_name)}: "
    if seen.status is RuleStatus.NOT_CONFIGURED:
        return f"{head}{NOT_CONFIGURED}."
    if seen.n == 0:
        return f"{head}nothing was measured{', and ' + seen.note if seen.note else ''}."
    told = _seen(metric, seen)
    if seen.note:
        return f"{head}{told}, but {seen.note}: not enough evidence."
    sure = f"{number(100 * rule.confidence, 6)} % sure"
    if rule.judge_correction.method != "none" and seen.estimate is not None:
        return f"{head}{told}, {_corrected(rule, seen.status, seen.estimate, sure)}."
    if seen.status is RuleStatus.MET:
        return f"{head}{told}, {_met(rule, seen, sure)}"
    if seen.status is RuleStatus.NOT_MET:
        proof = "this much is certain" if seen.certain or seen.decision == "census" else sure
        return f"{head}{told}, more than the limit allows ({proof}): not met."
    if seen.decision == "futility":
        return (
            f"{head}{told}, too many for a system that ought to ship and too few to prove it unsafe: "
            "not enough evidence."
        )
    return f"{head}{told}, which decides nothing either way: not enough evidence."


def _met(rule: GateRule, seen: RateSeen, sure: str) -> str:
    """The end of a sentence about a rule that is met: by a census, whatever else comes, or by statistics."""
    if seen.decision == "census":
        return "and every planned attempt was made: met for this suite."
    if seen.population == "suite" and seen.certain:
        rest = counted(seen.planned - seen.n, "attempt")
        return f"and the limit holds whatever the other {rest} of this suite would show: met for this suite."
    if seen.population == "suite":
        whole = counted(seen.planned, "attempt")
        return f"enough to be {sure} that the {whole} of this suite keep the limit: met for this suite."
    side = "at most" if rule.comparator is Comparator.AT_MOST else "at least"
    return f"and even with bad luck the true rate is {side} {exact_percent(rule.bound or 0.0)} ({sure}): met."


def _corrected(rule: GateRule, status: RuleStatus, estimate: Estimate, sure: str) -> str:
    """The end of a sentence about a corrected rate, with the assumption that it rests on."""
    ending = {RuleStatus.MET: "met", RuleStatus.NOT_MET: "not met"}.get(status, "not enough evidence")
    assumption = rule.judge_correction.assumption.strip().rstrip(".")
    basis = assumption or "the scorer errs on this system as often as on its card"
    between = f"between {percent(estimate.lower)} and {percent(estimate.upper)}"
    if rule.judge_correction.method == "two_phase":
        granted = f", assuming that {assumption}" if assumption else ""
        return f"which is {between} by what people say of a sample of them ({sure}{granted}): {ending}"
    return (
        f"which is {between} once the scorer's errors are counted ({sure}, assuming that {basis}): {ending}"
    )
