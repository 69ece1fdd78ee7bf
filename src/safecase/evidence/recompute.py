"""Estimates and decisions recomputed from raw attempts, by code that shares nothing with the gate.

Written with scipy, numpy and the standard library alone: neither this module nor the ``recompute_*`` ones
beside it import ``safecase.gate`` or ``safecase.stats``, so a fault there cannot hide here. What cannot be
recomputed is named, never passed over.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from safecase.evidence.recompute_intervals import (
    Limits,
    planted_recall_limits,
    rate_limits,
    rogan_gladen_limits,
    two_phase_limits,
)
from safecase.evidence.recompute_labels import label_counts
from safecase.evidence.recompute_measures import (
    Recomputed,
    recompute_attack_at_k,
    recompute_cost,
    recompute_coverage,
    recompute_groups,
    recompute_latency,
    recompute_regression,
    recompute_severity,
)
from safecase.evidence.recompute_population import RawRun, made_prefix, members, unit_draws
from safecase.evidence.recompute_sequential import (
    NotRecomputed,
    StopDecision,
    family_decision,
    suite_decision,
)
from safecase.model import CategoryResult, GateRule

RATES = ("violation_rate", "over_refusal_rate", "utility_rate", "error_rate", "undetermined_rate")
_VALUE_TOLERANCE = 1e-9
_LIMIT_TOLERANCE = 1e-6
_WORST_SHOWN = 5


def recompute(
    rule: GateRule,
    run: RawRun,
    category: str,
    *,
    baseline: RawRun | None = None,
    severities: Mapping[str, str] | None = None,
    labels: Mapping[str, Mapping[str, bool]] | None = None,
) -> Recomputed:
    """One category of any rule from the raw attempts.

    ``severities`` (risk → severity) is what the workspace declares; None where it is not known. ``labels``:
    file → attempt → whether people say that it is violated. Raises NotRecomputed, with the reason, where this
    code has no method.
    """
    metric = rule.metric.value
    if metric in RATES:
        return recompute_rate(rule, run, category, labels or {})
    if metric == "severity_weighted_rate":
        return recompute_severity(rule, run, category)
    if metric == "attack_at_k":
        return recompute_attack_at_k(rule, run, category)
    if metric == "regression":
        return recompute_regression(rule, run, category, baseline)
    if metric == "group_difference":
        return recompute_groups(rule, run, category)
    if metric in ("latency_p50_ms", "latency_p95_ms"):
        return recompute_latency(rule, run, category)
    if metric == "cost_per_attempt_usd":
        return recompute_cost(rule, run, category)
    if metric == "coverage":
        if severities is None:
            raise NotRecomputed("the pack does not hold the workspace's risks")
        return recompute_coverage(rule, run, severities)
    raise NotRecomputed(f"no method for the metric {metric}")


def recompute_rate(
    rule: GateRule, run: RawRun, category: str, labels: Mapping[str, Mapping[str, bool]]
) -> Recomputed:
    """One category of a rate rule. Raises NotRecomputed where the claim is too large to check."""
    draws = unit_draws(rule, run, category, members(rule, run))
    made = made_prefix(draws, run)
    counted = [draw for draw in made if _event(rule, run.outcome[draw]) is not None]
    events = [bool(_event(rule, run.outcome[draw])) for draw in counted]
    size = len(draws) - (len(made) - len(counted))
    bound = _failure_rate(rule, rule.bound)
    corrects = rule.judge_correction.method != "none"
    decision = (
        StopDecision("fixed", len(events))
        if corrects
        else _decide(rule, events, bound, size, uniform=run.uniform)
    )
    # Numbers stop where the decision fell: later attempts were in flight by chance.
    if decision.kind not in ("open", "impossible", "fixed"):
        last = counted[decision.n - 1]
        made = [draw for draw in made if draw <= last]
        counted, events = counted[: decision.n], events[: decision.n]
    early = decision.kind in ("ship", "futility", "block_proven") and decision.n < size
    families = [run.case(draw).family for draw in counted]
    limits = rate_limits(events, families, rule.confidence, early=early)
    status = decision.status
    corrected_without_method = False
    if corrects and limits is not None and bound is not None:
        whole = len(made) == len(draws)
        limits = _corrected(rule, run, counted, labels) if whole else None
        corrected_without_method = limits is None
        status = "insufficient_evidence"
        if limits is not None:
            status = "met" if limits.upper <= bound else "not_met" if limits.lower > bound else status
    outcomes = [run.outcome[draw] for draw in made]
    errors, undetermined = outcomes.count("error"), outcomes.count("undetermined")
    if (
        _over(errors, len(made), rule.error_budget, rule.metric.value != "error_rate")
        or _over(undetermined, len(made), rule.undetermined_budget, rule.metric.value != "undetermined_rate")
        or len(events) < rule.minimum_n
        or decision.kind == "impossible"
        or corrected_without_method
    ):
        status = "insufficient_evidence"
    if rule.bound is None:
        status = "not_configured"
    kind = "open" if decision.kind == "impossible" else decision.kind
    contradicted = False
    if status == "met" and bound is not None and rule.population == "suite" and not corrects:
        late = [run.outcome[draw] for draw in draws[len(made) :] if draw in run.outcome]
        total = sum(events) + sum(bool(_event(rule, outcome)) for outcome in late)
        contradicted = bool(late) and total > math.floor(bound * size + 1e-9)
    violated = [draw for draw in made if run.outcome[draw] == "violated"][:_WORST_SHOWN]
    if limits is not None and rule.comparator.value == ">=":
        limits = limits.complement()
    return Recomputed(
        status,
        limits,
        len(made),
        errors,
        undetermined,
        kind,
        None if kind in ("open", "exhausted", "fixed") else decision.n,
        tuple(f"{run.case(draw).id}#{run.repeat[draw]}" for draw in violated),
        contradicted,
    )


def _decide(
    rule: GateRule, events: list[bool], bound: float | None, size: int, *, uniform: bool
) -> StopDecision:
    if bound is None or size < 1:
        return StopDecision("open", len(events))
    declared = _failure_rate(rule, rule.good)
    good = bound / 4 if declared is None else declared
    alpha = 1 - rule.confidence
    if rule.population == "families":
        return family_decision(
            events, bound=bound, good=good, size=size, alpha=alpha, minimum_n=rule.minimum_n
        )
    return suite_decision(
        events,
        bound=bound,
        good=good,
        size=size,
        alpha=alpha,
        minimum_n=rule.minimum_n,
        uniform=uniform,
    )


def _failure_rate(rule: GateRule, rate: float | None) -> float | None:
    """A rate of good events turned into one of bad events where the rule says "at least"."""
    if rate is None or rule.comparator.value == "<=":
        return rate
    return 1 - rate


def _over(count: int, attempts: int, budget: float, applies: bool) -> bool:
    return applies and attempts > 0 and count / attempts > budget


def _event(rule: GateRule, outcome: str) -> bool | None:
    """Whether an outcome is a bad event; None where the rule leaves it out."""
    metric = rule.metric.value
    if metric == "error_rate":
        return outcome == "error"
    if metric == "undetermined_rate":
        return outcome == "undetermined"
    if outcome in ("error", "undetermined"):
        return True if rule.errors_count_as == "violated" else None
    return outcome == "violated"


def _corrected(
    rule: GateRule, run: RawRun, counted: Sequence[int], labels: Mapping[str, Mapping[str, bool]]
) -> Limits | None:
    """The rate corrected as the rule asks; None where what that takes is not there."""
    if rule.metric.value in ("error_rate", "undetermined_rate"):
        return None
    bad = [draw for draw in counted if _event(rule, run.outcome[draw])]
    if rule.judge_correction.method == "two_phase":
        known = labels.get(rule.judge_correction.labels)
        if known is None:
            return None
        flagged = label_counts(bad, run, known)
        clean = label_counts(sorted(set(counted) - set(bad)), run, known)
        return two_phase_limits(flagged, clean, rule.confidence)
    chosen = members(rule, run)
    used = {item.scorer for case, mine in zip(run.cases, chosen, strict=True) if mine for item in case.expect}
    cards = {card.model_dump_json(): card for name, card in run.cards if name in used}
    performance = next(iter(cards.values())).overall() if len(cards) == 1 else None
    if performance is None:
        return None
    found = performance.true_positives
    planted = found + performance.false_negatives
    clean_ones = performance.true_negatives + performance.false_positives
    if rule.judge_correction.method == "rogan_gladen":
        right = (performance.true_negatives, clean_ones)
        return rogan_gladen_limits(len(bad), len(counted), (found, planted), right, rule.confidence)
    return planted_recall_limits(len(bad), len(counted), planted, found, rule.confidence)


def differences(recorded: CategoryResult, found: Recomputed) -> list[str]:
    """Where a recorded result is not what the raw attempts say; empty where it is."""
    wrong = []
    pairs: list[tuple[str, object, object]] = [
        ("status", recorded.status.value, found.status),
        ("decision", recorded.decision, found.decision),
        ("decided at", recorded.decided_at, found.decided_at),
        ("attempts", recorded.attempts, found.attempts),
        ("errors", recorded.errors, found.errors),
        ("undetermined", recorded.undetermined, found.undetermined),
    ]
    told = recorded.details.get("later_attempts_exceed_limit", False)
    pairs.append(("told that later attempts exceed the limit", told, found.contradicted))
    if found.worst_cases is not None:
        pairs.append(("worst cases", recorded.worst_cases, found.worst_cases))
    wrong += [f"{name} {before}, recomputed {now}" for name, before, now in pairs if before != now]
    estimate, limits = recorded.estimate, found.limits
    if (estimate is None) != (limits is None):
        wrong.append("an estimate is there where none should be" if estimate else "the estimate is missing")
    elif estimate is not None and limits is not None:
        numbers = (
            ("value", estimate.value, limits.value, _VALUE_TOLERANCE),
            ("lower limit", estimate.lower, limits.lower, _LIMIT_TOLERANCE),
            ("upper limit", estimate.upper, limits.upper, _LIMIT_TOLERANCE),
            ("n", estimate.n, limits.n, 0),
        )
        wrong += [
            f"{name} {before:.6g}, recomputed {now:.6g}"
            for name, before, now, slack in numbers
            if abs(before - now) > slack * max(1.0, abs(now))
        ]
    return wrong
