"""Rates of yes-or-no events: decided along the attempts, estimated, corrected for the scorer's error."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Literal

from safecase_verify.checks.labels import label_counts
from safecase_verify.methods._method import Method, MethodInputs, Recomputed, settled
from safecase_verify.methods._units import (
    chance_order,
    made_of,
    made_prefix,
    members,
    seen_before,
    unit_draws,
)
from safecase_verify.reading.raw_run import RawRun
from safecase_verify.reading.records import GateRule
from safecase_verify.statistics.intervals import (
    Interval,
    planted_recall_interval,
    rate_interval,
    rogan_gladen_interval,
    two_phase_interval,
)
from safecase_verify.statistics.sequential import (
    StopDecision,
    family_decision,
    family_exceeded,
    suite_decision,
    suite_exceeded,
)

_WORST_SHOWN = 5
"""Violated attempts that a result names."""


def rate_method(cases: Literal["harmful", "useful", "selected"], event: str) -> Method:
    """The method of a rate whose bad event is the outcome ``event``.

    Where that is a violation, what stayed without an answer may count as one, and the rate can be corrected
    for the scorer's error. The method raises NotRecomputed where the claim is too large to check.
    """

    def recompute(rule: GateRule, run: RawRun, category: str, inputs: MethodInputs) -> Recomputed:
        return _recompute_rate(rule, run, category, inputs, event)

    return Method(cases=cases, judged=True, recompute=recompute)


def _recompute_rate(
    rule: GateRule, run: RawRun, category: str, inputs: MethodInputs, event: str
) -> Recomputed:
    chosen = members(rule, run)
    draws = unit_draws(rule, run, category, chosen)
    uniform = chance_order(rule, run, category, chosen)
    prefix, every = made_prefix(draws, run), made_of(draws, run)
    events = [_is_bad(run.outcome[draw], event) for draw in prefix]
    bound = _failure_rate(rule, rule.bound)
    corrects = rule.judge_correction.method != "none"
    seen = rule.population == "suite" and seen_before(rule, run, category, chosen)
    # Of cases that were seen before the run all attempts decide, and no order can matter.
    uniform = uniform and not seen
    if corrects:
        decision = StopDecision("fixed", len(events))
    else:
        decision = _decide(rule, events, bound, len(draws), uniform=uniform, seen=seen)
    status, kind, proven = decision.status, decision.kind, False
    used = prefix if kind in ("open", "impossible", "fixed") else prefix[: decision.n]
    decided_at = None if kind in ("open", "impossible", "exhausted", "fixed") else decision.n
    if not corrects and bound is not None and draws:
        # What came in after the decision can take a yes away and never a no.
        sure = [run.outcome[draw] == event for draw in prefix]
        proven = _over(rule, sure, bound, len(draws), uniform=uniform)
        total = sum(_is_bad(run.outcome[draw], event) for draw in every)
        counted_over = False
        if rule.population == "suite" and kind != "impossible":
            allowed = math.floor(bound * len(draws) + 1e-9)
            counted_over = total > allowed
            proven = proven or sum(run.outcome[draw] == event for draw in every) > allowed
        overturned = proven or (
            kind != "impossible" and (counted_over or _over(rule, events, bound, len(draws), uniform=uniform))
        )
        was_met = status == "met"
        if status != "not_met" and overturned:
            status, used, decided_at = "not_met", every, None
            kind = "contradicted" if was_met else "block_proven"
        elif was_met and len(every) > decision.n and total > bound * len(every) + 1e-9:
            status, used, decided_at, kind = "insufficient_evidence", every, None, "contradicted"
    early = kind in ("ship", "futility", "block_proven", "contradicted") and len(used) < len(draws)
    bad = [_is_bad(run.outcome[draw], event) for draw in used]
    interval = rate_interval(bad, [run.case(draw).family for draw in used], rule.confidence, early=early)
    if corrects and interval is not None and bound is not None:
        interval = _corrected(rule, run, used, inputs, event) if len(prefix) == len(draws) else None
        status = "insufficient_evidence"
        if interval is not None:
            status = "met" if interval.upper <= bound else "not_met" if interval.lower > bound else status
    if rule.bound is None:
        status = "not_configured"
    status = settled(rule, run, every, status, proven=proven, event=event)
    if kind == "impossible":
        status, kind = ("not_configured" if rule.bound is None else "insufficient_evidence"), "open"
    outcomes = [run.outcome[draw] for draw in used]
    violated = [draw for draw in used if run.outcome[draw] == "violated"][:_WORST_SHOWN]
    if interval is not None and rule.comparator == ">=":
        interval = interval.complement()
    return Recomputed(
        status,
        interval,
        len(used),
        outcomes.count("error"),
        outcomes.count("undetermined"),
        kind,
        decided_at,
        tuple(f"{run.case(draw).id}#{run.repeat[draw]}" for draw in violated),
    )


def _over(rule: GateRule, events: Sequence[bool], bound: float, size: int, *, uniform: bool) -> bool:
    """Whether these events prove the limit to be exceeded."""
    test = family_exceeded if rule.population == "families" else suite_exceeded
    return test(events, bound=bound, size=size, alpha=1 - rule.confidence, uniform=uniform)


def _decide(
    rule: GateRule, events: list[bool], bound: float | None, size: int, *, uniform: bool, seen: bool
) -> StopDecision:
    """The first decision of the rule's test, computed along the events; where cases of a suite were seen
    before the run, all of its attempts decide, and no order can matter."""
    if bound is None or size < 1:
        return StopDecision("open", len(events))
    declared = _failure_rate(rule, rule.good)
    good = bound / 4 if declared is None else declared
    alpha = 1 - rule.confidence
    if rule.population == "families":
        return family_decision(
            events,
            bound=bound,
            good=good,
            size=size,
            alpha=alpha,
            minimum_n=rule.minimum_n,
            uniform=uniform,
        )
    return suite_decision(
        events,
        bound=bound,
        good=good,
        size=size,
        alpha=alpha,
        minimum_n=size if seen else rule.minimum_n,
        uniform=uniform,
    )


def _failure_rate(rule: GateRule, rate: float | None) -> float | None:
    """A rate of good events turned into one of bad events where the rule says "at least"."""
    if rate is None or rule.comparator == "<=":
        return rate
    return 1 - rate


def _is_bad(outcome: str, event: str) -> bool:
    """Whether an outcome is a bad event; what stayed without an answer might have been a violation."""
    return outcome != "held" if event == "violated" else outcome == event


def _corrected(
    rule: GateRule, run: RawRun, counted: Sequence[int], inputs: MethodInputs, event: str
) -> Interval | None:
    """The rate corrected as the rule asks; None where what that takes is not there."""
    if event != "violated":
        return None
    bad = [draw for draw in counted if _is_bad(run.outcome[draw], event)]
    if rule.judge_correction.method == "two_phase":
        known = inputs.labels.get(rule.judge_correction.labels)
        if known is None:
            return None
        flagged = label_counts(bad, run, known)
        clean = label_counts(sorted(set(counted) - set(bad)), run, known)
        return two_phase_interval(flagged, clean, rule.confidence)
    chosen = members(rule, run)
    used = {item.scorer for case, mine in zip(run.cases, chosen, strict=True) if mine for item in case.expect}
    cards = {digest: card for name, digest, card in run.cards if name in used}
    performance = next(iter(cards.values())).overall() if len(cards) == 1 else None
    if performance is None:
        return None
    found = performance.true_positives
    planted = found + performance.false_negatives
    clean_ones = performance.true_negatives + performance.false_positives
    if rule.judge_correction.method == "rogan_gladen":
        right = (performance.true_negatives, clean_ones)
        return rogan_gladen_interval(len(bad), len(counted), (found, planted), right, rule.confidence)
    return planted_recall_interval(len(bad), len(counted), planted, found, rule.confidence)
