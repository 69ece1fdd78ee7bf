"""The columns that gates compute on: from an attempt, and from a whole run at once."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from safecase.model import Attempt, AttemptSummary, Case, ErrorOrigin, OutcomeKind, Score

OUTCOME_CODES: tuple[OutcomeKind, ...] = (
    OutcomeKind.HELD,
    OutcomeKind.VIOLATED,
    OutcomeKind.UNDETERMINED,
    OutcomeKind.ERROR,
)
"""Outcome of code 0, 1, 2, 3."""
ORIGIN_CODES: tuple[ErrorOrigin, ...] = (ErrorOrigin.TARGET, ErrorOrigin.SCORER, ErrorOrigin.HARNESS)
"""Error origin of code 0, 1, 2; -1 means no error."""


@dataclass(frozen=True)
class SummaryColumns:
    """A run without its transcripts: arrays of equal length n, sorted by draw."""

    draw: NDArray[np.int64]
    case_index: NDArray[np.int32]
    """Position of the case in ``RunFolder.cases()``."""
    repeat: NDArray[np.int32]
    outcome: NDArray[np.int8]
    """Index into OUTCOME_CODES: 0 held, 1 violated, 2 undetermined, 3 error."""
    error_origin: NDArray[np.int8]
    """Index into ORIGIN_CODES, -1 where there is no error."""
    latency_ms: NDArray[np.float64]
    input_tokens: NDArray[np.int64]
    output_tokens: NDArray[np.int64]
    cost_usd: NDArray[np.float64]
    """NaN where no price is known."""
    cached: NDArray[np.bool_]
    value: NDArray[np.float64]
    """The deciding score's value, NaN where it has none."""
    label: NDArray[np.int32]
    """Index into ``labels``."""
    labels: tuple[str, ...]

    def __len__(self) -> int:
        return len(self.draw)


def deciding_score(outcome: OutcomeKind, scores: Sequence[Score]) -> Score | None:
    """The score that an attempt's label and value come from.

    The first score with the attempt's outcome that has a label, else the first with that outcome, else the
    first score, else None.
    """
    same = [score for score in scores if score.outcome is outcome]
    for score in same:
        if score.label:
            return score
    if same:
        return same[0]
    return scores[0] if scores else None


def summarise(attempt: Attempt, case: Case) -> AttemptSummary:
    """The attempt joined to its case, without its transcript."""
    score = deciding_score(attempt.outcome, attempt.scores)
    return AttemptSummary(
        draw=attempt.draw,
        case_id=attempt.case_id,
        repeat=attempt.repeat,
        family=case.family,
        suite=case.suite,
        risk=case.risk,
        severity=case.severity,
        attack=case.attack,
        harm=case.harm,
        language=case.language,
        benign=case.benign,
        group=case.group,
        held_out=case.held_out,
        tags=case.tags,
        outcome=attempt.outcome,
        error_origin=attempt.error.origin if attempt.error is not None else None,
        scorers=tuple(score.scorer for score in attempt.scores),
        label=score.label if score is not None else "",
        value=score.value if score is not None else None,
        latency_ms=attempt.latency_ms,
        input_tokens=attempt.usage.input_tokens,
        output_tokens=attempt.usage.output_tokens,
        cost_usd=attempt.usage.cost_usd,
        cached=attempt.cached,
    )


@dataclass(frozen=True, slots=True)
class RecordFields:
    """What the columns hold of one record, as plain values."""

    draw: int
    case_id: str
    repeat: int
    outcome: str
    error_origin: str | None
    label: str
    value: float | None
    latency_ms: float
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    cached: bool


def record_fields(record: dict[str, Any]) -> RecordFields:
    """The fields of one journal record; raises KeyError where it is not an attempt.

    Agrees with `summarise`, without building the attempt.
    """
    outcome = record["outcome"]
    scores = record["scores"]
    chosen: dict[str, Any] | None = None
    for score in scores:
        if score["outcome"] == outcome and (chosen is None or (not chosen["label"] and score["label"])):
            chosen = score
            if score["label"]:
                break
    if chosen is None and scores:
        chosen = scores[0]
    error = record["error"]
    usage = record["usage"]
    return RecordFields(
        draw=record["draw"],
        case_id=record["case_id"],
        repeat=record["repeat"],
        outcome=outcome,
        error_origin=error["origin"] if error else None,
        label=chosen["label"] if chosen else "",
        value=chosen["value"] if chosen else None,
        latency_ms=record["latency_ms"],
        input_tokens=usage["input_tokens"],
        output_tokens=usage["output_tokens"],
        cost_usd=usage["cost_usd"],
        cached=record["cached"],
    )


def columns_from_records(
    records: Iterable[dict[str, Any]], count: int, case_index: NDArray[np.int32]
) -> SummaryColumns:
    """Columns of ``count`` records that come in draw order; ``case_index`` is the plan's, by draw."""
    outcomes = {kind.value: code for code, kind in enumerate(OUTCOME_CODES)}
    origins = {kind.value: code for code, kind in enumerate(ORIGIN_CODES)}
    labels: dict[str, int] = {}
    columns = SummaryColumns(
        draw=np.empty(count, dtype=np.int64),
        case_index=np.empty(count, dtype=np.int32),
        repeat=np.empty(count, dtype=np.int32),
        outcome=np.empty(count, dtype=np.int8),
        error_origin=np.full(count, -1, dtype=np.int8),
        latency_ms=np.empty(count, dtype=np.float64),
        input_tokens=np.empty(count, dtype=np.int64),
        output_tokens=np.empty(count, dtype=np.int64),
        cost_usd=np.full(count, np.nan),
        cached=np.empty(count, dtype=np.bool_),
        value=np.full(count, np.nan),
        label=np.empty(count, dtype=np.int32),
        labels=(),
    )
    for position, record in enumerate(records):
        fields = record_fields(record)
        columns.draw[position] = fields.draw
        columns.case_index[position] = case_index[fields.draw]
        columns.repeat[position] = fields.repeat
        columns.outcome[position] = outcomes[fields.outcome]
        if fields.error_origin is not None:
            columns.error_origin[position] = origins[fields.error_origin]
        columns.latency_ms[position] = fields.latency_ms
        columns.input_tokens[position] = fields.input_tokens
        columns.output_tokens[position] = fields.output_tokens
        if fields.cost_usd is not None:
            columns.cost_usd[position] = fields.cost_usd
        columns.cached[position] = fields.cached
        if fields.value is not None:
            columns.value[position] = fields.value
        columns.label[position] = labels.setdefault(fields.label, len(labels))
    return replace(columns, labels=tuple(labels))
