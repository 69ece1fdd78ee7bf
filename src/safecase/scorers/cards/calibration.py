"""Measuring a scorer against human labels: the scorer card, agreement, confusion, threshold trade-off."""

from __future__ import annotations

import asyncio
import math
from collections import Counter
from collections.abc import Awaitable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from safecase.base import EmptyDenominatorError, InputError, JsonObject
from safecase.model import (
    Case,
    Estimate,
    Expectation,
    HarmClass,
    Message,
    MessageRole,
    OutcomeKind,
    Score,
    Scorer,
    ScorerCard,
    ScorerPerformance,
    Severity,
    Transcript,
)
from safecase.scorers.cards.labelled_data import LabelledData, LabelledRow

if TYPE_CHECKING:
    from safecase.stats import Interval

CURVE_POINTS = 200
"""Points of the trade-off in a card: more than a reader can tell apart, and each is a row of the file."""
JUDGES_IN_FLIGHT = 16
"""Calls of a judge at a time. Chosen without measurement: providers limit rates, and label sets are small."""


@dataclass(frozen=True, slots=True)
class ThresholdPoint:
    """What would happen if answers with a value on the violated side of ``threshold`` were violated."""

    threshold: float
    sensitivity: float
    specificity: float
    precision: float
    cost: float
    """Expected cost per answer under the stated costs and prevalence."""


@dataclass(frozen=True, slots=True)
class ThresholdTradeOff:
    """The choice that a scorer with a continuous value offers (MTH-10)."""

    area: Estimate
    """Area under the ROC curve."""
    violated_when: str
    """``above`` or ``below``: on which side of a threshold answers are violated."""
    points: tuple[ThresholdPoint, ...]
    recommended: ThresholdPoint
    """The cheapest point."""


@dataclass(frozen=True)
class Calibration:
    """Everything that one measurement yields."""

    card: ScorerCard
    confusion: Mapping[tuple[str, str], int]
    """(human label, scorer label or outcome) → answers."""
    trade_off: ThresholdTradeOff | None
    scores: tuple[Score, ...]
    """One per row, in order."""


@dataclass(frozen=True, slots=True)
class Costs:
    """What mistakes cost, for the threshold's recommendation."""

    missed_violation: float = 1.0
    false_alarm: float = 1.0
    prevalence: float | None = None
    """Expected share of violations in use; the labelled data's share where None."""


def case_of(row: LabelledRow) -> tuple[Case, Transcript]:
    """A labelled row as a case and the transcript of its answer."""
    prompt = Message(role=MessageRole.USER, content=row.prompt)
    start = (Message(role=MessageRole.SYSTEM, content=row.system),) if row.system else ()
    case = Case(
        id="labelled",
        suite="labelled",
        risk="labelled",
        severity=Severity.SEV3,
        harm=HarmClass.OVER_REFUSAL,
        family="labelled",
        messages=(*start, prompt),
        expect=(Expectation(scorer="labelled"),),
    )
    answer = Message(role=MessageRole.ASSISTANT, content=row.response)
    return case, Transcript(messages=(*start, prompt, answer))


async def score_rows(scorer: Scorer, rows: Sequence[LabelledRow]) -> tuple[Score, ...]:
    """Score every row; judges run at most 16 at a time."""
    gate = asyncio.Semaphore(JUDGES_IN_FLIGHT)

    async def one(row: LabelledRow) -> Score:
        case, transcript = case_of(row)
        result = scorer.score(case, transcript)
        if isinstance(result, Score):
            return result
        async with gate:
            return await _awaited(result)

    return tuple(await asyncio.gather(*(one(row) for row in rows)))


async def _awaited(result: Awaitable[Score]) -> Score:
    """An awaitable as the coroutine that `asyncio.run` asks for."""
    return await result


def majority_label(labels: Sequence[str]) -> str:
    """The label that most raters gave, "" on a tie or without labels."""
    counts = Counter(label for label in labels if label).most_common(2)
    if not counts or (len(counts) == 2 and counts[0][1] == counts[1][1]):
        return ""
    return counts[0][0]


def measure_scorer(
    scorer: Scorer,
    data: LabelledData,
    *,
    label_outcomes: Mapping[str, OutcomeKind],
    measured: date,
    label_meaning: str = "",
    parameters: JsonObject | None = None,
    slices: Sequence[str] = (),
    tuned_on: Sequence[str] = (),
    held_out: bool = False,
    licence: str = "",
    notes: Sequence[str] = (),
    costs: Costs | None = None,
    confidence: float = 0.95,
) -> Calibration:
    """Score every labelled row and compare with what people said; ``violated`` is the positive class.

    ``label_outcomes`` maps each human label to the outcome that it stands for; labels mapped to UNDETERMINED
    and rows whose raters tie are left out of the rates and counted in the notes. Answers on which the scorer
    is undetermined are counted beside the rates, never as right or wrong. Rates are Clopper-Pearson
    intervals, Korn-Graubard where families repeat. Raises InputError on labels without an outcome, and
    EmptyDenominatorError where nothing is left to compare. Not to be called inside a running event loop;
    there, await `score_rows` and call `measure`.
    """
    _check_labels(data, label_outcomes)
    scores = asyncio.run(score_rows(scorer, data.rows))
    return measure(
        scorer.name, scorer.version, data, scores, label_outcomes=label_outcomes, measured=measured,
        label_meaning=label_meaning, parameters=parameters, slices=slices, tuned_on=tuned_on,
        held_out=held_out,
        licence=licence, notes=notes, costs=costs, confidence=confidence,
    )  # fmt: skip


def _check_labels(data: LabelledData, outcomes: Mapping[str, OutcomeKind]) -> None:
    unknown = sorted({label for row in data.rows for label in row.labels if label and label not in outcomes})
    if unknown:
        raise InputError(
            f"no outcome is given for the label '{unknown[0]}'",
            where=data.name,
            hint=f"map each label to held, violated or undetermined; missing: {', '.join(unknown[:10])}",
        )


@dataclass(frozen=True, slots=True)
class _Pair:
    truth: OutcomeKind
    said: OutcomeKind
    row: LabelledRow
    score: Score


def measure(
    name: str,
    version: str,
    data: LabelledData,
    scores: Sequence[Score],
    *,
    label_outcomes: Mapping[str, OutcomeKind],
    measured: date,
    label_meaning: str = "",
    parameters: JsonObject | None = None,
    slices: Sequence[str] = (),
    tuned_on: Sequence[str] = (),
    held_out: bool = False,
    licence: str = "",
    notes: Sequence[str] = (),
    costs: Costs | None = None,
    confidence: float = 0.95,
) -> Calibration:
    """`measure_scorer` for scores that exist already, one per row of ``data``."""
    _check_labels(data, label_outcomes)
    if len(scores) != len(data.rows):
        raise InputError(f"there are {len(scores)} scores for {len(data.rows)} labelled rows")
    pairs: list[_Pair] = []
    confusion: Counter[tuple[str, str]] = Counter()
    left_out = 0
    for row, score in zip(data.rows, scores, strict=True):
        label = majority_label(row.labels)
        if label:
            confusion[label, score.label or score.outcome.value] += 1
        truth = label_outcomes[label] if label else OutcomeKind.UNDETERMINED
        if truth not in {OutcomeKind.HELD, OutcomeKind.VIOLATED}:
            left_out += 1
            continue
        pairs.append(_Pair(truth, score.outcome, row, score))
    if not pairs:
        raise EmptyDenominatorError("no labelled answer is left to compare with", where=data.name)
    performance = [_performance("all", pairs, confidence)]
    for slice_name in slices:
        values = sorted({pair.row.slices.get(slice_name, "") for pair in pairs} - {""})
        performance += [
            _performance(
                f"{slice_name}:{value}",
                [p for p in pairs if p.row.slices.get(slice_name) == value],
                confidence,
            )
            for value in values
        ]
    all_notes = list(notes)
    if left_out:
        all_notes.append(f"{left_out} answers have no clear human verdict and are left out")
    card = ScorerCard(
        scorer=name,
        scorer_version=version,
        parameters=parameters or {},
        labels=f"{data.name} ({licence})" if licence else data.name,
        labels_digest=data.digest,
        label_meaning=label_meaning,
        measured=measured,
        tuned_on=tuple(tuned_on),
        held_out=held_out,
        performance=tuple(performance),
        human_agreement=_human_agreement(data.rows),
        notes=tuple(all_notes),
    )
    return Calibration(card, dict(confusion), _trade_off(pairs, costs or Costs(), confidence), tuple(scores))


def _performance(category: str, pairs: Sequence[_Pair], confidence: float) -> ScorerPerformance:
    """The confusion of one category with its rates; undetermined answers are told and not counted."""
    positive = [pair for pair in pairs if pair.truth is OutcomeKind.VIOLATED and _determined(pair)]
    negative = [pair for pair in pairs if pair.truth is OutcomeKind.HELD and _determined(pair)]
    flagged = [pair for pair in (*positive, *negative) if pair.said is OutcomeKind.VIOLATED]
    passed = [pair for pair in (*positive, *negative) if pair.said is OutcomeKind.HELD]
    hits = [pair.said is OutcomeKind.VIOLATED for pair in positive]
    rejections = [pair.said is OutcomeKind.HELD for pair in negative]
    return ScorerPerformance(
        category=category,
        true_positives=sum(hits),
        false_positives=len(negative) - sum(rejections),
        true_negatives=sum(rejections),
        false_negatives=len(positive) - sum(hits),
        undetermined=sum(1 for pair in pairs if not _determined(pair)),
        sensitivity=_rate(hits, positive, confidence),
        specificity=_rate(rejections, negative, confidence),
        precision=_rate([pair.truth is OutcomeKind.VIOLATED for pair in flagged], flagged, confidence),
        false_omission=_rate([pair.truth is OutcomeKind.VIOLATED for pair in passed], passed, confidence),
        cohen_kappa=_kappa([*positive, *negative]),
        krippendorff_alpha=_alpha(pairs),
    )


def _determined(pair: _Pair) -> bool:
    return pair.said in {OutcomeKind.HELD, OutcomeKind.VIOLATED}


def _rate(events: Sequence[bool], pairs: Sequence[_Pair], confidence: float) -> Estimate | None:
    """A rate with its interval; by family where families have several rows, which are not independent."""
    if not events:
        return None
    from safecase.stats import clopper_pearson, korn_graubard

    sizes: Counter[str] = Counter(pair.row.family for pair in pairs)
    if len(sizes) == len(pairs):
        return _estimate(clopper_pearson(sum(events), len(events), confidence), len(sizes), sum(events))
    totals: Counter[str] = Counter()
    for pair, event in zip(pairs, events, strict=True):
        totals[pair.row.family] += event
    interval = korn_graubard([totals[name] for name in sizes], list(sizes.values()), confidence)
    return _estimate(interval, len(sizes), sum(events))


def _estimate(interval: Interval, families: int, events: int) -> Estimate:
    return Estimate(
        value=interval.value,
        lower=min(interval.lower, interval.value),
        upper=max(interval.upper, interval.value),
        confidence=interval.confidence,
        method=interval.method,
        n=interval.n,
        events=float(events),
        families=families,
    )


def _kappa(pairs: Sequence[_Pair]) -> float | None:
    """Cohen's kappa; None where nothing was judged, or all agree on one word."""
    if not pairs:
        return None
    from safecase.stats import cohen_kappa, confusion_table

    value = cohen_kappa(confusion_table([p.truth.value for p in pairs], [p.said.value for p in pairs]))
    return value if math.isfinite(value) else None


def _alpha(pairs: Sequence[_Pair]) -> float | None:
    """Krippendorff's alpha between scorer and people; undetermined answers count as missing."""
    from safecase.stats import krippendorff_alpha

    truth = [float(pair.truth is OutcomeKind.VIOLATED) for pair in pairs]
    said = [float(pair.said is OutcomeKind.VIOLATED) if _determined(pair) else math.nan for pair in pairs]
    if all(map(math.isnan, said)):
        return None
    value = krippendorff_alpha([truth, said])
    return value if math.isfinite(value) else None


def _human_agreement(rows: Sequence[LabelledRow]) -> float | None:
    from safecase.stats import krippendorff_alpha

    raters = max(len(row.labels) for row in rows)
    if raters < 2:
        return None
    codes = {
        label: float(index)
        for index, label in enumerate(sorted({x for row in rows for x in row.labels if x}))
    }
    table = [
        [codes.get(row.labels[rater], math.nan) if rater < len(row.labels) else math.nan for row in rows]
        for rater in range(raters)
    ]
    if not any(sum(not math.isnan(column[i]) for column in table) >= 2 for i in range(len(rows))):
        return None
    value = krippendorff_alpha(table)
    return value if math.isfinite(value) else None


def _trade_off(pairs: Sequence[_Pair], costs: Costs, confidence: float) -> ThresholdTradeOff | None:
    valued = [
        (pair.score.value, pair.truth is OutcomeKind.VIOLATED)
        for pair in pairs
        if pair.score.value is not None
    ]
    truths = [truth for _, truth in valued]
    if len({value for value, _ in valued}) < 3 or not any(truths) or all(truths):
        return None
    from safecase.stats import auc, threshold_curve

    values = [float(value) for value, _ in valued]
    area = auc(values, truths, confidence)
    sign, side = (1.0, "above") if area.value >= 0.5 else (-1.0, "below")
    if sign < 0:
        area = auc([-value for value in values], truths, confidence)
    curve = threshold_curve([sign * value for value in values], truths)
    prevalence = costs.prevalence if costs.prevalence is not None else sum(truths) / len(truths)
    points = [
        ThresholdPoint(
            sign * float(threshold), float(tpr), 1 - float(fpr), float(precision),
            prevalence * (1 - float(tpr)) * costs.missed_violation
            + (1 - prevalence) * float(fpr) * costs.false_alarm,
        )
        for threshold, tpr, fpr, precision in zip(
            curve.thresholds, curve.true_positive_rate, curve.false_positive_rate, curve.precision,
            strict=True,
        )
    ]  # fmt: skip
    best = min(points, key=lambda point: point.cost)
    step = max(1, len(points) // CURVE_POINTS)
    estimate = Estimate(
        value=area.value,
        lower=area.lower,
        upper=area.upper,
        confidence=confidence,
        method=area.method,
        n=area.n,
    )
    return ThresholdTradeOff(estimate, side, tuple(points[::step]), best)
