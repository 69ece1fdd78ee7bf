"""Run a plan against a target: the engine's public entry."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

from safecase.base import VERSION, InfrastructureError, InputError, file_digest
from safecase.engine._attempt_recorder import Tallies
from safecase.engine._run_lock import RunLock
from safecase.engine._session import RunSession
from safecase.engine.attempts._scoring import ScorerSet
from safecase.engine.journal._reader import journal_paths
from safecase.engine.request import RunRequest
from safecase.engine.run_folder import MANIFEST_NAME, RunFolder, write_plan
from safecase.engine.status import RunState, RunStatus, write_file, write_status
from safecase.engine.store import is_remote, staging_folder
from safecase.model import RunManifest, candidate_digest, suite_references


async def run_plan(request: RunRequest) -> RunFolder:
    """Run a plan to its end, its gate's decision, its budget or a signal; the run's folder.

    ``status`` of the folder says which: ``complete`` or ``stopped``. Raises InputError where scorers cannot
    be built or limits contradict each other (nothing was called), InfrastructureError where the target is
    down or the disk fails; the folder then holds all that was finished and can be resumed.
    """
    _check_limits(request)
    scorers = _scorer_set(request)
    run_id = request.run_id or new_run_id()
    folder = staging_folder(request.store) / run_id
    try:
        folder.mkdir(parents=True)
    except FileExistsError as error:
        raise InputError(f"the run folder {folder} exists already", hint="use `safecase resume`") from error
    except OSError as error:
        raise InfrastructureError(
            f"cannot make the run folder: {error.strerror or error}",
            where=str(folder),
            hint="check the rights and the free space, or choose another store",
        ) from error
    manifest = _manifest(request, run_id)
    with RunLock(folder):
        write_plan(folder, request.plan)
        write_status(folder, _first_status(len(request.plan)))
        write_file(folder / MANIFEST_NAME, manifest.model_dump_json(indent=2, by_alias=True).encode() + b"\n")
        return await RunSession(request, RunFolder(folder, manifest), scorers, number=1).run()


async def resume_run(path: Path | str, request: RunRequest) -> RunFolder:
    """Carry on a run that was killed, stopped or failed; the same log as an undisturbed run gives.

    ``request`` must ask for what the manifest says was planned: the same cases, draw order, system version,
    target and gates. Raises InputError where it does not, because the evidence would mix versions, and as
    `run_plan` does.
    """
    if is_remote(path):
        raise InputError(f"{path} is a copy of an ended run", hint="resume the run in its local folder")
    _check_limits(request)
    folder = RunFolder.open(path)
    with RunLock(folder.path):
        _check_unchanged(folder, request)
        status = folder.status
        if folder.compacted:
            return _finish_compacted(folder, status)
        scorers = _scorer_set(request)
        return await RunSession(request, folder, scorers, number=status.sessions + 1).run()


def event_loop() -> asyncio.Runner:
    """A fresh, fast event loop to run `run_plan` or `resume_run` on from code that has none.

    with event_loop() as loop:
        folder = loop.run(run_plan(request))
    """
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    return asyncio.Runner(loop_factory=factory)


def new_run_id(now: datetime | None = None) -> str:
    """``YYYYMMDDTHHMMSSZ-<6 hex digits>``."""
    moment = now if now is not None else datetime.now(UTC)
    return f"{moment:%Y%m%dT%H%M%SZ}-{token_hex(3)}"


def _scorer_set(request: RunRequest) -> ScorerSet:
    return ScorerSet(
        request.plan.cases, request.build_scorer, concurrency=request.settings.scorer_concurrency
    )


def _check_limits(request: RunRequest) -> None:
    if request.settings.limits.maximum_cost_usd is not None and request.price is None:
        raise InputError(
            "maximum_cost_usd is set, but no price of the target's model is known",
            hint="give the target a price, or limit maximum_calls instead",
        )


def _manifest(request: RunRequest, run_id: str) -> RunManifest:
    plan = request.plan
    # A caller from Python may hand over a cache or an executor of its own: the manifest tells what was used.
    used = {"cache": request.cache is not None, "executor": request.executor.name}
    return RunManifest(
        run_id=run_id,
        created_at=datetime.now(UTC),
        safecase_version=VERSION,
        system=request.system,
        target_name=request.target.name,
        target_kind=request.target.kind,
        target_fingerprint=dict(request.target.fingerprint()),
        demo=request.target.demo,
        suites=suite_references(plan.cases, request.suite_versions),
        selection=request.selection,
        seed=plan.base_seed,
        repeats=plan.repeats,
        planned=len(plan),
        draw_order=plan.order,
        draw_order_digest=plan.draw_order_digest,
        plan_digest=plan.plan_digest,
        gates=request.gates,
        scorers=request.scorers,
        scorer_cards=request.scorer_cards,
        baseline=request.baseline,
        predecessor_run_id=request.predecessor_run_id,
        predecessor_digest=request.predecessor_digest,
        candidate=candidate_digest(request.system, request.gates),
        notes=request.notes,
        environment=dict(request.environment),
        settings=request.settings.model_copy(update=used),
    )


def _check_unchanged(folder: RunFolder, request: RunRequest) -> None:
    """Raise InputError with every difference between what was planned and what is asked for now."""
    manifest = folder.manifest
    changes: list[str] = []
    recorded = folder.plan
    if request.plan.plan_digest != manifest.plan_digest:
        before = {case.id: case.digest for case in recorded.cases}
        now = {case.id: case.digest for case in request.plan.cases}
        changed = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        shown = ", ".join(changed[:5]) + (f" and {len(changed) - 5} more" if len(changed) > 5 else "")
        changes.append(f"cases: {shown}" if changed else "the draw order (seed, repeats or order)")
    if request.system.fingerprint != manifest.system.fingerprint:
        before, now = manifest.system.components, request.system.components
        names = sorted(name for name in {*before, *now} if before.get(name) != now.get(name))
        changes.append(f"the system under test: {', '.join(names) or 'its name'}")
    if dict(request.target.fingerprint()) != manifest.target_fingerprint:
        changes.append("the target's fingerprint")
    if [gate.digest for gate in request.gates] != [gate.digest for gate in manifest.gates]:
        changes.append("the gates")
    if changes:
        raise InputError(
            f"this run cannot be resumed, its evidence would mix versions; changed since it began: "
            f"{'; '.join(changes)}",
            where=str(folder.path),
            hint="restore what changed, or start a new run",
        )


def _finish_compacted(folder: RunFolder, status: RunStatus) -> RunFolder:
    """A kill after the log was verified leaves journals and a status behind: put both right."""
    for path in journal_paths(folder.path):
        path.unlink(missing_ok=True)
    if status.state is RunState.COMPLETE and status.attempts_digest:
        return folder
    from safecase.engine.journal._log import COLUMNS_NAME, AttemptLog
    from safecase.engine.results_check import comparison

    rows, content = AttemptLog.of(folder.path).digest()
    compare = comparison(AttemptLog.of(folder.path).columns())
    for position, record in enumerate(folder.records()):
        compare(position, record)
    tallies = Tallies()
    for record in folder.records():
        tallies.add_record(record)
    write_status(
        folder.path,
        RunStatus(
            state=RunState.COMPLETE,
            reason=status.reason,
            planned=status.planned,
            recorded=rows,
            skipped=status.planned - rows,
            outcomes={kind.value: count for kind, count in tallies.outcomes.items()},
            calls=tallies.calls,
            cost_usd=tallies.cost_usd if tallies.cost_known else None,
            sessions=status.sessions,
            dropped_bytes=status.dropped_bytes,
            attempts_digest=content,
            columns_digest=file_digest(folder.path / COLUMNS_NAME),
            updated_at=datetime.now(UTC),
        ),
    )
    return folder


def _first_status(planned: int) -> RunStatus:
    return RunStatus(state=RunState.RUNNING, planned=planned, not_run=planned, updated_at=datetime.now(UTC))
