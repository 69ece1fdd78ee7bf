"""The ledger of a workspace's runs, held against the runs that the store really has."""

from __future__ import annotations

import hashlib
from collections.abc import Container, Mapping, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from safecase.base import InfrastructureError, digest
from safecase.engine import RunFolder, is_active
from safecase.gate import ERROR
from safecase.model import (
    Gate,
    ResultsRead,
    RunFinished,
    RunManifest,
    RunPurpose,
    RunResult,
    RunStarted,
    Verdict,
    VerdictGiven,
    VerdictKind,
)
from safecase.records import Ledger, LedgerWriter, Past, RunHistory, now, short_digest
from safecase.workflow._project import Project

Stored: TypeAlias = Sequence[tuple[Path | str, RunManifest]]
"""Folder or URL, and manifest, of each run of a store."""
Places: TypeAlias = Mapping[str, Path | str]
"""Run id → folder or URL."""
_NAMED = 3
"""Runs that a note names: it is a sentence."""


def ledger_of(project: Project) -> Ledger:
    """The ledger of the workspace, wherever its runs are kept."""
    return Ledger(project.ledger_path)


def current_history(project: Project) -> RunHistory:
    """What the ledger says once it has caught up with the store. Raises as `history_and_store`."""
    return history_and_store(project)[0]


def history_and_store(project: Project) -> tuple[RunHistory, Places]:
    """What the ledger says once it has caught up with the store, and what the store holds: read once, because
    each reads every manifest.

    Raises CheckFailed where the ledger's chain is broken, InfrastructureError where it must be written and
    cannot be.
    """
    history = ledger_of(project).read()
    stored = project.manifests(history)
    if not _behind(stored, history):
        return history, places(stored)
    with ledger_of(project).locked() as writer:
        present = catch_up(project, writer)
        return writer.history, present


def places(stored: Stored) -> Places:
    """Run id → folder or URL."""
    return {manifest.run_id: place for place, manifest in stored}


def catch_up(project: Project, writer: LedgerWriter) -> Places:
    """Enter what the store shows and the ledger does not: runs from elsewhere, ends that a kill cut off.

    What comes back is what the store holds.
    """
    stored = project.manifests(writer.history)
    found = places(stored)
    for _, manifest in stored:
        if manifest.run_id not in writer.history.starts:
            writer.append(start_event(manifest))
    for run_id in _unfinished(writer.history):
        if run_id in found and not _at_work(found[run_id]):
            record_end(writer, RunFolder.open(found[run_id]))
    return found


def start_event(manifest: RunManifest) -> RunStarted:
    """What the ledger says of a run that begins."""
    return RunStarted(
        at=now(),
        run_id=manifest.run_id,
        manifest_digest=manifest.digest,
        purpose=manifest.purpose,
        line=manifest.line,
        try_number=manifest.try_number,
        candidate=manifest.candidate,
        system_version=manifest.system.fingerprint,
        predecessors=manifest.predecessors,
    )


def record_end(writer: LedgerWriter, folder: RunFolder) -> None:
    """Enter how far a run has come, where the ledger does not say so already."""
    event = _end_event(folder, writer.history)
    last = writer.history.finishes.get(event.run_id)
    if last is None or (last.complete, last.result) != (event.complete, event.result):
        writer.append(event)


def _end_event(folder: RunFolder, history: RunHistory) -> RunFinished:
    manifest, status, cases, columns = folder.manifest, folder.status, folder.cases(), folder.columns()
    answered = columns.case_index[columns.outcome != ERROR]
    opened = frozenset(manifest.open_families)
    was_open = np.fromiter((case.family in opened for case in cases), np.bool_, len(cases))
    sealed = manifest.purpose is RunPurpose.CERTIFICATION and len(answered) > 0
    tried = np.unique(folder.plan.case_index if sealed else answered)
    known = {case for event in history.finishes.values() for case in event.cases}
    known.update(case for event in history.openings for case in event.cases)
    digests = dict.fromkeys(short_digest(cases[index]) for index in tried)
    return RunFinished(
        at=now(),
        run_id=manifest.run_id,
        complete=folder.compacted,
        result=RunResult(
            attempts_digest=status.attempts_digest if folder.compacted else _records_digest(folder),
            recorded=None if sealed else len(columns),
            answered=None if sealed else len(answered),
            answered_sealed=None if sealed else int((~was_open[answered]).sum()),
        ),
        families=tuple(sorted({cases[index].family for index in tried} - opened)),
        cases=tuple(case for case in digests if case not in known),
    )


def _records_digest(folder: RunFolder) -> str:
    state = hashlib.sha256()
    for record in folder.records():
        state.update(record + b"\n")
    return "sha256:" + state.hexdigest()


def _behind(stored: Stored, history: RunHistory) -> bool:
    """Whether the store has a run of which the ledger does not know the start or the end."""
    unfinished = set(_unfinished(history))
    return any(
        manifest.run_id not in history.starts or (manifest.run_id in unfinished and not _at_work(path))
        for path, manifest in stored
    )


def _unfinished(history: RunHistory) -> tuple[str, ...]:
    return tuple(
        run_id
        for run_id in history.starts
        if (last := history.finishes.get(run_id)) is None or not last.complete
    )


def _at_work(path: Path | str) -> bool:
    """Whether some process is at work on the run; a folder that cannot be locked cannot be told."""
    try:
        return isinstance(path, Path) and is_active(path)
    except InfrastructureError:
        return True


def history_notes(
    past: Past, present: Container[str], candidate: str, system_version: str
) -> tuple[str, ...]:
    """What an honest reader of a run must be told of the runs before it and beside it.

    ``present``: ids of the runs that the store holds.
    """
    answered = [
        record for record in past.runs if record.finish is not None and record.finish.result.answered != 0
    ]
    same = [
        record.start.run_id
        for record in answered
        if record.start.candidate == candidate
        and record.start.purpose is not RunPurpose.EXPLORATORY
        and not record.set_aside
    ]
    other_rules = [
        record.start.run_id
        for record in answered
        if record.start.system_version == system_version and record.start.candidate != candidate
    ]
    absent = [record.start.run_id for record in past.runs if record.start.run_id not in present]
    notes = []
    if same:
        notes.append(
            f"This candidate was run {len(same)} time{'s' if len(same) > 1 else ''} before "
            f"(last: {same[-1]}). Repeating a run until it passes is not evidence: read the runs together."
        )
    if other_rules:
        notes.append(
            f"The same system version was run under other rules before (last: {other_rules[-1]}). "
            "Rules that change after data was seen make a new candidate."
        )
    for run_id in sorted(past.set_aside):
        because = past.history.set_aside[run_id].because
        notes.append(f"Run {run_id} was set aside before its results were read: {because}")
    if absent:
        one = len(absent) == 1
        notes.append(
            f"The ledger knows {len(absent)} earlier run{'' if one else 's'} that this store does not hold "
            f"({', '.join(absent[-_NAMED:])}): what {'it' if one else 'they'} showed cannot be read here."
        )
    if not past.runs:
        notes.append("No history here: neither the ledger nor the store knows a run before this one.")
    return tuple(notes)


def standing_blocks(past: Past, manifest: RunManifest, gate: Gate) -> tuple[str, ...]:
    """Earlier decisive runs of the same candidate that this gate blocked, as last decided."""
    earlier = {record.start.run_id for record in past.tries_of(manifest.candidate)} - {manifest.run_id}
    last = {event.run_id: event for event in past.history.verdicts if event.gate_digest == gate.digest}
    return tuple(
        run_id
        for run_id, event in last.items()
        if run_id in earlier and event.gate == gate.id and event.kind is VerdictKind.NO_GO
    )


def enter_verdict(project: Project, verdict: Verdict) -> None:
    """Enter a verdict, where it is not the one that was entered last for this run and gate."""
    with ledger_of(project).locked() as writer:
        event = VerdictGiven(
            at=now(),
            run_id=verdict.run_id,
            gate=verdict.gate,
            gate_digest=verdict.gate_digest,
            kind=verdict.kind,
            verdict_digest=digest(verdict),
        )
        same = [
            item.verdict_digest
            for item in writer.history.verdicts
            if (item.run_id, item.gate) == (event.run_id, event.gate)
        ]
        if same[-1:] != [event.verdict_digest]:
            writer.append(event)


def enter_reading(project: Project, run_id: str, command: str) -> None:
    """Enter that somebody has seen the results of a run, where the ledger does not know it already."""
    if run_id in ledger_of(project).read().read:
        return
    with ledger_of(project).locked() as writer:
        if run_id in writer.history.starts:
            writer.append(ResultsRead(at=now(), run_id=run_id, by=command))
