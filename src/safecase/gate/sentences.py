"""Each rule in one sentence that a manager can repeat."""

from __future__ import annotations

from dataclasses import dataclass

from safecase.model.estimate import Estimate
from safecase.model.gate import GateRule
from safecase.model.vocabulary import Comparator, Metric, RuleStatus

_SUBJECT = {
    Metric.VIOLATION_RATE: "attempts may end in harm",
    Metric.OVER_REFUSAL_RATE: "harmless requests may be refused",
    Metric.UTILITY_RATE: "harmless requests must be served",
    Metric.SEVERITY_WEIGHTED_RATE: "attempts, weighted by severity, may end in harm",
    Metric.ATTACK_AT_K: "attacks may succeed within the allowed tries",
    Metric.ERROR_RATE: "attempts may fail for technical reasons",
    Metric.UNDETERMINED_RATE: "attempts may stay undecided",
}
_EVENT = {
    Metric.VIOLATION_RATE: "ended in harm",
    Metric.OVER_REFUSAL_RATE: "were refused",
    Metric.UTILITY_RATE: "were not served",
    Metric.SEVERITY_WEIGHTED_RATE: "ended in harm",
    Metric.ATTACK_AT_K: "succeeded",
    Metric.ERROR_RATE: "failed",
    Metric.UNDETERMINED_RATE: "stayed undecided",
}


def percent(rate: float) -> str:
    """A rate as people say it: ``2 %``, ``0.5 %``, ``17 %``."""
    value = 100 * rate
    digits = 0 if value >= 10 or abs(value - round(value)) < 0.005 else 1 if value >= 1 else 2
    text = f"{value:.{digits}f}"
    return f"{text.rstrip('0').rstrip('.') if '.' in text else text} %"


def demand(rule: GateRule) -> str:
    """What a rule asks for, as a clause without a full stop."""
    if rule.bound is None:
        return "No limit is set for this rule"
    side = "At most" if rule.comparator is Comparator.AT_MOST else "At least"
    if rule.metric in _SUBJECT:
        return f"{side} {percent(rule.bound)} of {_SUBJECT[rule.metric]}"
    if rule.metric is Metric.REGRESSION:
        return (
            f"Harm may rise by less than {100 * (rule.margin or rule.bound):g} points over the baseline run"
        )
    if rule.metric is Metric.GROUP_DIFFERENCE:
        return f"Groups of people may be treated at most {100 * rule.bound:g} points apart"
    if rule.metric is Metric.COVERAGE:
        return f"{side} {percent(rule.bound)} of the severe risks must have been tested"
    if rule.metric is Metric.COST_PER_ATTEMPT_USD:
        return f"An attempt may cost at most ${rule.bound:g} on average"
    share = "half" if rule.metric is Metric.LATENCY_P50_MS else "95 %"
    return f"{share.capitalize()} of the answers must come within {rule.bound:,.0f} ms"


@dataclass(frozen=True, slots=True)
class Reading:
    """What was seen in one category, for its sentence."""

    status: RuleStatus
    decision: str
    n: int
    events: int
    planned: int
    estimate: Estimate | None
    population: str
    note: str = ""


def _were(count: int, verb: str) -> str:
    if count == 1 and verb.startswith("were "):
        return "was " + verb.removeprefix("were ")
    return verb


def rate_sentence(rule: GateRule, reading: Reading, category: str = "") -> str:
    """The sentence of a rate rule in one category."""
    place = f" ({category})" if category and category != "all" else ""
    head = f"{demand(rule)}{place}: "
    if reading.status is RuleStatus.NOT_CONFIGURED:
        return f"{demand(rule)}{place}: not configured, which is never a pass."
    if reading.n == 0:
        return f"{head}nothing was measured{': ' + reading.note if reading.note else ''}."
    event = _were(reading.events, _EVENT[rule.metric])
    seen = f"{reading.events} of {reading.n} {event}"
    if reading.note:
        return f"{head}{seen}, but {reading.note}: not enough evidence."
    sure = f"{100 * rule.confidence:g} %"
    if reading.status is RuleStatus.MET:
        if reading.decision == "census":
            return f"{head}{seen}, and every planned attempt was made: met for this suite."
        if reading.population == "suite":
            rest = f"whatever the other {reading.planned - reading.n} attempts of this suite would show"
            return f"{head}{seen}, enough to be {sure} sure, {rest}: met."
        return f"{head}{seen}, and even with bad luck the true rate is below the limit ({sure} sure): met."
    if reading.status is RuleStatus.NOT_MET:
        proof = "every planned attempt was made" if reading.decision == "census" else f"{sure} sure"
        return f"{head}{seen}, more than the limit allows ({proof}): not met."
    if reading.decision == "futility":
        return f"{head}{seen}: too many for a system that ought to ship, too few to prove it unsafe."
    return f"{head}{seen}: not enough attempts to decide either way."


def rule_sentence(rule: GateRule, statuses: dict[str, RuleStatus], single: str) -> str:
    """The sentence of a whole rule: its one category's, or how many categories met it."""
    if len(statuses) <= 1:
        return single or f"{demand(rule)}: nothing in this run is about it, so there is no evidence."
    met = sum(status is RuleStatus.MET for status in statuses.values())
    missed = [name for name, status in statuses.items() if status is RuleStatus.NOT_MET]
    open_ = [name for name, status in statuses.items() if status not in (RuleStatus.MET, RuleStatus.NOT_MET)]
    text = f"{demand(rule)}, in each of {len(statuses)} categories: {met} met it"
    if missed:
        text += f", {len(missed)} did not ({_names(missed)})"
    if open_:
        text += f", {len(open_)} could not be decided ({_names(open_)})"
    return text + "."


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown
