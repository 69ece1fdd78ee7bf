"""From journals to one table: streamed, verified, and only then are the journals removed."""

from __future__ import annotations

import os
from pathlib import Path

from safecase.base import InfrastructureError
from safecase.engine.journal._reader import JournalIndex, journal_paths
from safecase.engine.journal._table import table_digest, write_table
from safecase.engine.plan import RunPlan

TABLE_NAME = "attempts.parquet"


def compact(folder: Path, plan: RunPlan, *, remove_journals: bool = True) -> str:
    """Write ``attempts.parquet`` from the journals of a run folder; the digest of its records.

    The table is written beside its place, read back, and compared with the journals in number of rows and in
    digest before it takes its place; the journals go only after that. Memory does not grow with the run.
    Raises InfrastructureError on damaged journals, on a full disk and on a table that does not compare.
    """
    paths = journal_paths(folder)
    index = JournalIndex(paths)
    temporary = folder / (TABLE_NAME + ".part")
    try:
        written = write_table(temporary, index.records(), plan)
        if written[0] != len(index) or table_digest(temporary) != written:
            raise InfrastructureError(
                "the compacted table does not read back as it was written; the journals are kept",
                where=str(folder),
                hint="check the disk, then run `safecase resume`",
            )
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.replace(folder / TABLE_NAME)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise InfrastructureError(
            f"cannot write {TABLE_NAME}: {error.strerror or error}; the journals are kept",
            where=str(folder),
            hint="free space, then run `safecase resume`",
        ) from error
    if remove_journals:
        for path in paths:
            path.unlink(missing_ok=True)
    return written[1]
