"""Opening families: what they hold can be looked at from then on, and decides nothing any more."""

from __future__ import annotations

from collections.abc import Sequence

from safecase.base import InputError, Record
from safecase.model import Case, FamiliesOpened, ResultsRead, RunPurpose
from safecase.records import Ledger, Past, now, short_digest
from safecase.workflow._project import Project
from safecase.workflow.pools._sealing import is_sealed


class Opening(Record):
    """What an opening would open, or has opened."""

    run_id: str
    """The certification whose results become visible; empty where families are opened by themselves."""
    families: tuple[str, ...]
    """Families that were sealed until now."""


def plan_opening(project: Project, run_id: str = "", *, everything: bool = False) -> Opening:
    """What opening a certification, or every sealed family, would open. Nothing is written.

    Raises InputError for a run that is no sealed certification, and where nothing is sealed.
    """
    history = project.history()
    if everything:
        cases: Sequence[Case] = project.cases()
        named = ""
    else:
        folder = project.run_folder(run_id)
        named = folder.manifest.run_id
        if folder.manifest.purpose is not RunPurpose.CERTIFICATION:
            raise InputError(f"run {named} is not sealed: everything about it can be looked at")
        if not is_sealed(history, folder):
            raise InputError(f"run {named} is open already")
        cases = folder.cases()
    shown = Past(history).exposure.open_families(cases)
    families = tuple(sorted({case.family for case in cases} - shown))
    if not families:
        raise InputError("no family is sealed, so there is nothing to open")
    return Opening(run_id=named, families=families)


def open_families(project: Project, opening: Opening) -> None:
    """Enter an opening into the ledger of runs: from then on its families are open, for ever."""
    wanted = set(opening.families)
    cases = project.run_folder(opening.run_id).cases() if opening.run_id else project.cases()
    because = f"results of certification {opening.run_id}" if opening.run_id else "the pool was retired"
    event = FamiliesOpened(
        at=now(),
        because=because,
        families=opening.families,
        cases=tuple(sorted({short_digest(case) for case in cases if case.family in wanted})),
    )
    with Ledger(project.ledger_path).locked() as writer:
        writer.append(event)
        if opening.run_id:
            writer.append(ResultsRead(at=now(), run_id=opening.run_id, by="open"))
