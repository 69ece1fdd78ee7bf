"""Rows of Parquet files, which an extra reads: its reader alone is half as large as all the rest."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from safecase.base.errors import InputError


def parquet_rows(path: Path, *, where: str) -> Iterator[dict[str, Any]]:
    """The rows of a file, in pieces. Raises InputError without the extra and where the file is no Parquet."""
    try:
        import pyarrow as pa
        import pyarrow.parquet as pq
    except ImportError:
        raise InputError(
            "reading parquet files needs the parquet extra",
            where=where,
            hint="pip install 'safecase[parquet]', or save the data as jsonl",
        ) from None
    try:
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(batch_size=1024):
                yield from batch.to_pylist()
    except (pa.ArrowException, OSError) as error:
        raise InputError(f"this is no readable parquet file: {str(error)[:200]}", where=where) from None
