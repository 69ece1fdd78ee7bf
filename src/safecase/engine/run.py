"""Run a plan against a target: the engine's public entry."""

from __future__ import annotations

import asyncio
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from secrets import token_hex

import orjson

from safecase.base import VERSION, InfrastructureError, InputError, file_digest
from safecase.engine._attempt_recorder import Tallies, told_outcomes
from safecase.engine._run_lock import RunLock
from safecase.engine._session import RunSession
from safecase.engine.attempts._scoring import ScorerSet
from safecase.engine.journal._reader import journal_paths
from safecase.engine.journal._writer import flush_folder
from safecase.engine.plan import PlanDraft, cases_digest, derive_seed
from safecase.engine.request import RunRequest
from safecase.engine.run_folder import DRAFT_NAME, MANIFEST_NAME, SETTINGS_NAME, RunFolder, write_plan
from safecase.engine.status import RunState, RunStatus, write_file, write_status
from safecase.engine.store import is_remote, staging_folder
from safecase.model import RunManifest, RunPurpose, candidate_digest, suite_references


@dataclass(frozen=True)
class BegunRun:
    """A run that is written down, has an order and has called nobody; its folder is locked."""

    folder: RunFolder
    lock: RunLock


def begin_run(request: RunRequest) -> BegunRun:
    """Write down all that is fixed about a run, then draw its nonce and commit its order: no call is made.

    Two steps: the manifest without its order is on the disk before the nonce is drawn, and the manifest with
    it is complete or absent. What a kill leaves in between is no run, has called nobody, and is never taken
    up, so that no order is drawn twice for one plan. The caller gives what comes back to `run_begun`, or
    releases its lock. Raises as `run_plan`.
    """
    _check_limits(request)
    _scorer_set(request)
    run_id = request.run_id or new_run_id()
    folder = staging_folder(request.store, request.staging) / run_id
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        folder.mkdir(mode=0o700)
    except OSError as error:
        if folder.is_dir():
            raise InputError(
                f"the run folder {folder} exists already", hint="use `safecase resume`"
            ) from error
        raise InfrastructureError(
            f"cannot make the run folder: {error.strerror or error}",
            where=str(folder),
            hint="check the rights and the free space, or choose another store",
        ) from error
    lock = RunLock(folder)
    try:
        lock.acquire()
        draft = _draft(request, run_id)
        write_file(folder / DRAFT_NAME, _manifest_bytes(draft))
        if isinstance(request.plan, PlanDraft):
            nonce = request.draw_nonce(draft.draft_digest)
            plan = request.plan.ordered(derive_seed(draft.draft_digest, nonce.value))
            given = {"nonce": nonce.value, "nonce_source": nonce.source, "registrar_proof": nonce.proof}
        else:
            plan, given = request.plan, {}
        manifest = draft.model_copy(
            update={
                "seed": plan.base_seed,
                "draw_order_digest": plan.draw_order_digest,
                "plan_digest": plan.plan_digest,
                **given,
            }
        )
        write_plan(folder, plan)
        write_status(folder, _first_status(len(plan)))
        if request.settings_text:
            text = orjson.dumps(dict(request.settings_text), option=orjson.OPT_INDENT_2)
            write_file(folder / SETTINGS_NAME, text + b"\n")
        write_file(folder / MANIFEST_NAME, _manifest_bytes(manifest))
        (folder / DRAFT_NAME).unlink()
    except BaseException as error:
        lock.release()
        # Nothing was called, so nothing is lost; a half-made folder would only puzzle.
        if not (folder / MANIFEST_NAME).exists():
            shutil.rmtree(folder, ignore_errors=True)
            if isinstance(error, InfrastructureError):
                # Whoever could not write says "resume", and here there is nothing to take up.
                raise InfrastructureError(
                    error.message,
                    where=error.where,
                    hint="nothing was called: mend the cause and start the run again",
                ) from error
        raise
    return BegunRun(RunFolder(folder, manifest, plan), lock)


async def run_begun(begun: BegunRun, request: RunRequest) -> RunFolder:
    """Make the calls of a run that `begin_run` wrote down; ``request`` is the same. Raises as `run_plan`."""
    try:
        return await RunSession(request, begun.folder, _scorer_set(request), number=1).run()
    finally:
        begun.lock.release()


async def run_plan(request: RunRequest) -> RunFolder:
    """Run a plan to its end, its gate's decision, its budget or a signal; the run's folder.

    ``status`` of the folder says which: ``complete`` or ``stopped``. Raises InputError where scorers cannot
    be built or limits contradict each other (nothing was called), InfrastructureError where the target is
    down or the disk fails; the folder then holds all that was finished and can be resumed.
    """
    return await run_begun(begin_run(request), request)


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


def is_active(path: Path) -> bool:
    """True where a process is at work in the run folder."""
    if not path.is_dir():
        return False
    try:
        with RunLock(path):
            return False
    except InputError:
        return True


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


def _draft(request: RunRequest, run_id: str) -> RunManifest:
    """The manifest with all that is fixed before there is an order."""
    plan = request.plan
    # A caller from Python may hand over a cache or an executor of its own: the manifest tells what was used.
    used = {"cache": request.cache is not None, "executor": request.executor.name}
    drafted = isinstance(plan, PlanDraft)
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
        purpose=request.purpose if drafted else RunPurpose.EXPLORATORY,
        line=request.line,
        try_number=request.try_number,
        open_families=request.open_families,
        one_per_family=isinstance(plan, PlanDraft) and plan.one_per_family,
        cases_digest=cases_digest(plan.cases),
        seed=0,
        repeats=plan.most_repeats if isinstance(plan, PlanDraft) else plan.repeats,
        planned=len(plan),
        draw_order=plan.order,
        draw_order_digest="",
        plan_digest="",
        gates=request.gates,
        scorers=request.scorers,
        scorer_cards=request.scorer_cards,
        baseline=request.baseline,
        predecessors=request.predecessors,
        candidate=candidate_digest(request.system, request.gates),
        notes=request.notes,
        environment=dict(request.environment),
        settings=request.settings.model_copy(update=used),
    )


def _manifest_bytes(manifest: RunManifest) -> bytes:
    return manifest.model_dump_json(indent=2, by_alias=True).encode() + b"\n"


def _check_unchanged(folder: RunFolder, request: RunRequest) -> None:
    """Raise InputError with every difference between what was planned and what is asked for now."""
    manifest = folder.manifest
    changes: list[str] = []
    recorded = folder.plan
    asked = request.plan.ordered(manifest.seed) if isinstance(request.plan, PlanDraft) else request.plan
    if asked.plan_digest != manifest.plan_digest:
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
    journals = journal_paths(folder.path)
    if journals:
        # Whoever was killed may not have come as far as to make the log's name durable.
        flush_folder(folder.path)
    for path in journals:
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
            outcomes=told_outcomes(tallies, sealed=folder.manifest.purpose is RunPurpose.CERTIFICATION),
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
    return RunStatus(
        state=RunState.RUNNING, planned=planned, not_run=planned, sessions=0, updated_at=datetime.now(UTC)
    )
