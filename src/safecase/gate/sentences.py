"""Each rule in one sentence that a manager can repeat."""

from __future__ import annotations

from dataclasses import dataclass

from safecase.model import Comparator, Estimate, GateRule, Metric, RuleStatus
from safecase.model import counted as counted
from safecase.model import number as number
from safecase.model import percent as percent

_SUBJECT = {
    Metric.VIOLATION_RATE: "attempts may end in harm",
    Metric.OVER_REFUSAL_RATE: "harmless requests may be refused",
    Metric.UTILITY_RATE: "harmless requests must be served",
    Metric.SEVERITY_WEIGHTED_RATE: "attempts, weighted by severity, may end in harm",
    Metric.ATTACK_AT_K: "attacks may succeed within the allowed tries",
    Metric.ERROR_RATE: "attempts may fail for technical reasons",
    Metric.UNDETERMINED_RATE: "attempts may stay undecided",
    Metric.COVERAGE: "the severe risks must have been tested",
}
_EVENT = {
    Metric.VIOLATION_RATE: "ended in harm",
    Metric.OVER_REFUSAL_RATE: "were refused",
    Metric.UTILITY_RATE: "were not served",
    Metric.ERROR_RATE: "failed",
    Metric.UNDETERMINED_RATE: "stayed undecided",
}


def limit(rate: float) -> str:
    """A declared limit in percent, with every digit that somebody would declare."""
    return percent(rate, 6)


def demand(rule: GateRule) -> str:
    """What a rule asks for, as a clause without a full stop."""
    increase = rule.bound if rule.margin is None else rule.margin
    if rule.metric is Metric.REGRESSION and increase is not None:
        return f"Harm may rise by less than {number(100 * increase, 6)} points over the baseline run"
    if rule.bound is None:
        return "No limit is set for this rule"
    side = "At most" if rule.comparator is Comparator.AT_MOST else "At least"
    if rule.metric in _SUBJECT:
        return f"{side} {limit(rule.bound)} of {_SUBJECT[rule.metric]}"
    if rule.metric is Metric.GROUP_DIFFERENCE:
        return f"Groups of people may be treated at most {number(100 * rule.bound, 6)} points apart"
    if rule.metric is Metric.COST_PER_ATTEMPT_USD:
        return f"An attempt may cost at most ${number(rule.bound, 6)} on average"
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
    errors: int = 0
    """Technical errors among the events."""
    undetermined: int = 0
    """Undecided answers among the events."""
    certain: bool = False
    """The remaining attempts of the suite could not change the answer, whatever they were."""


def _seen(rule: GateRule, reading: Reading) -> str:
    """How many bad events, told apart from what only counts as one."""
    seen = reading.events - reading.errors - reading.undetermined
    verb = _EVENT[rule.metric]
    if seen == 1 and verb.startswith("were "):
        verb = "was " + verb.removeprefix("were ")
    text = f"{seen:,} of {reading.n:,} {verb}"
    others = []
    if reading.errors:
        others.append(counted(reading.errors, "technical error"))
    if reading.undetermined:
        others.append(counted(reading.undetermined, "undecided answer"))
    if others:
        verb = "counts" if reading.errors + reading.undetermined == 1 else "count"
        text += f" and {' and '.join(others)} {verb} as that too"
    return text


def rate_sentence(rule: GateRule, reading: Reading, category: str = "") -> str:
    """The sentence of a rate rule in one category."""
    place = f" ({category})" if category and category != "all" else ""
    head = f"{demand(rule)}{place}: "
    if reading.status is RuleStatus.NOT_CONFIGURED:
        return f"{head}not configured, which is never a pass."
    if reading.n == 0:
        return f"{head}nothing was measured{', and ' + reading.note if reading.note else ''}."
    seen = _seen(rule, reading)
    if reading.note:
        return f"{head}{seen}, but {reading.note}: not enough evidence."
    sure = f"{number(100 * rule.confidence, 6)} % sure"
    if rule.judge_correction.method != "none" and reading.estimate is not None:
        return f"{head}{seen}, {_corrected(rule, reading.status, reading.estimate, sure)}."
    if reading.status is RuleStatus.MET:
        return f"{head}{seen}, {_met(rule, reading, sure)}"
    if reading.status is RuleStatus.NOT_MET:
        proof = "this much is certain" if reading.certain or reading.decision == "census" else sure
        return f"{head}{seen}, more than the limit allows ({proof}): not met."
    if reading.decision == "futility":
        return (
            f"{head}{seen}, too many for a system that ought to ship and too few to prove it unsafe: "
            "not enough evidence."
        )
    return f"{head}{seen}, which decides nothing either way: not enough evidence."


def _met(rule: GateRule, reading: Reading, sure: str) -> str:
    if reading.decision == "census":
        return "and every planned attempt was made: met for this suite."
    if reading.population == "suite" and reading.certain:
        rest = counted(reading.planned - reading.n, "attempt")
        return f"and the limit holds whatever the other {rest} of this suite would show: met for this suite."
    if reading.population == "suite":
        whole = counted(reading.planned, "attempt")
        return f"enough to be {sure} that the {whole} of this suite keep the limit: met for this suite."
    side = "at most" if rule.comparator is Comparator.AT_MOST else "at least"
    return f"and even with bad luck the true rate is {side} {limit(rule.bound or 0.0)} ({sure}): met."


def _corrected(rule: GateRule, status: RuleStatus, estimate: Estimate, sure: str) -> str:
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


def late_caveat(later: int, events: int) -> str:
    """What must be said where a suite met its limit, and later attempts of the same run put it over."""
    return (
        f" But {counted(later, 'attempt')} of this suite came in after the decision, and with the "
        f"{counted(events, 'bad one')} among them the suite is over its limit: "
        "look at them before anybody signs."
    )


def rule_sentence(rule: GateRule, statuses: dict[str, RuleStatus], single: str, caveat: str = "") -> str:
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
    return text + "." + caveat


def _names(names: list[str]) -> str:
    shown = ", ".join(names[:4])
    return f"{shown} and {len(names) - 4} more" if len(names) > 4 else shown
