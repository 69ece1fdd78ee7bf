"""The log of an ended run: all records in draw order, and beside them the columns that gates compute on.

``attempts.jsonl.zst`` has the journals' form, so what reads one reads the other: frames of bounded size, each
with its size and a checksum, each record byte for byte as it was journalled. ``attempts.npz`` holds the
summary columns and where each frame begins; all of it follows from the records.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
from numpy.typing import NDArray

from safecase.base import InfrastructureError, compress_frame
from safecase.engine._array_file import read_arrays, read_text, write_arrays
from safecase.engine.journal._reader import Frame, read_frame
from safecase.engine.summary import SummaryColumns, columns_from_records

LOG_NAME = "attempts.jsonl.zst"
COLUMNS_NAME = "attempts.npz"

_FRAME_RECORDS = 2_048
_FRAME_BYTES = 4 * 1024 * 1024
"""Reading one attempt unpacks one frame: 4 MiB take about 10 ms, and larger frames hardly pack better. A
longer record is a frame by itself."""
_LABELS = "labels.json"
_LOG_DIGEST = "log_digest.txt"
"""SHA-256 of the log's bytes: the digest of the columns' file covers the log with it."""
_COLUMNS = tuple(field.name for field in fields(SummaryColumns) if field.name != "labels")


class LogWriter:
    """Writes records, which come in draw order, into frames; notes their digest and where frames begin."""

    def __init__(self, file: IO[bytes]) -> None:
        self.records = 0
        self.offsets: list[int] = [0]
        """Where each frame begins, and where the last one ends."""
        self.first_draws: list[int] = []
        """Draw of the first record of each frame."""
        self._file = file
        self._state = hashlib.sha256()
        self._file_state = hashlib.sha256()
        self._group: list[bytes] = []
        self._bytes = 0

    @property
    def digest(self) -> str:
        """SHA-256 over the records written so far, each with a line break behind it."""
        return "sha256:" + self._state.hexdigest()

    @property
    def file_digest(self) -> str:
        """SHA-256 over the file's bytes as they stand on the disk."""
        return "sha256:" + self._file_state.hexdigest()

    def write(self, record: bytes, draw: int) -> None:
        """Add one record."""
        if self._group and (len(self._group) >= _FRAME_RECORDS or self._bytes + len(record) > _FRAME_BYTES):
            self.flush()
        if not self._group:
            self.first_draws.append(draw)
        self._group.append(record)
        self._bytes += len(record)
        self.records += 1

    def flush(self) -> None:
        """Write the frame that has been begun."""
        if not self._group:
            return
        content = b"\n".join(self._group) + b"\n"
        self._state.update(content)
        frame = compress_frame(content)
        self._file.write(frame)
        self._file_state.update(frame)
        self.offsets.append(self.offsets[-1] + len(frame))
        self._group, self._bytes = [], 0


def write_log(
    log: IO[bytes], columns: IO[bytes], records: Iterable[bytes], count: int, case_index: NDArray[np.int32]
) -> tuple[int, str]:
    """Write ``count`` records, which come in draw order, and their columns; their number and digest.

    ``case_index`` is the plan's, by draw. Takes about 63 bytes of memory a record, as the columns do that
    gates compute on. Raises InfrastructureError where a record is no attempt.
    """
    writer = LogWriter(log)

    def parsed() -> Iterator[dict[str, Any]]:
        for record in records:
            attempt = orjson.loads(record)
            writer.write(record, attempt["draw"])
            yield attempt

    try:
        found = columns_from_records(parsed(), count, case_index)
    except (orjson.JSONDecodeError, LookupError, TypeError) as error:
        raise InfrastructureError(f"a line of the run log is not an attempt: {error}") from error
    writer.flush()
    arrays: dict[str, NDArray[Any]] = {name: getattr(found, name) for name in _COLUMNS}
    arrays["frame_offset"] = np.array(writer.offsets, dtype=np.int64)
    arrays["frame_draw"] = np.array(writer.first_draws, dtype=np.int64)
    write_arrays(
        columns, arrays, texts={_LABELS: orjson.dumps(found.labels), _LOG_DIGEST: writer.file_digest.encode()}
    )
    return writer.records, writer.digest


class AttemptLog:
    """The log and the columns of an ended run. Raises InfrastructureError where they are damaged."""

    def __init__(self, log: Path, columns: Path) -> None:
        self.log = log
        self.columns_file = columns

    @classmethod
    def of(cls, folder: Path) -> AttemptLog:
        """The log of a run folder."""
        return cls(folder / LOG_NAME, folder / COLUMNS_NAME)

    def records(self) -> Iterator[bytes]:
        """The records in draw order, with the memory of one frame."""
        for frame in self._frames()[0]:
            yield from read_frame(frame).split(b"\n")[:-1]

    def digest(self) -> tuple[int, str]:
        """Number of records and their digest."""
        state = hashlib.sha256()
        count = 0
        for frame in self._frames()[0]:
            content = read_frame(frame)
            state.update(content)
            count += content.count(b"\n")
        return count, "sha256:" + state.hexdigest()

    def named_log_digest(self) -> str:
        """SHA-256 of the log's bytes, as the columns' file has it."""
        try:
            return read_text(self.columns_file, _LOG_DIGEST).decode()
        except (OSError, ValueError) as error:
            raise self._damaged(self.columns_file, error) from error

    def record(self, draw: int) -> bytes | None:
        """The record of one draw, or None. Only its frame is read."""
        frames, first_draws = self._frames()
        number = int(np.searchsorted(first_draws, draw, side="right")) - 1
        if number < 0:
            return None
        found = re.search(rb'^\{"draw":%d,.*$' % draw, read_frame(frames[number]), re.MULTILINE)
        return found.group() if found else None

    def columns(self) -> SummaryColumns:
        """The summary columns; records are not read."""
        try:
            arrays = read_arrays(self.columns_file, _COLUMNS)
            labels = orjson.loads(read_text(self.columns_file, _LABELS))
            if len({len(array) for array in arrays.values()}) != 1:
                raise ValueError("its columns are not of one length")
            return SummaryColumns(**arrays, labels=tuple(labels))
        except (OSError, ValueError) as error:
            raise self._damaged(self.columns_file, error) from error

    def _frames(self) -> tuple[list[Frame], NDArray[np.int64]]:
        """The frames of the log, and the first draw of each."""
        try:
            index = read_arrays(self.columns_file, ("frame_offset", "frame_draw"))
            offsets, draws = index["frame_offset"].tolist(), index["frame_draw"]
            size = self.log.stat().st_size
        except (OSError, ValueError) as error:
            raise self._damaged(self.columns_file, error) from error
        if len(offsets) != len(draws) + 1 or offsets[-1] != size:
            raise self._damaged(self.log, ValueError("it is not as long as it was written"))
        return [Frame(self.log, start, end - start) for start, end in pairwise(offsets)], draws

    def _damaged(self, path: Path, error: Exception) -> InfrastructureError:
        return InfrastructureError(
            f"cannot read the attempts: {error}",
            where=str(path),
            hint="restore the file from a copy of the run",
        )
