"""Are the results of a run those that were recorded? What decides is read by nobody before this was asked.

Gates compute on columns, which follow from the records. Three digests tie them: ``status.json`` has that of
the records and that of the columns' file, which in turn has that of the log's bytes. Whoever changes the
columns and both digests is found by the records, which are read here where they are few, and by every report.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import orjson

from safecase.base import CheckFailed, file_digest
from safecase.engine.journal._log import COLUMNS_NAME, LOG_NAME, AttemptLog
from safecase.engine.run_folder import RunFolder
from safecase.engine.status import RunState
from safecase.engine.summary import ORIGIN_CODES, OUTCOME_CODES, SummaryColumns, record_fields

_FEW = 50_000
"""Records that are read for each verdict: they take half a second. A report reads them all."""
_HINT = "restore the run from a copy; its results cannot be used as they are"


def check_results(folder: RunFolder) -> None:
    """Hold the log, the columns and the status of a run against each other.

    Raises CheckFailed, naming the file, where one of them is not what was recorded. A run that is still in
    its journals has nothing recorded but the journals, whose frames have checksums.
    """
    if not folder.compacted:
        return
    status, log = folder.status, AttemptLog.of(folder.path)
    place = folder.path / "status.json"
    if not status.attempts_digest:
        raise CheckFailed(
            "the run ended without its results being recorded", where=str(place), hint="safecase resume"
        )
    columns = folder.columns()
    if file_digest(folder.path / LOG_NAME) != log.named_log_digest():
        raise CheckFailed(
            "the attempts are not those that were recorded", where=str(folder.path / LOG_NAME), hint=_HINT
        )
    _check_counts(columns, folder)
    if len(columns) <= _FEW:
        compare = comparison(columns)
        for position, record in enumerate(folder.records()):
            compare(position, record)
        if log.digest() != (len(columns), status.attempts_digest):
            raise CheckFailed(
                "the status names another log than stands beside it", where=str(place), hint=_HINT
            )


def _check_counts(columns: SummaryColumns, folder: RunFolder) -> None:
    """What the status counts, held against the columns."""
    status = folder.status
    codes, counts = np.unique(columns.outcome, return_counts=True)
    found = {OUTCOME_CODES[code].value: int(count) for code, count in zip(codes, counts, strict=True)}
    told = {kind: count for kind, count in status.outcomes.items() if count}
    whole = status.recorded + status.skipped + status.not_run
    finished = status.state is RunState.COMPLETE
    if (
        status.recorded != len(columns)
        or (told and told != found)
        or status.planned != folder.manifest.planned
        or (status.skipped + status.not_run > 0 and whole != status.planned)
        or (finished and status.not_run)
        or (finished and folder.manifest.settings.complete and len(columns) != status.planned)
    ):
        raise CheckFailed(
            "the status counts other attempts than the log holds",
            where=str(folder.path / "status.json"),
            hint=_HINT,
        )


def comparison(columns: SummaryColumns) -> Callable[[int, bytes], int]:
    """A function that holds the record at a position against the columns, and gives its draw.

    It raises CheckFailed at the first field that is not what the record says.
    """
    outcomes = {kind.value: code for code, kind in enumerate(OUTCOME_CODES)}
    origins = {kind.value: code for code, kind in enumerate(ORIGIN_CODES)}
    labels = columns.labels

    def compare(position: int, record: bytes) -> int:
        try:
            found = record_fields(orjson.loads(record))
            if position >= len(columns):
                raise CheckFailed("the log holds more attempts than its columns", where=COLUMNS_NAME)
            held = (
                columns.draw[position],
                columns.repeat[position],
                columns.outcome[position],
                columns.error_origin[position],
                columns.latency_ms[position],
                columns.input_tokens[position],
                columns.output_tokens[position],
                columns.cached[position],
                labels[columns.label[position]],
                _number(columns.cost_usd[position]),
                _number(columns.value[position]),
            )
            wanted = (
                found.draw,
                found.repeat,
                outcomes[found.outcome],
                origins[found.error_origin] if found.error_origin is not None else -1,
                found.latency_ms,
                found.input_tokens,
                found.output_tokens,
                found.cached,
                found.label,
                found.cost_usd,
                found.value,
            )
        except (orjson.JSONDecodeError, LookupError, TypeError) as error:
            raise CheckFailed("a record of the run log is not an attempt", where=LOG_NAME) from error
        if held != wanted:
            named = [name for name, mine, theirs in zip(_FIELDS, held, wanted, strict=True) if mine != theirs]
            raise CheckFailed(
                f"the column '{named[0]}' is not what the records say: draw {found.draw} of {found.case_id}",
                where=COLUMNS_NAME,
                hint=_HINT,
            )
        return found.draw

    return compare


_FIELDS = (
    "draw", "repeat", "outcome", "error_origin", "latency_ms", "input_tokens", "output_tokens", "cached",
    "label", "cost_usd", "value",
)  # fmt: skip


def _number(value: float) -> float | None:
    return None if math.isnan(value) else float(value)
