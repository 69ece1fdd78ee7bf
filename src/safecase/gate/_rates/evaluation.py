"""What the records say about a rate: the decision, the estimate, the sentence."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from safecase.engine import RunPlan
from safecase.gate._proportion_test import StopDecision, allowed_events, exceeds_at_last, make_test
from safecase.gate._rates.correction import Corrected, JudgedUnits, correct_rate
from safecase.gate._rates.limits import failure_bound, good_rate, impossible_note, opposite_rate
from safecase.gate._rates.sentences import RateSeen, rate_sentence
from safecase.gate._settlement import CONTRADICTED, Tally, contradiction_note, settle
from safecase.gate.estimates import rate_estimate
from safecase.gate.metrics._metric import RunReading
from safecase.gate.metrics._rate import RateMetric
from safecase.gate.outcomes import ERROR, HELD, MISSING, UNDETERMINED, VIOLATED, made_prefix
from safecase.gate.rule_slices import RuleSlice
from safecase.model import (
    CategoryResult,
    Comparator,
    Estimate,
    GateRule,
    OutcomeKind,
    RuleStatus,
)
from safecase.stats import StatisticsError

_WORST_SHOWN = 5
"""Violated attempts that a result names: enough to look at, few enough to read."""
_NO_DECISION = ("open", "fixed")
"""Kinds of decision that did not cut the stream."""
_STOPS = ("ship", "futility", "block_proven", CONTRADICTED)
"""Kinds of decision that could have fallen at any time."""


def is_event(metric: RateMetric, code: int) -> bool:
    """Whether an outcome code is a bad event: what stayed without an answer counts as a violation.

    To leave it out would let a prompt that crashes the target leave the rate, and the size of the test would
    hang on what comes after its decision.
    """
    if metric.counts is OutcomeKind.ERROR:
        return code == ERROR
    if metric.counts is OutcomeKind.UNDETERMINED:
        return code == UNDETERMINED
    return code != HELD


def is_sure(metric: RateMetric, code: int) -> bool:
    """Whether an outcome code is a bad event by itself, not for want of an answer."""
    return code == VIOLATED if metric.counts is OutcomeKind.VIOLATED else is_event(metric, code)


@dataclass(frozen=True)
class Stream:
    """The units of one slice that were made, up to the first that was not; shape (n,) each."""

    codes: NDArray[np.int8]
    draws: NDArray[np.int64]
    events: NDArray[np.bool_]
    """Bad events."""
    sure: NDArray[np.bool_]
    """Bad events by themselves."""


@dataclass(frozen=True)
class _Judgement:
    """What the test of a slice says, and what all attempts made say to that."""

    decision: StopDecision
    status: RuleStatus
    note: str = ""
    proven: bool = False
    """Violations alone prove the limit to be exceeded."""
    certain: bool = False
    """By counting, whatever the attempts of the suite that are missing would show."""
    everything: bool = False
    """The numbers are those of all attempts made: what came in after the decision was told otherwise."""


def read_stream(metric: RateMetric, rule_slice: RuleSlice, by_draw: NDArray[np.int8]) -> Stream:
    """The contiguous beginning of a slice's stream; a draw that is missing ends it."""
    codes = made_prefix(rule_slice.draws, by_draw)
    return _stream(metric, rule_slice.draws[: len(codes)], codes)


def _stream(metric: RateMetric, draws: NDArray[np.int64], codes: NDArray[np.int8]) -> Stream:
    kinds = (HELD, VIOLATED, UNDETERMINED, ERROR)
    events = np.array([is_event(metric, code) for code in kinds])
    sure = np.array([is_sure(metric, code) for code in kinds])
    return Stream(codes, draws, events[codes], sure[codes])


def evaluate_rate(
    metric: RateMetric, rule: GateRule, rule_slice: RuleSlice, reading: RunReading
) -> CategoryResult:
    """What the records say about one slice of a rate rule."""
    plan, by_draw, size = reading.plan, reading.by_draw, len(rule_slice.draws)
    stream = read_stream(metric, rule_slice, by_draw)
    made = rule_slice.draws[by_draw[rule_slice.draws] != MISSING]
    everything = _stream(metric, made, by_draw[made])
    bound = failure_bound(rule)
    corrected: Corrected | None = None
    corrects = rule.judge_correction.method != "none"
    if corrects:
        # Such an interval holds for a size that was fixed beforehand: no decision may cut the stream.
        judged = _Judgement(_seen("fixed", stream), RuleStatus.INSUFFICIENT)
    else:
        judged = _judge(rule, rule_slice, stream, everything, bound)
    decision, status, note = judged.decision, judged.status, judged.note
    # What came after the decision was in flight by chance of timing and must not move the numbers, unless it
    # moved the answer.
    if judged.everything:
        used = everything
    else:
        n = len(stream.codes) if decision.kind in _NO_DECISION else decision.n
        used = _stream(metric, stream.draws[:n], stream.codes[:n])
    families = [plan.cases[plan.case_index[draw]].family for draw in used.draws]
    early = decision.kind in _STOPS and len(used.codes) < size
    estimate = rate_estimate(used.events, families, confidence=rule.confidence, early=early)
    if corrects and estimate is not None and bound is not None:
        corrected = correct_rate(metric, rule, _judged(stream, plan, rule_slice), reading, bound)
        estimate, status, note = corrected.estimate, corrected.status, corrected.note
    if bound is None:
        status, note = RuleStatus.NOT_CONFIGURED, ""
    elif note and not judged.proven:
        status = RuleStatus.INSUFFICIENT
    else:
        tally = Tally.of_slice(rule_slice, by_draw)
        status, note = settle(rule, status, tally, proven=judged.proven)
    if rule.comparator is Comparator.AT_LEAST:
        estimate = _opposite(estimate)
    errors, undetermined = int((used.codes == ERROR).sum()), int((used.codes == UNDETERMINED).sum())
    # Where errors or undecided answers are what is counted, they are no addition to it.
    plain = metric.counts is not OutcomeKind.VIOLATED
    seen = RateSeen(
        status,
        decision.kind,
        len(used.codes),
        int(used.events.sum()),
        size,
        estimate,
        rule.population,
        note,
        errors=0 if plain else errors,
        undetermined=0 if plain else undetermined,
        certain=decision.certain or judged.certain,
    )
    violated = used.draws[used.codes == VIOLATED][:_WORST_SHOWN]
    decided = decision.kind not in (*_NO_DECISION, "exhausted") and not judged.everything
    return CategoryResult(
        category=rule_slice.name,
        status=status,
        estimate=estimate,
        decided_at=decision.n if decided else None,
        decision=decision.kind,
        attempts=len(used.codes),
        errors=errors,
        undetermined=undetermined,
        sentence=rate_sentence(metric, rule, seen, rule_slice.name),
        worst_cases=tuple(plan.planned(int(draw)).id for draw in violated),
        details={
            "planned": size,
            "families": rule_slice.families,
            "population": rule.population,
            **(corrected.details if corrected else {}),
        },
    )


def _judged(stream: Stream, plan: RunPlan, rule_slice: RuleSlice) -> JudgedUnits:
    """The units whose judgement a correction corrects, with the attempts that labels name."""
    return JudgedUnits(
        attempts=[plan.planned(int(draw)).id for draw in stream.draws],
        events=stream.events,
        errors=stream.codes == ERROR,
        complete=len(stream.codes) == len(rule_slice.draws),
        seed=plan.base_seed,
    )


def _judge(
    rule: GateRule, rule_slice: RuleSlice, stream: Stream, everything: Stream, bound: float | None
) -> _Judgement:
    """The first decision of the rule's test, held against all attempts made.

    Attempts that come in after a decision can take a yes away and never a no: what they prove is proven.
    """
    undecided = _seen("open", stream)
    size = len(rule_slice.draws)
    if bound is None or not size:
        return _Judgement(undecided, RuleStatus.INSUFFICIENT)
    suite = rule.population == "suite"
    try:
        test = make_test(
            population=rule.population,
            bound=bound,
            good=good_rate(rule),
            size=size,
            confidence=rule.confidence,
            uniform=rule_slice.uniform,
            independent=rule_slice.independent,
            minimum_n=rule.minimum_n,
            whole=rule_slice.shown > 0,
        )
    except StatisticsError:
        alpha, uniform = 1 - rule.confidence, rule_slice.uniform
        if exceeds_at_last(bound, alpha, stream.sure, size=size, uniform=uniform):
            found = _seen("block_proven", everything)
            return _Judgement(found, RuleStatus.NOT_MET, proven=True, everything=True)
        return _Judgement(undecided, RuleStatus.INSUFFICIENT, impossible_note(rule, size))
    decision = test.first_decision(stream.events)
    status = _status(decision)
    allowed, bad = allowed_events(bound, size), int(everything.events.sum())
    sure_certain = suite and int(everything.sure.sum()) > allowed
    proven = sure_certain or test.ever_exceeds(stream.sure)
    if status is RuleStatus.NOT_MET:
        return _Judgement(decision, status, proven=proven)
    certain = suite and bad > allowed
    if certain or proven or test.ever_exceeds(stream.events):
        kind = CONTRADICTED if status is RuleStatus.MET else "block_proven"
        found = _seen(kind, everything)
        return _Judgement(found, RuleStatus.NOT_MET, proven=proven, certain=certain, everything=True)
    later = len(everything.codes) - decision.n
    if status is RuleStatus.MET and later and bad > bound * len(everything.codes) + 1e-9:
        found = _seen(CONTRADICTED, everything)
        return _Judgement(found, RuleStatus.INSUFFICIENT, contradiction_note(later), everything=True)
    return _Judgement(decision, status)


def _seen(kind: str, stream: Stream) -> StopDecision:
    """A decision of this kind that took all units of ``stream``."""
    return StopDecision(kind, len(stream.codes), int(stream.events.sum()))


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
