"""Reading human labels: csv, JSON lines, and the JSON export of Label Studio."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from safecase.base import InputError, digest_bytes

SIZE_LIMIT = 2_000_000_000
"""Bytes: the file is read whole."""


@dataclass(frozen=True)
class LabelledRow:
    """One answer with what people said about it."""

    prompt: str
    response: str
    labels: tuple[str, ...]
    """One label per rater, "" where a rater did not say."""
    slices: Mapping[str, str] = field(default_factory=dict)
    """Slice name → value: ``model`` → ``gpt-4``."""
    family: str = ""
    """Rows of one family are not independent; the prompt where nothing else is given."""
    system: str = ""


@dataclass(frozen=True)
class LabelColumns:
    """Where things stand in the file; dotted paths reach into objects."""

    prompt: str = "prompt"
    response: str = "response"
    labels: tuple[str, ...] = ("label",)
    """One column per rater."""
    slices: Mapping[str, str] = field(default_factory=dict)
    """Slice name → column."""
    family: str = ""
    system: str = ""
    choice: str = ""
    """Label Studio: ``from_name`` of the choices to read; needed where the export has several."""


@dataclass(frozen=True)
class LabelledData:
    """The rows of a file, and the digest of its bytes."""

    name: str
    digest: str
    rows: tuple[LabelledRow, ...]


def read_labelled(path: Path, columns: LabelColumns | None = None) -> LabelledData:
    """Read a labels file by its ending: .csv, .jsonl, or .json (Label Studio's export or a plain list).

    Raises InputError with the place of the first row that cannot be read.
    """
    columns = columns or LabelColumns()
    try:
        if path.stat().st_size > SIZE_LIMIT:
            raise InputError("the labels file is larger than 2 GB", where=str(path))
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"cannot be read: {error.strerror or error}", where=str(path)) from None
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError("is not UTF-8 text", where=str(path), hint="save it as UTF-8") from None
    suffix = path.suffix.lower()
    if suffix == ".csv":
        rows = list(_from_csv(text, columns, path))
    elif suffix in {".jsonl", ".ndjson"}:
        rows = list(_from_jsonl(text, columns, path))
    elif suffix == ".json":
        rows = list(_from_json(text, columns, path))
    else:
        raise InputError(
            f"'{suffix}' is no known kind of labels file", where=str(path), hint="use .csv, .jsonl or .json"
        )
    if not rows:
        raise InputError("holds no labelled row", where=str(path))
    return LabelledData(path.name, digest_bytes(data), tuple(rows))


def _reach(row: Any, column: str) -> Any:
    """The value of a column, a key with points in it first, else a path; None where there is none."""
    if isinstance(row, dict) and column in row:
        return row[column]
    value = row
    for part in column.split("."):
        if not isinstance(value, dict) or part not in value:
            return None
        value = value[part]
    return value


def _row(source: Any, columns: LabelColumns, place: str) -> LabelledRow:
    """One labelled row. Raises InputError where it lacks every label."""
    response = _reach(source, columns.response)
    if response is None and not isinstance(source, dict):
        raise InputError("is no object", where=place)
    missing = [name for name in columns.labels if _reach(source, name) is None]
    if len(missing) == len(columns.labels):
        known = ", ".join(source) if isinstance(source, dict) else ""
        raise InputError(f"has no column '{missing[0]}'", where=place, hint=f"columns: {known}")
    return LabelledRow(
        prompt=_text(_reach(source, columns.prompt)),
        response=_text(response),
        labels=tuple(_text(_reach(source, name)) for name in columns.labels),
        slices={name: _text(_reach(source, column)) for name, column in columns.slices.items()},
        family=_text(_reach(source, columns.family))
        if columns.family
        else _text(_reach(source, columns.prompt)),
        system=_text(_reach(source, columns.system)) if columns.system else "",
    )


def _text(value: Any) -> str:
    """A cell as text; what is no text as its JSON."""
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value)


def _from_csv(text: str, columns: LabelColumns, path: Path) -> Iterator[LabelledRow]:
    reader = csv.DictReader(text.splitlines(keepends=True), strict=True)
    try:
        for row in reader:
            yield _row(row, columns, f"{path}:{reader.line_num}")
    except csv.Error as error:
        raise InputError(f"is no proper csv: {error}", where=f"{path}:{reader.line_num}") from None


def _from_jsonl(text: str, columns: LabelColumns, path: Path) -> Iterator[LabelledRow]:
    for number, line in enumerate(text.split("\n"), 1):
        if line.strip():
            yield _row(_parse(line, f"{path}:{number}"), columns, f"{path}:{number}")


def _parse(text: str, place: str) -> Any:
    """The JSON of a line. Raises InputError with its place."""
    try:
        return json.loads(text)
    except (json.JSONDecodeError, RecursionError) as error:
        raise InputError(f"is no JSON: {error}", where=place) from None


def _from_json(text: str, columns: LabelColumns, path: Path) -> Iterator[LabelledRow]:
    data = _parse(text, str(path))
    if not isinstance(data, list):
        raise InputError("is no list of tasks", where=str(path), hint="export from Label Studio as JSON")
    for index, task in enumerate(data):
        place = f"{path}, task {index + 1}"
        if not isinstance(task, dict) or "data" not in task or "annotations" not in task:
            yield _row(task, columns, place)
            continue
        yield _from_task(task, columns, place)


def _from_task(task: dict[str, Any], columns: LabelColumns, place: str) -> LabelledRow:
    raters: list[tuple[str, str]] = []
    for annotation in task["annotations"] if isinstance(task["annotations"], list) else []:
        if not isinstance(annotation, dict) or annotation.get("was_cancelled"):
            continue
        choices = [
            item
            for item in annotation.get("result") or []
            if isinstance(item, dict)
            and item.get("type") == "choices"
            and (not columns.choice or item.get("from_name") == columns.choice)
        ]
        names = {str(item.get("from_name")) for item in choices}
        if len(names) > 1:
            raise InputError(
                f"has several choices: {', '.join(sorted(names))}",
                where=place,
                hint="say which one with 'choice'",
            )
        picked = [choice for item in choices for choice in (item.get("value") or {}).get("choices") or []]
        if len(picked) == 1:
            raters.append((str(annotation.get("completed_by", len(raters))), str(picked[0])))
    data = task["data"]
    return LabelledRow(
        prompt=_text(_reach(data, columns.prompt)),
        response=_text(_reach(data, columns.response)),
        labels=tuple(label for _, label in sorted(raters)) or ("",),
        slices={name: _text(_reach(data, column)) for name, column in columns.slices.items()},
        family=_text(_reach(data, columns.family or columns.prompt)),
        system=_text(_reach(data, columns.system)) if columns.system else "",
    )
