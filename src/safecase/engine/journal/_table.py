"""The columns of ``attempts.parquet``: an attempt joined to its case, and the whole record beside them."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from safecase.base import InfrastructureError
from safecase.engine.journal._arrow import (
    number_array,
    numpy_column,
    read_columns,
    text_array,
    word_array,
    word_codes,
)
from safecase.engine.plan import RunPlan
from safecase.engine.summary import ORIGIN_CODES, OUTCOME_CODES, RecordFields, SummaryColumns, record_fields

if TYPE_CHECKING:
    import pyarrow as pa

# What is in memory at once while a run is compacted; whichever is reached first ends a row group.
_GROUP_ROWS = 8_192
_GROUP_BYTES = 16 * 1024 * 1024
_SUMMARY_COLUMNS = (
    "draw",
    "case_index",
    "repeat",
    "outcome",
    "error_origin",
    "latency_ms",
    "input_tokens",
    "output_tokens",
    "cost_usd",
    "cached",
    "value",
    "label",
)
_DICTIONARIES = (
    "case_id",
    "suite",
    "family",
    "risk",
    "severity",
    "attack",
    "harm",
    "language",
    "outcome",
    "error_origin",
    "error_kind",
    "label",
)


def schema() -> pa.Schema:
    """Column names and types of the table; ``record`` is the attempt's JSON as the journal had it."""
    import pyarrow as pa

    word = pa.dictionary(pa.int32(), pa.string())
    return pa.schema(
        [
            pa.field("draw", pa.int64(), nullable=False),
            pa.field("case_index", pa.int32(), nullable=False),
            pa.field("repeat", pa.int32(), nullable=False),
            *(pa.field(name, word) for name in _DICTIONARIES[:8]),
            pa.field("outcome", word, nullable=False),
            pa.field("error_origin", word),
            pa.field("error_kind", word),
            pa.field("label", word, nullable=False),
            pa.field("value", pa.float64()),
            pa.field("latency_ms", pa.float64(), nullable=False),
            pa.field("input_tokens", pa.int64(), nullable=False),
            pa.field("output_tokens", pa.int64(), nullable=False),
            pa.field("cost_usd", pa.float64()),
            pa.field("cached", pa.bool_(), nullable=False),
            pa.field("record", pa.string(), nullable=False),
        ]
    )


def write_table(path: Path, records: Iterable[bytes], plan: RunPlan) -> tuple[int, str]:
    """Write records, which come in draw order, in row groups; number of rows and their digest.

    The digest is SHA-256 over the records in draw order, each with a line break behind it.
    """
    import pyarrow.parquet as pq

    state = hashlib.sha256()
    rows = 0
    with pq.ParquetWriter(
        path, schema(), compression="zstd", compression_level=3, use_dictionary=list(_DICTIONARIES)
    ) as writer:
        for group in _groups(records):
            for record in group:
                state.update(record)
                state.update(b"\n")
            writer.write_batch(_batch(group, plan), row_group_size=_GROUP_ROWS)
            rows += len(group)
    return rows, "sha256:" + state.hexdigest()


def table_records(path: Path) -> Iterator[bytes]:
    """The records of a table in draw order, with the memory of one row group."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            column = file.read_row_group(number, columns=["record"]).column(0)
            for chunk in column.chunks:
                for value in chunk:
                    yield value.as_py().encode()


def table_digest(path: Path) -> tuple[int, str]:
    """Number of rows of a table and the digest of its records."""
    state = hashlib.sha256()
    rows = 0
    for record in table_records(path):
        state.update(record)
        state.update(b"\n")
        rows += 1
    return rows, "sha256:" + state.hexdigest()


def table_record(path: Path, draw: int) -> bytes | None:
    """The record of one draw, or None."""
    import pyarrow.parquet as pq

    with pq.ParquetFile(path) as file:
        for number in range(file.num_row_groups):
            statistics = file.metadata.row_group(number).column(0).statistics
            if (
                statistics is not None
                and statistics.has_min_max
                and not statistics.min <= draw <= statistics.max
            ):
                continue
            table = file.read_row_group(number, columns=["draw", "record"])
            found = np.flatnonzero(numpy_column(table.column("draw")) == draw)
            if len(found):
                text: str = table.column("record")[int(found[0])].as_py()
                return text.encode()
    return None


def table_columns(path: Path) -> SummaryColumns:
    """The summary columns of a table; transcripts are not read."""
    try:
        table = read_columns(path, _SUMMARY_COLUMNS)
    except (OSError, ValueError) as error:
        raise InfrastructureError(f"cannot read the attempts: {error}", where=str(path)) from error
    label, labels = word_codes(table.column("label"))
    return SummaryColumns(
        draw=numpy_column(table.column("draw")),
        case_index=numpy_column(table.column("case_index")),
        repeat=numpy_column(table.column("repeat")),
        outcome=_fixed_codes(table.column("outcome"), [kind.value for kind in OUTCOME_CODES]),
        error_origin=_fixed_codes(table.column("error_origin"), [kind.value for kind in ORIGIN_CODES]),
        latency_ms=numpy_column(table.column("latency_ms")),
        input_tokens=numpy_column(table.column("input_tokens")),
        output_tokens=numpy_column(table.column("output_tokens")),
        cost_usd=numpy_column(table.column("cost_usd")),
        cached=numpy_column(table.column("cached")),
        value=numpy_column(table.column("value")),
        label=label,
        labels=labels,
    )


def _groups(records: Iterable[bytes]) -> Iterator[list[bytes]]:
    group: list[bytes] = []
    size = 0
    for record in records:
        group.append(record)
        size += len(record)
        if len(group) >= _GROUP_ROWS or size >= _GROUP_BYTES:
            yield group
            group, size = [], 0
    if group:
        yield group


def _batch(group: list[bytes], plan: RunPlan) -> pa.RecordBatch:
    import pyarrow as pa

    rows: list[RecordFields] = []
    for record in group:
        try:
            rows.append(record_fields(orjson.loads(record)))
        except (orjson.JSONDecodeError, KeyError, TypeError) as error:
            raise InfrastructureError(f"a line of the run log is not an attempt: {error}") from error
    draws = np.fromiter((row.draw for row in rows), dtype=np.int64, count=len(rows))
    case_index = plan.case_index[draws]
    cases = [plan.cases[position] for position in case_index]
    numbers: dict[str, tuple[type[np.generic], Iterable[Any]]] = {
        "draw": (np.int64, draws),
        "case_index": (np.int32, case_index),
        "repeat": (np.int32, (row.repeat for row in rows)),
        "latency_ms": (np.float64, (row.latency_ms for row in rows)),
        "input_tokens": (np.int64, (row.input_tokens for row in rows)),
        "output_tokens": (np.int64, (row.output_tokens for row in rows)),
        "cached": (np.bool_, (row.cached for row in rows)),
    }
    measured = {"value": [row.value for row in rows], "cost_usd": [row.cost_usd for row in rows]}
    words: dict[str, list[str | None]] = {
        "case_id": [case.id for case in cases],
        "suite": [case.suite for case in cases],
        "family": [case.family for case in cases],
        "risk": [case.risk for case in cases],
        "severity": [case.severity.value for case in cases],
        "attack": [case.attack.value if case.attack is not None else None for case in cases],
        "harm": [case.harm.value for case in cases],
        "language": [case.language for case in cases],
        "outcome": [row.outcome for row in rows],
        "error_origin": [row.error_origin for row in rows],
        "error_kind": [row.error_kind for row in rows],
        "label": [row.label for row in rows],
    }
    arrays = {"record": text_array(group)}
    for name, (kind, values) in numbers.items():
        arrays[name] = number_array(np.fromiter(values, dtype=kind, count=len(rows)))
    for name, found in measured.items():
        present = np.array([value is not None for value in found])
        arrays[name] = number_array(np.array([value or 0.0 for value in found]), present)
    for name, spoken in words.items():
        arrays[name] = word_array(spoken)
    columns = schema()
    return pa.RecordBatch.from_arrays([arrays[name] for name in columns.names], schema=columns)


def _fixed_codes(column: pa.ChunkedArray, words: list[str]) -> NDArray[np.int8]:
    """Codes of a column of words in the order of ``words``; -1 where it is null."""
    codes, known = word_codes(column)
    return np.array([*(words.index(word) for word in known), -1], dtype=np.int8)[codes]
