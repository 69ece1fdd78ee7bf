"""From journals to one log: streamed, verified, and only then are the journals removed."""

from __future__ import annotations

import os
from pathlib import Path

from safecase.base import InfrastructureError
from safecase.engine.journal._log import COLUMNS_NAME, LOG_NAME, AttemptLog, write_log
from safecase.engine.journal._reader import JournalIndex, journal_paths
from safecase.engine.journal._writer import flush_folder
from safecase.engine.plan import RunPlan
from safecase.engine.status import private_file


def compact(folder: Path, plan: RunPlan, *, remove_journals: bool = True) -> str:
    """Write log and columns from the journals of a run folder; the digest of the log's records.

    Both are written beside their places, read back, and compared with the journals in number of records and
    in digest before they take their places; the journals go only after the folder that names both is on the
    disk, so that a power cut leaves the one or the other. Memory grows by the columns
    only. Raises InfrastructureError on damaged journals, on a full disk and on a log that does not compare.
    """
    paths = journal_paths(folder)
    index = JournalIndex(paths)
    log, columns = folder / (LOG_NAME + ".part"), folder / (COLUMNS_NAME + ".part")
    try:
        with private_file(log) as records, private_file(columns) as arrays:
            written = write_log(records, arrays, index.records(), len(index), plan.case_index)
            for file in (records, arrays):
                file.flush()
                os.fsync(file.fileno())
        part = AttemptLog(log, columns)
        if written[0] != len(index) or part.digest() != written or len(part.columns()) != len(index):
            raise InfrastructureError(
                "the compacted log does not read back as it was written; the journals are kept",
                where=str(folder),
                hint="check the disk, then run `safecase resume`",
            )
        # Where the log stands the run counts as compacted, so the columns have to be there before it.
        columns.replace(folder / COLUMNS_NAME)
        flush_folder(folder)
        log.replace(folder / LOG_NAME)
        flush_folder(folder)
    except OSError as error:
        for path in (log, columns):
            path.unlink(missing_ok=True)
        raise InfrastructureError(
            f"cannot write {LOG_NAME}: {error.strerror or error}; the journals are kept",
            where=str(folder),
            hint="free space, then run `safecase resume`",
        ) from error
    if remove_journals:
        for path in paths:
            path.unlink(missing_ok=True)
    return written[1]
