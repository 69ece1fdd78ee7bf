"""Choosing a check's threshold on labelled traffic, with a guarantee instead of a hope.

The chosen threshold holds "miss rate ≤ limit" or "false-refusal rate ≤ limit" with the stated confidence
over calibrations (Learn-then-Test by fixed sequence, Angelopoulos et al. 2021; see
`safecase.stats.threshold`). Rows of segments and languages are told beside, never chosen by.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from safecase.base import InputError, InsufficientEvidenceError, Record
from safecase.guard._check import Check
from safecase.guard._content import Content
from safecase.model import Estimate, FlowPoint, percent
from safecase.stats import Interval, auc, certified_thresholds, clopper_pearson, cost_curve

GRID = 201
"""Thresholds in steps of 0.005: finer than what a guarantee on some hundreds of texts can tell apart."""
Goal = Literal["false_refusal", "miss"]


class LabelledText(Record):
    """One text of the traffic and what it is."""

    text: str
    harmful: bool
    segment: str = ""
    language: str = ""


class CurvePoint(Record):
    """What one threshold does on the traffic."""

    threshold: float
    false_refusal: Estimate
    miss: Estimate
    expected_cost: float | None = None
    """Per message, in the unit of the prices, at the upper bounds of both rates."""


class SegmentPoint(Record):
    """What the chosen threshold does to one group of users or one language."""

    kind: Literal["segment", "language"]
    name: str
    false_refusal: Estimate | None
    miss: Estimate | None


class ThresholdChoice(Record):
    """The answer of a calibration."""

    goal: Goal
    limit: float
    confidence: float
    threshold: float | None
    """None: no threshold can be proven to meet the limit on so few rows."""
    guarantee: str
    chosen: CurvePoint | None
    curve: tuple[CurvePoint, ...]
    segments: tuple[SegmentPoint, ...] = ()
    area_under_curve: Estimate | None = None
    harmful: int
    benign: int
    unscored: int = 0
    """Texts that the check could not score; they count as missed, or as let through."""
    users_refused_per_million: float | None = None


class Prices(Record):
    """What errors cost, in one unit (MIT-07, BIZ-02)."""

    miss: float
    false_refusal: float
    prevalence: float
    """Share of harmful messages in use."""


def score_texts(
    check: Check, texts: Iterable[LabelledText], surface: FlowPoint
) -> tuple[NDArray[np.float64], int]:
    """The check's score of each text, and how many it could not score (they get 0: not stopped).

    Raises InputError where the check has no score at all.
    """
    scores, unscored = [], 0
    for item in texts:
        result = check.inspect(Content(surface, item.text, segment=item.segment, language=item.language))
        unscored += result.score is None
        scores.append(0.0 if result.score is None else result.score)
    if scores and unscored == len(scores):
        raise InputError("the check gives no scores, so there is no threshold to choose")
    return np.asarray(scores, np.float64), unscored


def choose_threshold(
    texts: Sequence[LabelledText],
    scores: NDArray[np.float64],
    *,
    goal: Goal,
    limit: float,
    confidence: float = 0.95,
    prices: Prices | None = None,
    unscored: int = 0,
) -> ThresholdChoice:
    """The threshold that is proven to meet the limit and is best otherwise.

    ``scores``, shape (n,), in [0, 1]; a text is stopped where its score is at or above the threshold. For
    ``false_refusal`` the lowest proven threshold is taken (it misses least), for ``miss`` the highest (it
    refuses least); with prices, the cheapest of the proven ones. Raises InsufficientEvidenceError where one
    of the two kinds of text is missing.
    """
    harmful = np.array([item.harmful for item in texts], bool)
    if not harmful.any() or harmful.all():
        raise InsufficientEvidenceError(
            "a threshold needs harmful and harmless texts, and one kind is missing",
            hint="label both kinds",
        )
    if not 0 < limit < 1:
        raise InputError(f"the limit must lie between 0 and 1, got {limit:g}")
    # The grid is fixed without looking at the scores, as the guarantee demands.
    grid = np.linspace(0.0, 1.0, GRID)
    bad, good = scores[harmful], scores[~harmful]
    if goal == "miss":
        proven = certified_thresholds(bad, grid, limit, confidence)
    else:
        # Refused where score >= t, so the mirrored score counts as missed where -score < next(-t).
        mirrored = certified_thresholds(-good, np.nextafter(-grid, np.inf), limit, confidence)
        proven = grid[np.isin(np.nextafter(-grid, np.inf), mirrored)]
    curve = _curve(grid, bad, good, confidence, prices)
    by_threshold = {point.threshold: point for point in curve}
    allowed = [by_threshold[float(value)] for value in proven]
    chosen = _best(allowed, goal, prices is not None)
    area = auc(scores, harmful.astype(np.int64), confidence)
    return ThresholdChoice(
        goal=goal,
        limit=limit,
        confidence=confidence,
        threshold=chosen.threshold if chosen else None,
        guarantee=_guarantee(goal, limit, confidence, chosen, int(harmful.sum()), int((~harmful).sum())),
        chosen=chosen,
        curve=tuple(curve),
        segments=tuple(_segments(texts, scores, harmful, chosen, confidence)) if chosen else (),
        area_under_curve=_estimate(area),
        harmful=int(harmful.sum()),
        benign=int((~harmful).sum()),
        unscored=unscored,
        users_refused_per_million=1e6 * chosen.false_refusal.value if chosen else None,
    )


def _best(allowed: list[CurvePoint], goal: Goal, priced: bool) -> CurvePoint | None:
    """Of the thresholds with the guarantee, the cheapest or the one that stops least (or misses least)."""
    if not allowed:
        return None
    if priced:
        return min(allowed, key=lambda point: (point.expected_cost or 0.0, point.threshold))
    return (
        max(allowed, key=lambda p: p.threshold) if goal == "miss" else min(allowed, key=lambda p: p.threshold)
    )


def _guarantee(
    goal: Goal, limit: float, confidence: float, chosen: CurvePoint | None, harmful: int, benign: int
) -> str:
    what = "false refusals" if goal == "false_refusal" else "misses"
    n = benign if goal == "false_refusal" else harmful
    if chosen is None:
        return (
            f"No threshold can be proven to keep {what} at or below {percent(limit)} with "
            f"{percent(confidence)} confidence on {n} rows: more rows are needed, or a better check."
        )
    return (
        f"At {chosen.threshold:.3f}, {what} stay at or below {percent(limit)} of traffic like these {n} "
        f"rows; of all such calibrations at most {percent(1 - confidence)} promise this wrongly."
    )


def _curve(
    grid: NDArray[np.float64],
    bad: NDArray[np.float64],
    good: NDArray[np.float64],
    confidence: float,
    prices: Prices | None,
) -> list[CurvePoint]:
    costs: Sequence[float | None] = [None] * len(grid)
    if prices is not None:
        costs = [
            float(cost)
            for cost in cost_curve(
                bad, good, grid, prevalence=prices.prevalence, cost_miss=prices.miss,
                cost_refuse=prices.false_refusal, confidence=confidence,
            ).cost
        ]  # fmt: skip
    bad_sorted, good_sorted = np.sort(bad), np.sort(good)
    points = []
    for threshold, cost in zip(grid, costs, strict=True):
        missed = int(np.searchsorted(bad_sorted, threshold, side="left"))
        refused = len(good) - int(np.searchsorted(good_sorted, threshold, side="left"))
        points.append(
            CurvePoint(
                threshold=float(threshold),
                miss=_rate(missed, len(bad), confidence),
                false_refusal=_rate(refused, len(good), confidence),
                expected_cost=cost,
            )
        )
    return points


def _segments(
    texts: Sequence[LabelledText],
    scores: NDArray[np.float64],
    harmful: NDArray[np.bool_],
    chosen: CurvePoint,
    confidence: float,
) -> Iterable[SegmentPoint]:
    """What the threshold does to each segment and language, for which nothing is guaranteed."""
    stopped = scores >= chosen.threshold
    kinds: Mapping[Literal["segment", "language"], list[str]] = {
        "segment": [item.segment for item in texts],
        "language": [item.language for item in texts],
    }
    for kind, names in kinds.items():
        column = np.array(names)
        for name in sorted(set(names) - {""}):
            here = column == name
            bad, good = here & harmful, here & ~harmful
            yield SegmentPoint(
                kind=kind,
                name=name,
                miss=_rate(int((bad & ~stopped).sum()), int(bad.sum()), confidence) if bad.any() else None,
                false_refusal=_rate(int((good & stopped).sum()), int(good.sum()), confidence)
                if good.any()
                else None,
            )


def _rate(events: int, n: int, confidence: float) -> Estimate:
    """A share with its exact interval."""
    return _estimate(clopper_pearson(events, n, confidence))


def _estimate(interval: Interval) -> Estimate:
    return Estimate(
        value=interval.value,
        lower=interval.lower,
        upper=interval.upper,
        confidence=interval.confidence,
        method=interval.method,
        n=interval.n,
        events=interval.successes,
    )
