"""Cases kept in data files: read row by row, mapped onto case fields, locked by digest."""

from __future__ import annotations

import csv
import hashlib
import os
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import orjson

from safecase.base import InputError, parquet_rows
from safecase.model import Dataset, DatasetFormat

_SUFFIXES = {
    ".csv": DatasetFormat.CSV,
    ".jsonl": DatasetFormat.JSONL,
    ".ndjson": DatasetFormat.JSONL,
    ".parquet": DatasetFormat.PARQUET,
}
MAXIMUM_LINE = 64 * 1024 * 1024
"""Bytes: a case with media in it fits, and a file without line breaks does not fill the memory."""
_HUB_NAME = re.compile(r"\w[\w.-]{0,95}(?:/\w[\w.-]{0,95})?")
"""``owner/name`` within the Hub's 96 characters each; no path, no scheme, nothing that leads elsewhere."""


def dataset_path(dataset: Dataset, root: Path, root_env: str = "") -> Path:
    """The file behind a data set.

    It lies inside the workspace, or inside the folder that the environment variable ``root_env``
    (whose name must begin with SAFECASE_) names. Raises InputError where it would lead outside.
    """
    base = root
    if root_env:
        if not root_env.startswith("SAFECASE_"):
            raise InputError(f"root_env must name a variable that begins with SAFECASE_, not {root_env}")
        value = os.environ.get(root_env, "")
        if not value:
            raise InputError(
                f"the environment variable {root_env} is not set", hint="it names the data folder"
            )
        base = Path(value)
    path = (base / dataset.path).resolve()
    if not path.is_relative_to(base.resolve()):
        raise InputError(
            f"the path '{dataset.path}' leads out of {'the workspace' if not root_env else base}"
        )
    if not path.is_file():
        raise InputError(f"there is no file '{dataset.path}'", hint=f"looked in {base}")
    return path


def dataset_format(dataset: Dataset) -> DatasetFormat:
    """The declared format, else the one that the file name tells; raises InputError where neither does."""
    if dataset.format is not None:
        return dataset.format
    found = _SUFFIXES.get(Path(dataset.path).suffix.lower())
    if found is None:
        raise InputError(f"the format of '{dataset.path}' is not clear from its name", hint="set format:")
    return found


def file_digest(path: Path) -> str:
    """``sha256:`` digest of a file, read in pieces."""
    state = hashlib.sha256()
    with path.open("rb") as stream:
        while piece := stream.read(1 << 20):
            state.update(piece)
    return "sha256:" + state.hexdigest()


def read_rows(dataset: Dataset, path: Path | None) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows that pass ``where``, with their numbers from 1; at most ``limit``.

    Raises InputError with the row where a file does not read.
    """
    kept = 0
    for number, row in _rows(dataset, path):
        if not all(_matches(column_value(row, name), wanted) for name, wanted in dataset.where.items()):
            continue
        yield number, row
        kept += 1
        if dataset.limit is not None and kept >= dataset.limit:
            return


def _rows(dataset: Dataset, path: Path | None) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Number and content of each row, by the file's format."""
    kind = dataset_format(dataset)
    if kind is DatasetFormat.HUGGING_FACE:
        yield from _hugging_face(dataset)
        return
    if path is None:
        raise InputError(f"data set '{dataset.id}' names no file")
    if kind is DatasetFormat.PARQUET:
        yield from enumerate(parquet_rows(path, where=str(path)), start=1)
    elif kind is DatasetFormat.CSV:
        yield from _csv(path)
    else:
        yield from _json_lines(path)


def _csv(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Number and cells of each row. Raises InputError where the file does not read."""
    csv.field_size_limit(MAXIMUM_LINE)
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            for number, row in enumerate(csv.DictReader(stream), start=1):
                if None in row:
                    raise InputError("the row has more cells than the header", where=f"{path}:row {number}")
                yield number, row
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"this is not a readable csv file: {error}", where=str(path)) from error


def _json_lines(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    with path.open("rb") as stream:
        for number, line in enumerate(stream, start=1):
            if not line.strip():
                continue
            try:
                row = orjson.loads(line)
            except orjson.JSONDecodeError as error:
                raise InputError(f"this line is not JSON: {error}", where=f"{path}:{number}") from error
            if not isinstance(row, dict):
                raise InputError("this line is not a JSON object", where=f"{path}:{number}")
            yield number, row


def _hugging_face(dataset: Dataset) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        from datasets import load_dataset
    except ImportError:
        raise InputError(
            f"data set '{dataset.id}' needs the Hugging Face package", hint="pip install 'safecase[datasets]'"
        ) from None
    if not _HUB_NAME.fullmatch(dataset.path) or Path(dataset.path).exists():
        raise InputError(
            f"data set '{dataset.id}': '{dataset.path}' is no name on the Hub",
            hint="say owner/name; files of the workspace are csv, jsonl or parquet",
        )
    try:
        rows = load_dataset(
            dataset.path,
            split=dataset.split or "train",
            revision=dataset.revision or None,
            trust_remote_code=False,
        )
    except (OSError, ValueError, RuntimeError) as error:
        reason = " ".join(str(error).split())[:300]
        raise InputError(f"data set '{dataset.id}' cannot be loaded from the Hub: {reason}") from None
    yield from enumerate(rows, start=1)


def column_value(row: Mapping[str, Any], name: str) -> Any:
    """The value of a column; dots reach into objects. None where it is absent."""
    if name in row:
        return row[name]
    current: Any = row
    for step in name.split("."):
        if not isinstance(current, Mapping) or step not in current:
            return None
        current = current[step]
    return current


def _matches(value: Any, wanted: Any) -> bool:
    return value in wanted if isinstance(wanted, list) else bool(value == wanted)
