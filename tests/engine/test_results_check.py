"""What was recorded is what is computed on: edits of the columns, the log and the status are found."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from evidence.run_folders import write_run
from safecase.base import CheckFailed, file_digest
from safecase.engine import RunFolder, check_results
from safecase.engine._array_file import read_arrays, read_text, write_arrays
from safecase.engine.journal._log import _COLUMNS, _LABELS, _LOG_DIGEST, COLUMNS_NAME, LOG_NAME
from support.cases import case
from support.outcomes import HELD, VIOLATED
from support.rules import gate, rule


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    cases = [case(n) for n in range(30)]
    outcomes = {draw: VIOLATED if draw < 10 else HELD for draw in range(30)}
    return write_run(tmp_path, cases, outcomes, [gate(rule("harm", bound=0.1))])


def _edit_column(run: RunFolder, name: str, work: Callable[[np.ndarray], np.ndarray]) -> None:
    """Write the columns' file anew with one column changed, everything else as it was."""
    file = run.path / COLUMNS_NAME
    arrays = dict(read_arrays(file, (*_COLUMNS, "frame_offset", "frame_draw")))
    texts = {member: read_text(file, member) for member in (_LABELS, _LOG_DIGEST)}
    arrays[name] = work(arrays[name].copy())
    with file.open("wb") as stream:
        write_arrays(stream, arrays, texts=texts)


def _edit_status(run: RunFolder, **fields: object) -> None:
    file = run.path / "status.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | fields))


def test_a_run_as_it_was_recorded_passes(run: RunFolder) -> None:
    check_results(run)


@pytest.mark.parametrize("name", ["outcome", "draw", "latency_ms", "cost_usd"])
def test_an_edited_column_is_found_wherever_it_is_read(run: RunFolder, name: str) -> None:
    _edit_column(run, name, lambda column: column[::-1])
    with pytest.raises(CheckFailed, match="not those that were recorded"):
        run.columns()
    with pytest.raises(CheckFailed, match="not those that were recorded"):
        check_results(run)


@pytest.mark.parametrize("name", ["outcome", "draw", "latency_ms", "cost_usd"])
def test_a_status_that_is_edited_along_does_not_help(run: RunFolder, name: str) -> None:
    _edit_column(run, name, lambda column: column[::-1])
    _edit_status(run, columns_digest=file_digest(run.path / COLUMNS_NAME))
    with pytest.raises(CheckFailed, match=f"the column '{name}' is not what the records say"):
        check_results(run)


def test_an_edited_log_is_found(run: RunFolder) -> None:
    file = run.path / LOG_NAME
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(bytes(data))
    with pytest.raises(CheckFailed, match="the attempts are not those"):
        check_results(run)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"recorded": 29}, "counts other attempts"),
        ({"outcomes": {"held": 30}}, "counts other attempts"),
        ({"planned": 31}, "counts other attempts"),
        ({"not_run": 1}, "counts other attempts"),
        ({"attempts_digest": "sha256:0"}, "names another log"),
        ({"attempts_digest": ""}, "without its results being recorded"),
        ({"columns_digest": ""}, "not those that were recorded"),
    ],
)
def test_an_edited_status_is_found(run: RunFolder, fields: dict[str, object], words: str) -> None:
    _edit_status(run, **fields)
    with pytest.raises(CheckFailed, match=words):
        check_results(run)
