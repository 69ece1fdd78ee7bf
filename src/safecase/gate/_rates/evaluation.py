"""What the records say about a rate: the decision, the estimate, the sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safecase.engine import RunPlan
from safecase.gate._budgets import budget_note
from safecase.gate._proportion_test import StopDecision, allowed_events, make_test
from safecase.gate._rates.correction import Corrected, JudgedUnits, correct_rate
from safecase.gate._rates.limits import failure_bound, good_rate, impossible_note, opposite_rate
from safecase.gate._rates.sentences import RateSeen, late_caveat, rate_sentence
from safecase.gate.estimates import rate_estimate
from safecase.gate.metrics._metric import RunReading
from safecase.gate.metrics._rate import RateMetric
from safecase.gate.outcomes import ERROR, HELD, MISSING, UNDETERMINED, VIOLATED, made_prefix
from safecase.gate.rule_slices import RuleSlice
from safecase.model import (
    CategoryResult,
    Comparator,
    DrawOrder,
    Estimate,
    GateRule,
    OutcomeKind,
    RuleStatus,
    counted,
)
from safecase.stats import StatisticsError

_WORST_SHOWN = 5
"""Violated attempts that a result names: enough to look at, few enough to read."""
_NO_DECISION = ("open", "fixed")
"""Kinds of decision that did not cut the stream."""


def is_event(metric: RateMetric, rule: GateRule, code: int) -> bool | None:
    """Whether an outcome code is a bad event of the rule; None where the rule leaves it out."""
    if metric.counts is OutcomeKind.ERROR:
        return code == ERROR
    if metric.counts is OutcomeKind.UNDETERMINED:
        return code == UNDETERMINED
    if code in (UNDETERMINED, ERROR):
        return True if rule.errors_count_as == "violated" else None
    return code == VIOLATED


@dataclass(frozen=True)
class Stream:
    """The units of one slice that were made, up to the first that was not."""

    codes: NDArray[np.int8]
    draws: NDArray[np.int64]
    events: NDArray[np.bool_]
    """Bad events among the units that the rule counts."""
    counted: NDArray[np.bool_]
    size: int
    """Units planned, less those that the rule leaves out."""


def read_stream(
    metric: RateMetric, rule: GateRule, rule_slice: RuleSlice, by_draw: NDArray[np.int8]
) -> Stream:
    """The contiguous beginning of a slice's stream; a draw that is missing ends it."""
    codes = made_prefix(rule_slice.draws, by_draw)
    kept, bad = _tables(metric, rule)
    counts = kept[codes]
    left_out = int((~counts).sum())
    draws = rule_slice.draws[: len(codes)]
    return Stream(codes, draws, bad[codes][counts], counts, len(rule_slice.draws) - left_out)


def evaluate_rate(
    metric: RateMetric, rule: GateRule, rule_slice: RuleSlice, reading: RunReading
) -> CategoryResult:
    """What the records say about one slice of a rate rule."""
    plan, by_draw = reading.plan, reading.by_draw
    stream = read_stream(metric, rule, rule_slice, by_draw)
    bound = failure_bound(rule)
    corrected: Corrected | None = None
    if rule.judge_correction.method != "none":
        # Such an interval holds for a size that was fixed beforehand: no decision may cut the stream.
        decision, note = StopDecision("fixed", len(stream.events), int(stream.events.sum())), ""
    else:
        decision, note = _decide(rule, rule_slice, stream, plan, bound)
    # What came after the decision was in flight by chance of timing and must not move the numbers.
    used = _count_used(stream, decision)
    events = stream.events[: decision.n] if decision.kind not in _NO_DECISION else stream.events
    codes, draws = stream.codes[:used], stream.draws[:used]
    families = [plan.cases[plan.case_index[draw]].family for draw in draws[stream.counted[:used]]]
    early = decision.kind in ("ship", "futility", "block_proven") and decision.n < stream.size
    estimate = rate_estimate(events, families, confidence=rule.confidence, early=early)
    errors, undetermined = int((codes == ERROR).sum()), int((codes == UNDETERMINED).sum())
    status = _status(decision)
    if rule.judge_correction.method != "none" and estimate is not None and bound is not None:
        corrected = correct_rate(metric, rule, _judged(stream, plan, rule_slice), reading, bound)
        estimate, status, note = corrected.estimate, corrected.status, corrected.note
    # A correction has its own reason already; without a bound no budget matters.
    if not note and status is not RuleStatus.NOT_CONFIGURED:
        note = budget_note(rule, len(codes), errors, undetermined)
        if not note and len(events) < rule.minimum_n:
            note = f"the rule asks for at least {counted(rule.minimum_n, 'attempt')}"
    if bound is None:
        status = RuleStatus.NOT_CONFIGURED
    elif note:
        status = RuleStatus.INSUFFICIENT
    if rule.comparator is Comparator.AT_LEAST:
        estimate = _opposite(estimate)
    kept = codes[stream.counted[:used]]
    # Where errors or undecided answers are what is counted, they are no addition to it.
    plain = metric.counts is not OutcomeKind.VIOLATED
    seen = RateSeen(
        status,
        decision.kind,
        len(events),
        int(events.sum()),
        stream.size,
        estimate,
        rule.population,
        note,
        errors=0 if plain else int((kept == ERROR).sum()),
        undetermined=0 if plain else int((kept == UNDETERMINED).sum()),
        certain=decision.certain,
    )
    sentence = rate_sentence(metric, rule, seen, rule_slice.name)
    late, late_events = _late(metric, rule, rule_slice, by_draw, decision, used)
    over = bound is not None and decision.events + late_events > allowed_events(bound, stream.size)
    contradicted = status is RuleStatus.MET and rule.population == "suite" and late > 0 and over
    if contradicted:
        sentence += late_caveat(late, late_events)
    violated = draws[codes == VIOLATED][:_WORST_SHOWN]
    return CategoryResult(
        category=rule_slice.name,
        status=status,
        estimate=estimate,
        decided_at=None if decision.kind in (*_NO_DECISION, "exhausted") else decision.n,
        decision=decision.kind,
        attempts=len(codes),
        errors=errors,
        undetermined=undetermined,
        sentence=sentence,
        worst_cases=tuple(plan.planned(int(draw)).id for draw in violated),
        details={
            "planned": len(rule_slice.draws),
            "families": rule_slice.families,
            "population": rule.population,
            **({"attempts_after_decision": late, "events_after_decision": late_events} if late else {}),
            **({"later_attempts_exceed_limit": True} if contradicted else {}),
            **(corrected.details if corrected else {}),
        },
    )


def _judged(stream: Stream, plan: RunPlan, rule_slice: RuleSlice) -> JudgedUnits:
    """The units whose judgement a correction corrects, with the attempts that labels name."""
    codes, draws = stream.codes[stream.counted], stream.draws[stream.counted]
    return JudgedUnits(
        attempts=[plan.planned(int(draw)).id for draw in draws],
        events=stream.events,
        errors=codes == ERROR,
        complete=len(stream.codes) == len(rule_slice.draws),
        seed=plan.base_seed,
    )


def _late(
    metric: RateMetric,
    rule: GateRule,
    rule_slice: RuleSlice,
    by_draw: NDArray[np.int8],
    decision: StopDecision,
    used: int,
) -> tuple[int, int]:
    """Units, and bad events among them, that were recorded after the decision: shown, never counted."""
    if decision.kind in _NO_DECISION:
        return 0, 0
    rest = by_draw[rule_slice.draws[used:]]
    made = rest[rest != MISSING]
    kept, bad = _tables(metric, rule)
    return int(kept[made].sum()), int(bad[made].sum())


def _tables(metric: RateMetric, rule: GateRule) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """By outcome code: whether the rule counts it, and whether it is a bad event."""
    table = [is_event(metric, rule, code) for code in (HELD, VIOLATED, UNDETERMINED, ERROR)]
    return np.array([item is not None for item in table]), np.array([bool(item) for item in table])


def _decide(
    rule: GateRule, rule_slice: RuleSlice, stream: Stream, plan: RunPlan, bound: float | None
) -> tuple[StopDecision, str]:
    """The first decision of the rule's test, and why there can be none."""
    seen = StopDecision("open", len(stream.events), int(stream.events.sum()))
    if bound is None or not len(rule_slice.draws) or stream.size < 1:
        return seen, ""
    try:
        test = make_test(
            population=rule.population,
            bound=bound,
            good=good_rate(rule),
            size=stream.size,
            confidence=rule.confidence,
            uniform=plan.order is DrawOrder.UNIFORM,
            minimum_n=rule.minimum_n,
            whole=rule_slice.shown > 0,
        )
    except StatisticsError:
        return seen, impossible_note(rule, stream.size)
    return test.first_decision(stream.events), ""


def _count_used(stream: Stream, decision: StopDecision) -> int:
    """How many units of the stream, left-out ones included, the decision took."""
    if decision.kind in _NO_DECISION or decision.n == 0:
        return len(stream.codes)
    positions = np.flatnonzero(stream.counted)
    return int(positions[decision.n - 1]) + 1


def _status(decision: StopDecision) -> RuleStatus:
    """What a decision says of the rule; a census is met or not by its count."""
    if decision.kind == "ship" or (decision.kind == "census" and not decision.exceeded):
        return RuleStatus.MET
    if decision.kind == "block_proven" or decision.kind == "census":
        return RuleStatus.NOT_MET
    return RuleStatus.INSUFFICIENT


def _opposite(estimate: Estimate | None) -> Estimate | None:
    """The estimate of the opposite event: utility from failures."""
    if estimate is None:
        return None
    return estimate.model_copy(
        update={
            "value": opposite_rate(estimate.value),
            "lower": opposite_rate(estimate.upper),
            "upper": opposite_rate(estimate.lower),
            "events": None if estimate.events is None else estimate.n - estimate.events,
        }
    )
