"""Run a plan against a target: the engine's public entry."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from importlib import metadata
from pathlib import Path
from secrets import token_hex
from typing import Any

from safecase.base import InfrastructureError, InputError, JsonObject, digest
from safecase.engine.attempt_runner import ScorerSet
from safecase.engine.compact import TABLE_NAME
from safecase.engine.journal_reader import journal_paths
from safecase.engine.lock import RunLock
from safecase.engine.recorder import Tallies
from safecase.engine.request import RunRequest
from safecase.engine.run_folder import MANIFEST_NAME, RunFolder, write_plan
from safecase.engine.session import RunSession
from safecase.engine.status import RunState, RunStatus, write_file, write_status
from safecase.engine.store import is_remote, staging_folder
from safecase.model import RunManifest, SuiteReference


async def run_plan(request: RunRequest) -> RunFolder:
    """Run a plan to its end, its gate's decision, its budget or a signal; the run's folder.

    ``status`` of the folder says which: ``complete`` or ``stopped``. Raises InputError where scorers cannot
    be built or limits contradict each other (nothing was called), InfrastructureError where the target is
    down or the disk fails; the folder then holds all that was finished and can be resumed.
    """
    _check_limits(request)
    scorers = ScorerSet(request.plan.cases, request.build_scorer)
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
        scorers = ScorerSet(request.plan.cases, request.build_scorer)
        return await RunSession(request, folder, scorers, number=status.sessions + 1).run()


def run_blocking(make: Callable[[], Coroutine[Any, Any, RunFolder]]) -> RunFolder:
    """Run ``lambda: run(request)`` or ``lambda: resume(path, request)`` on a fresh, fast event loop."""
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if sys.platform != "win32":
        import uvloop

        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(make())


def new_run_id(now: datetime | None = None) -> str:
    """``YYYYMMDDTHHMMSSZ-<6 hex digits>``."""
    moment = now if now is not None else datetime.now(UTC)
    return f"{moment:%Y%m%dT%H%M%SZ}-{token_hex(3)}"


def _check_limits(request: RunRequest) -> None:
    if request.limits.maximum_cost_usd is not None and request.price is None:
        raise InputError(
            "maximum_cost_usd is set, but no price of the target's model is known",
            hint="give the target a price, or limit maximum_calls instead",
        )


def _manifest(request: RunRequest, run_id: str) -> RunManifest:
    plan = request.plan
    counts: dict[str, int] = {}
    for case in plan.cases:
        counts[case.suite] = counts.get(case.suite, 0) + 1
    suites = request.suites or tuple(
        SuiteReference(
            id=suite,
            version=digest([case.digest for case in plan.cases if case.suite == suite]),
            cases=count,
        )
        for suite, count in counts.items()
    )
    settings: JsonObject = {
        **request.settings,
        "draw_order": plan.order.value,
        "executor": request.executor.name,
        "limits": request.limits.model_dump(mode="json"),
        "cache": request.cache is not None,
        "cache_repeats": request.cache_repeats,
        "target": request.target.describe(),
        "target_fingerprint": dict(request.target.fingerprint()),
    }
    return RunManifest(
        run_id=run_id,
        created_at=datetime.now(UTC),
        safecase_version=metadata.version("safecase"),
        system=request.system,
        target_name=request.target.name,
        target_kind=request.target.kind,
        demo=request.target.demo,
        suites=suites,
        selection=request.selection,
        seed=plan.base_seed,
        repeats=plan.repeats,
        planned=len(plan),
        draw_order_digest=plan.draw_order_digest,
        plan_digest=plan.plan_digest,
        gates=request.gates,
        scorers=request.scorers,
        scorer_cards=request.scorer_cards,
        baseline=request.baseline,
        predecessor_run_id=request.predecessor_run_id,
        predecessor_digest=request.predecessor_digest,
        candidate=digest(
            {"system": request.system.fingerprint, "gates": [gate.digest for gate in request.gates]}
        ),
        notes=request.notes,
        environment=dict(request.environment),
        settings=settings,
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
    if dict(request.target.fingerprint()) != manifest.settings.get("target_fingerprint"):
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
    """A kill after the table was verified leaves journals and a status behind: put both right."""
    for path in journal_paths(folder.path):
        path.unlink(missing_ok=True)
    if status.state is RunState.COMPLETE and status.attempts_digest:
        return folder
    from safecase.engine.attempt_table import table_digest

    rows, content = table_digest(folder.path / TABLE_NAME)
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
            updated_at=datetime.now(UTC),
        ),
    )
    return folder


def _first_status(planned: int) -> RunStatus:
    return RunStatus(state=RunState.RUNNING, planned=planned, not_run=planned, updated_at=datetime.now(UTC))
