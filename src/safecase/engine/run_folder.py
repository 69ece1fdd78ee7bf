"""A run on disk: what was planned, what happened, where it stands. Reads never hold a run in memory."""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np
import orjson
from pydantic import ValidationError

from safecase.base import (
    CheckFailed,
    FrameWriter,
    InfrastructureError,
    InputError,
    JsonObject,
    ZstdError,
    decompressed_pieces,
    file_digest,
)
from safecase.engine._array_file import read_arrays, write_arrays
from safecase.engine.attempts._encoding import without_surrogates
from safecase.engine.journal._log import COLUMNS_NAME, LOG_NAME, AttemptLog
from safecase.engine.journal._reader import JournalIndex, journal_paths
from safecase.engine.plan import RunPlan
from safecase.engine.status import RunState, RunStatus, read_status, write_file
from safecase.engine.summary import SummaryColumns, columns_from_records
from safecase.model import MANIFEST_VERSION, Attempt, Case, RunManifest

MANIFEST_NAME = "manifest.json"
DRAFT_NAME = "manifest.draft.json"
"""The manifest before it had an order; only a kill between the two leaves it."""
SETTINGS_NAME = "settings-text.json"
"""What the manifest holds by digest, for people to read: secrets and personal data are masked."""
CASES_NAME = "cases.jsonl.zst"
DRAWS_NAME = "draws.npz"
# One case as a line of JSON, media included: more is no case but a damaged file.
_LARGEST_CASE = 256 * 1024 * 1024


class RunFolder:
    """One run's folder, read only. Everything is read anew from the files, nothing is kept but the plan."""

    def __init__(
        self, path: Path, manifest: RunManifest, plan: RunPlan | None = None, *, url: str = ""
    ) -> None:
        self.path = path
        self.manifest = manifest
        self.url = url
        """Where the run is kept, when ``path`` is a copy from a remote store."""
        self._plan = plan

    @classmethod
    def open(cls, path: Path | str) -> RunFolder:
        """Open a run folder; an fsspec URL of a remote store is copied to a temporary folder first.

        Raises InputError where there is no run, InfrastructureError where its files are damaged.
        """
        from safecase.engine.store import is_remote, local_copy

        folder = local_copy(path)
        file = folder / MANIFEST_NAME
        try:
            content = file.read_bytes()
            _check_version(content, file)
            manifest = RunManifest.model_validate_json(content)
        except FileNotFoundError as error:
            raise InputError(
                f"there is no run in {path}: {MANIFEST_NAME} is missing",
                hint="it was stopped before it had an order, and called nobody: start a new run"
                if (folder / DRAFT_NAME).exists()
                else None,
            ) from error
        except (OSError, ValidationError) as error:
            raise InfrastructureError(f"cannot read the manifest: {error}", where=str(file)) from error
        return cls(folder, manifest, url=str(path) if is_remote(path) else "")

    @property
    def status(self) -> RunStatus:
        """Where the run stands, as of now."""
        return read_status(self.path)

    @property
    def compacted(self) -> bool:
        """True where the attempts stand in one log; False where they are still in journals."""
        return (self.path / LOG_NAME).exists()

    @cached_property
    def plan(self) -> RunPlan:
        """Cases and draw order as committed before the first call."""
        return self._plan if self._plan is not None else load_plan(self.path, self.manifest)

    def cases(self) -> tuple[Case, ...]:
        """The cases of the run; ``case_index`` counts in this order."""
        return self.plan.cases

    def draws(self) -> RunPlan:
        """The draw order: arrays ``case_index``, ``repeat``, ``seed`` and ``round``, by draw."""
        return self.plan

    def settings_text(self) -> JsonObject:
        """What the digests of the manifest stand for, masked; empty where nobody wrote it down.

        Raises InfrastructureError where the file does not read.
        """
        file = self.path / SETTINGS_NAME
        try:
            found = orjson.loads(file.read_bytes()) if file.exists() else {}
        except (OSError, orjson.JSONDecodeError) as error:
            raise InfrastructureError(f"cannot read the settings' text: {error}", where=str(file)) from error
        return found if isinstance(found, dict) else {}

    def records(self) -> Iterator[bytes]:
        """Each attempt's JSON in draw order, byte for byte as it was recorded."""
        if self.compacted:
            return AttemptLog.of(self.path).records()
        return self._index().records()

    def attempts(self, order: Literal["draw"] = "draw") -> Iterator[Attempt]:
        """Each attempt in draw order. Memory does not grow with the run."""
        for record in self.records():
            yield self._attempt(record)

    def attempt(self, attempt_id: str) -> Attempt:
        """The attempt ``case#repeat``. Raises InputError where the run has none of that name."""
        case_id, _, number = attempt_id.rpartition("#")
        plan = self.plan
        positions = [index for index, case in enumerate(plan.cases) if case.id == case_id]
        if positions and number.isdecimal():
            draws = np.flatnonzero((plan.case_index == positions[0]) & (plan.repeat == int(number)))
            record = self._record(int(draws[0])) if len(draws) else None
            if record is not None:
                return self._attempt(record)
        raise InputError(f"the run has no attempt '{attempt_id}'", hint="write case#repeat, repeats from 0")

    def columns(self) -> SummaryColumns:
        """The summary columns of all recorded attempts, sorted by draw.

        Raises CheckFailed where their file is not the one that was recorded at the end of the run.
        """
        if self.compacted:
            file = self.path / COLUMNS_NAME
            status = self.status
            if status.attempts_digest and file.exists() and status.columns_digest != file_digest(file):
                raise CheckFailed(
                    "the columns that gates compute on are not those that were recorded",
                    where=str(file),
                    hint="restore the run from a copy; its results cannot be used as they are",
                )
            return AttemptLog.of(self.path).columns()
        index = self._index()
        parsed = (orjson.loads(record) for record in index.records())
        return columns_from_records(parsed, len(index), self.plan.case_index)

    def _record(self, draw: int) -> bytes | None:
        if self.compacted:
            return AttemptLog.of(self.path).record(draw)
        return self._index().record(draw)

    def _index(self) -> JournalIndex:
        finished = self.status.state is RunState.COMPLETE
        return JournalIndex(journal_paths(self.path), finished=finished)

    def _attempt(self, record: bytes) -> Attempt:
        try:
            return Attempt.model_validate_json(record)
        except ValidationError as error:
            raise InfrastructureError(
                f"a record of the run log is not an attempt: {error}", where=str(self.path)
            ) from error


def _check_version(content: bytes, file: Path) -> None:
    """Raise InputError where another version of safecase wrote the run in another format."""
    try:
        version = orjson.loads(content).get("schema_version")
    except (orjson.JSONDecodeError, AttributeError):
        return  # No manifest at all: whoever validates it says so.
    if version != MANIFEST_VERSION:
        raise InputError(
            f"this run is written in format {version}, and this version of safecase reads format "
            f"{MANIFEST_VERSION}",
            where=str(file),
            hint="read it with the version that wrote it (the manifest's safecase_version), or run again",
        )


def write_plan(folder: Path, plan: RunPlan) -> None:
    """Write cases and draw order. Raises InfrastructureError where the disk does not take them."""
    write_file(folder / CASES_NAME, _compressed(case_line(case) for case in plan.cases))
    buffer = io.BytesIO()
    write_arrays(
        buffer,
        {"case_index": plan.case_index, "repeat": plan.repeat, "seed": plan.seed},
    )
    write_file(folder / DRAWS_NAME, buffer.getvalue())


def load_plan(folder: Path, manifest: RunManifest) -> RunPlan:
    """Read cases and draw order and hold the order against the manifest's digest.

    Raises InfrastructureError where a file is damaged or does not belong to the manifest.
    """
    try:
        cases = tuple(Case.model_validate_json(line) for line in _lines(folder / CASES_NAME))
        columns = read_arrays(folder / DRAWS_NAME, ("case_index", "repeat", "seed"))
        case_index = columns["case_index"].astype(np.int32, copy=False)
        lengths = {len(column) for column in columns.values()}
        if lengths != {manifest.planned} or len(cases) <= int(case_index.max(initial=0)):
            raise ValueError(f"{CASES_NAME} or {DRAWS_NAME} is cut off")
        plan = RunPlan(
            cases=cases,
            case_index=case_index,
            repeat=columns["repeat"].astype(np.int32, copy=False),
            seed=columns["seed"].astype(np.int64, copy=False),
            base_seed=manifest.seed,
            order=manifest.draw_order,
        )
    except (OSError, ValueError, ZstdError) as error:
        raise InfrastructureError(f"cannot read the run's plan: {error}", where=str(folder)) from error
    if plan.draw_order_digest != manifest.draw_order_digest:
        raise InfrastructureError(
            "the draw order is not the one that the manifest committed to",
            where=str(folder / DRAWS_NAME),
            hint="restore the folder from a copy",
        )
    return plan


def case_line(case: Case) -> bytes:
    """A case as one line of JSON; lone surrogates become U+FFFD, as in the case's digest."""
    try:
        return case.model_dump_json().encode()
    except ValueError:
        cleaned = without_surrogates(case.model_dump(mode="python", warnings=False))
        return Case.model_validate(cleaned).model_dump_json().encode()


def _compressed(lines: Iterable[bytes]) -> bytes:
    buffer = io.BytesIO()
    with FrameWriter(buffer, level=6) as frame:
        for line in lines:
            frame.write(line + b"\n")
    return buffer.getvalue()


def _lines(path: Path) -> Iterator[bytes]:
    rest = b""
    with path.open("rb") as file:
        for chunk in decompressed_pieces(file):
            *lines, rest = (rest + chunk).split(b"\n")
            yield from lines
            if len(rest) > _LARGEST_CASE:
                raise ValueError(f"{path.name} holds a line of more than {_LARGEST_CASE} bytes")
    if rest:
        raise ValueError(f"{path.name} is cut off")
