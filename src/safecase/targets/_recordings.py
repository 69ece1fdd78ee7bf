"""An index over a file of recorded rows: offsets in memory, rows on disk, any number of them."""

from __future__ import annotations

import csv
import hashlib
import os
import tempfile
from array import array
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson

from safecase.base import InputError, JsonObject, JsonValue, parquet_rows, suggest
from safecase.targets._http.json_body import encode
from safecase.targets._http.paths import MISSING, JsonPath

FORMATS = {".jsonl": "jsonl", ".ndjson": "jsonl", ".csv": "csv", ".parquet": "parquet"}
MAXIMUM_ROW_BYTES = 64_000_000
"""An answer with media in it fits, and a file without line breaks does not fill the memory."""


def key_digest(key: str) -> bytes:
    """16 bytes that stand for a case id or a prompt in the index."""
    return hashlib.blake2b(key.encode("utf-8", "surrogatepass"), digest_size=16).digest()


@dataclass(frozen=True)
class RowFilter:
    """Keeps the rows where ``path`` equals ``value``, or is one of its items where it is a list.

    Cells of a csv are text, so a number or truth value also matches its text.
    """

    path: JsonPath
    value: JsonValue

    def keeps(self, row: JsonObject) -> bool:
        """True where the row passes."""
        found = self.path.get(row)
        wanted = self.value if isinstance(self.value, list) else [self.value]
        return any(_equal(found, item) for item in wanted)


def _equal(found: Any, wanted: JsonValue) -> bool:
    """Whether a recorded cell is what a filter wants; csv writes numbers and truth as text."""
    if found is MISSING:
        return False
    # A cell of csv says "True" and "3" where the option says true and 3.
    if isinstance(found, str) and not isinstance(wanted, str) and wanted is not None:
        return found.strip().lower() == str(wanted).lower()
    # In Python True equals 1; in JSON it does not.
    return isinstance(found, bool) == isinstance(wanted, bool) and bool(found == wanted)


class Recordings:
    """Rows of a jsonl, csv or parquet file, found by key and repeat index.

    A jsonl file is read where it stands. Csv and parquet, which cannot be read row by row at random, are
    first copied row by row into an unnamed temporary jsonl file. The index takes 32 bytes a row.
    """

    def __init__(
        self,
        path: Path,
        format_name: str | None,
        *,
        key: JsonPath,
        repeat: JsonPath | None,
        filters: tuple[RowFilter, ...],
        where: str,
    ) -> None:
        self.path = path
        self.where = where
        self.format = format_name or FORMATS.get(path.suffix.lower(), "")
        if not self.format:
            raise InputError(
                f"{where}: the format cannot be told from '{path.suffix}'",
                hint="set format to jsonl, csv or parquet",
            )
        self._key = key
        self._repeat = repeat
        self._filters = filters
        self._file: IO[bytes] | None = None
        self._keys: np.ndarray[Any, Any] = np.zeros(0, dtype="S16")
        self._repeats: np.ndarray[Any, Any] = np.zeros(0, dtype=np.int64)
        self._offsets: np.ndarray[Any, Any] = np.zeros(0, dtype=np.int64)
        self._lengths: np.ndarray[Any, Any] = np.zeros(0, dtype=np.int64)

    def __len__(self) -> int:
        return len(self._keys)

    def open(self) -> None:
        """Build the index. Idempotent. Raises InputError with the line of a row that cannot be read, and
        where no row is left after the filters."""
        if self._file is not None:
            return
        file: IO[bytes] | None = None
        try:
            file = self.path.open("rb") if self.format == "jsonl" else self._spool()
            self._index(file)
        except OSError as error:
            raise InputError(f"{self.where}: cannot be read: {error.strerror or error}") from None
        finally:
            if file is not None and self._file is not file:
                file.close()

    def close(self) -> None:
        """Close the file. Safe to call twice."""
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def count(self, key: bytes) -> int:
        """How many rows are recorded for a key."""
        start, end = self._range(key)
        return end - start

    def find(self, key: bytes, repeat: int) -> JsonObject | None:
        """The row recorded for a key and repeat index; None where there is none."""
        start, end = self._range(key)
        if start == end or self._file is None:
            return None
        position = start + int(np.searchsorted(self._repeats[start:end], repeat))
        if position == end or int(self._repeats[position]) != repeat:
            return None
        data = os.pread(self._file.fileno(), int(self._lengths[position]), int(self._offsets[position]))
        row: JsonObject = orjson.loads(data)
        return row

    def _range(self, key: bytes) -> tuple[int, int]:
        """First and last place of a key in the sorted index."""
        # numpy strips trailing NUL bytes of an S16 on both sides, so equal digests still compare equal.
        wanted = np.bytes_(key)
        return (
            int(np.searchsorted(self._keys, wanted, side="left")),
            int(np.searchsorted(self._keys, wanted, side="right")),
        )

    def _index(self, file: IO[bytes]) -> None:
        """Read the file once and keep where each row stands."""
        keys = bytearray()
        repeats, offsets, lengths = array("q"), array("q"), array("q")
        seen = 0
        offset = 0
        for number, line in enumerate(_lines(file, self.where), start=1):
            start, offset = offset, offset + len(line)
            if not line.strip():
                continue
            row = self._row(line, number)
            seen += 1
            if not all(item.keeps(row) for item in self._filters):
                continue
            keys += key_digest(self._key_of(row, number))
            repeats.append(self._repeat_of(row, number))
            offsets.append(start)
            lengths.append(len(line))
        if not offsets:
            what = f"none of its {seen} rows passes the filters" if seen else "it holds no rows"
            raise InputError(f"{self.where}: {what}", hint="check 'model' and 'where'" if seen else None)
        self._arrange(bytes(keys), repeats, offsets, lengths)
        self._file = file

    def _arrange(self, keys: bytes, repeats: array[int], offsets: array[int], lengths: array[int]) -> None:
        """Sort the index by key, and number the rows of a key where no column does. Raises InputError for
        doubles."""
        table = np.frombuffer(keys, dtype="S16")
        given = np.frombuffer(repeats, dtype=np.int64)
        order = np.lexsort((np.arange(len(table)), given, table))
        table, given = table[order], given[order]
        self._offsets = np.frombuffer(offsets, dtype=np.int64)[order]
        self._lengths = np.frombuffer(lengths, dtype=np.int64)[order]
        if self._repeat is None:
            first = np.r_[True, table[1:] != table[:-1]]
            starts = np.flatnonzero(first)
            given = np.arange(len(table)) - np.repeat(starts, np.diff(np.r_[starts, len(table)]))
        else:
            double = (table[1:] == table[:-1]) & (given[1:] == given[:-1])
            if bool(double.any()):
                place = int(np.flatnonzero(double)[0])
                raise InputError(
                    f"{self.where}: one key has repeat {int(given[place])} twice",
                    hint="name the column that counts repeats, or leave columns.repeat out",
                )
        self._keys, self._repeats = table, given

    def _row(self, line: bytes, number: int) -> JsonObject:
        """One line as an object. Raises InputError with its number."""
        try:
            row = orjson.loads(line.removeprefix(b"\xef\xbb\xbf"))
        except orjson.JSONDecodeError as error:
            raise InputError(f"{self.where}: line {number} is not JSON: {error.msg}") from None
        if not isinstance(row, dict):
            raise InputError(f"{self.where}: line {number} is no JSON object")
        return row

    def _key_of(self, row: JsonObject, number: int) -> str:
        value = self._key.get(row)
        if isinstance(value, str):
            return value
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)
        if value is MISSING:
            raise InputError(
                f"{self.where}: line {number} has no '{self._key.text}'",
                hint=suggest(self._key.text, row, label="columns"),
            )
        raise InputError(
            f"{self.where}: line {number}: '{self._key.text}' is neither text nor a whole number"
        )

    def _repeat_of(self, row: JsonObject, number: int) -> int:
        if self._repeat is None:
            return 0
        value = self._repeat.get(row)
        text = str(value).strip()
        if isinstance(value, bool) or not text.isdigit() or len(text) > 9:
            raise InputError(
                f"{self.where}: line {number}: '{self._repeat.text}' is no repeat index (0, 1, 2...)"
            )
        return int(text)

    def _spool(self) -> IO[bytes]:
        """The rows of a csv or Parquet file as JSON lines, which can be read at any place."""
        rows = self._csv_rows() if self.format == "csv" else self._parquet_rows()
        file = tempfile.TemporaryFile()  # noqa: SIM115 - it outlives this method
        try:
            for row in rows:
                file.write(encode(row) + b"\n")
            file.seek(0)
        except BaseException:
            file.close()
            raise
        return file

    def _csv_rows(self) -> Iterator[JsonObject]:
        # The reader's own ceiling of 128 KiB a field is process-wide; long answers need more.
        csv.field_size_limit(max(csv.field_size_limit(), MAXIMUM_ROW_BYTES))
        try:
            with self.path.open(encoding="utf-8-sig", newline="") as handle:
                reader = csv.DictReader(handle, restkey="", strict=True)
                for row in reader:
                    if "" in row or None in row.values():
                        raise InputError(
                            f"{self.where}: line {reader.line_num} has not as many cells as the header"
                        )
                    yield dict(row)
        except csv.Error as error:
            raise InputError(f"{self.where}: line {reader.line_num}: {error}") from None
        except UnicodeDecodeError as error:
            raise InputError(f"{self.where}: is not UTF-8 text ({error.reason})") from None

    def _parquet_rows(self) -> Iterator[JsonObject]:
        for row in parquet_rows(self.path, where=self.where):
            yield {name: _cell(value) for name, value in row.items()}


def _lines(file: IO[bytes], where: str) -> Iterator[bytes]:
    """The lines of a file. Raises InputError for one that is too long."""
    while line := file.readline(MAXIMUM_ROW_BYTES + 1):
        if len(line) > MAXIMUM_ROW_BYTES:
            raise InputError(f"{where}: a line is longer than {MAXIMUM_ROW_BYTES:,} bytes")
        yield line


def _cell(value: Any) -> JsonValue:
    """A parquet value as JSON: nested lists and structs stay, everything exotic becomes its text."""
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    if isinstance(value, dict):
        return {str(key): _cell(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_cell(item) for item in value]
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    return str(value)
