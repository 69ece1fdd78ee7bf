"""Rates corrected for the error of the scorer behind them, with an interval of a size fixed beforehand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from safecase.base import JsonValue
from safecase.gate.estimates import from_interval
from safecase.gate.labels import Labels, Stratum, read_stratum
from safecase.gate.metrics._metric import RunReading
from safecase.gate.metrics._rate import RateMetric
from safecase.model import Estimate, GateRule, OutcomeKind, RuleStatus, ScorerPerformance
from safecase.stats import Interval, StatisticsError, planted_recall, rogan_gladen, two_phase


@dataclass(frozen=True)
class JudgedUnits:
    """The units of one slice, all of them, as the scorer judged them."""

    attempts: Sequence[str]
    """``case#repeat`` of each unit."""
    events: NDArray[np.bool_]
    errors: NDArray[np.bool_]
    """Units that ended in an error: they count as events, and nobody can label them."""
    complete: bool
    """Whether every planned unit was made."""
    seed: int


@dataclass(frozen=True)
class Corrected:
    """A corrected rate of bad events, or the reason why there is none."""

    estimate: Estimate | None
    status: RuleStatus
    note: str = ""
    details: dict[str, JsonValue] = field(default_factory=dict)


def correct_rate(
    metric: RateMetric, rule: GateRule, units: JudgedUnits, reading: RunReading, bound: float
) -> Corrected:
    """The rate of bad events in ``units``, corrected as ``rule`` asks, by cards or labels in ``reading``."""
    if metric.counts is not OutcomeKind.VIOLATED:
        return _none("no scorer judges what this rule counts, so there is nothing to correct")
    if not units.complete:
        return _none("a corrected rate needs every planned attempt of the rule")
    details: dict[str, JsonValue] = {}
    try:
        if rule.judge_correction.method == "two_phase":
            labels = reading.labels.get(rule.judge_correction.labels)
            if labels is None:
                return _none("two-phase correction needs human labels of this run")
            flagged, clean = strata(units, labels)
            details = {"labelled_flagged": flagged.labelled, "labelled_clean": clean.labelled}
            missing = _without_labels(flagged, clean)
            if missing:
                return Corrected(None, RuleStatus.INSUFFICIENT, missing, details)
            interval = two_phase(
                n=len(units.events),
                flagged=flagged.size,
                flagged_labelled=flagged.labelled,
                flagged_violations=flagged.violations,
                clean_labelled=clean.labelled,
                clean_violations=clean.violations,
                confidence=rule.confidence,
            )
        else:
            # Two scorers err in different ways, and a rate does not say whose errors it holds.
            performance = reading.cards[0].overall() if len(reading.cards) == 1 else None
            if performance is None:
                return _none("a judge correction needs the card of the one scorer behind the rule")
            interval = _by_card(rule, units.events, performance)
    except StatisticsError as error:
        return _none(f"the judge correction cannot be made: {error}")
    status = RuleStatus.INSUFFICIENT
    if interval.upper <= bound:
        status = RuleStatus.MET
    elif interval.lower > bound:
        status = RuleStatus.NOT_MET
    return Corrected(from_interval(interval, corrected=True), status, "", details)


def strata(units: JudgedUnits, labels: Labels) -> tuple[Stratum, Stratum]:
    """What the scorer called bad, and what it called good, each with the labels that count."""
    named = list(zip(units.attempts, units.events.tolist(), units.errors.tolist(), strict=True))
    flagged = [attempt for attempt, event, _ in named if event]
    certain = [attempt for attempt, _, error in named if error]
    clean = [attempt for attempt, event, _ in named if not event]
    return read_stratum(flagged, labels, units.seed, certain), read_stratum(clean, labels, units.seed)


def _none(note: str) -> Corrected:
    """No corrected rate, for this reason: evidence is lacking, the rule has not failed."""
    return Corrected(None, RuleStatus.INSUFFICIENT, note)


def _without_labels(flagged: Stratum, clean: Stratum) -> str:
    for stratum, name in ((flagged, "bad"), (clean, "good")):
        if stratum.size and not stratum.labelled:
            return f"no attempt that the scorer called {name} is labelled, and {stratum.next} comes first"
    return ""


def _by_card(rule: GateRule, events: NDArray[np.bool_], performance: ScorerPerformance) -> Interval:
    flagged, n = int(events.sum()), len(events)
    found = performance.true_positives
    planted = found + performance.false_negatives
    clean = performance.true_negatives + performance.false_positives
    if rule.judge_correction.method == "rogan_gladen":
        return rogan_gladen(
            flagged,
            n,
            sensitivity_hits=found,
            sensitivity_n=planted,
            specificity_hits=performance.true_negatives,
            specificity_n=clean,
            confidence=rule.confidence,
        )
    return planted_recall(
        n=n,
        flagged=flagged,
        flagged_labelled=flagged,
        flagged_violations=flagged,
        planted=planted,
        planted_found=found,
        confidence=rule.confidence,
    )
