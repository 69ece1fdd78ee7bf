"""A run that does not count: declared for a technical reason, before anybody has read what it showed."""

from __future__ import annotations

from safecase.base import CheckFailed, InputError
from safecase.engine import RunFolder, is_active
from safecase.evidence import Redactor
from safecase.gate import VIOLATED
from safecase.model import RunPurpose, RunSetAside
from safecase.records import now
from safecase.workflow._ledger import catch_up, ledger_of
from safecase.workflow._project import Project


def set_aside_run(project: Project, run_id: str, because: str) -> RunSetAside:
    """Enter into the ledger that a run does not count, and why; personal data and secrets are masked.

    Raises CheckFailed where its results were read: by a gate, a report, a comparison or `safecase show`; or
    while it ran, because an open run shows each violation as it comes. InputError where no reason is given.
    """
    if not because.strip():
        raise InputError("a run is set aside for a reason", hint="--because 'the test server was down'")
    folder = project.run_folder(run_id)
    manifest = folder.manifest
    with ledger_of(project).locked() as writer:
        catch_up(project, writer)
        history = writer.history
        if manifest.run_id in history.set_aside:
            raise CheckFailed(f"run {manifest.run_id} was set aside already")
        if manifest.run_id in history.read:
            raise CheckFailed(
                f"the results of run {manifest.run_id} have been read, so it counts",
                hint="a technical reason is declared before anybody looks",
            )
        if manifest.purpose is not RunPurpose.CERTIFICATION:
            _check_nothing_seen(folder)
        return writer.append(
            RunSetAside(at=now(), run_id=manifest.run_id, because=Redactor().redact_text(because.strip()))
        )


def _check_nothing_seen(folder: RunFolder) -> None:
    """Raise CheckFailed where a run that shows everything has shown a violation, or still may."""
    violated = int((folder.columns().outcome == VIOLATED).sum())
    at_work = not folder.url and is_active(folder.path)
    if not violated and not at_work:
        return
    what = f"{violated} of its attempts were violated" if violated else "it is still at work"
    raise CheckFailed(
        f"run {folder.manifest.run_id} is open, it shows its outcomes as they come, and {what}: it counts",
        hint="results of `safecase certify` stay sealed: there a failure of the machinery can be set aside",
    )
