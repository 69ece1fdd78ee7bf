"""From a selection to a finished run: everything is fixed before the first call."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import shutil
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from importlib import metadata
from pathlib import Path
from typing import TypeAlias

from safecase.base import InputError, JsonValue, SafecaseError
from safecase.engine import (
    BegunRun,
    Executor,
    PlanDraft,
    ProgressCallback,
    ResponseCache,
    RunFolder,
    RunPlan,
    RunRequest,
    begin_run,
    draw_own_nonce,
    event_loop,
    is_forgetful,
    registrar,
    resume_run,
    run_begun,
)
from safecase.evidence import Redactor
from safecase.gate import BaselineRun, StreamingEvaluation
from safecase.model import (
    METRICS,
    Baseline,
    Case,
    DrawOrder,
    EarlyStop,
    Gate,
    Limits,
    Price,
    RunPurpose,
    RunSettings,
    Target,
    TargetConfiguration,
    candidate_digest,
    declared_selection,
)
from safecase.records import Past
from safecase.targets import price_of
from safecase.workflow._ledger import catch_up, history_notes, ledger_of, record_end, start_event
from safecase.workflow._project import Project
from safecase.workflow._scorers import ScorerSource
from safecase.workflow.pools._choice import pool_cases
from safecase.workflow.pools._risk_order import riskiest_first
from safecase.workflow.pools._sealing import require_opened
from safecase.workflow.pools._state import PoolState
from safecase.workspace import declared_open


@dataclass(frozen=True)
class RunOptions:
    """What a person may choose about a run; empty means the workspace's defaults."""

    target: str = ""
    gate: str = ""
    select: str = ""
    seed: int | None = None
    """An order of one's own instead of a new one."""
    repeats: int | None = None
    baseline: str = ""
    concurrency: int | None = None
    maximum_calls: int | None = None
    maximum_cost_usd: float | None = None
    settings: RunSettings = field(default_factory=RunSettings)
    """Its limits are the target's; the three above go before them."""
    purpose: RunPurpose = RunPurpose.OPEN
    """Exploratory in any case where a seed is given, or where ``select`` is not what the gates are about."""


StreamingBuilder: TypeAlias = Callable[[int, Collection[str]], Callable[[RunPlan], EarlyStop]]
"""From the number of the try and the families that were seen to what watches the run."""


@dataclass(frozen=True)
class PreparedRun:
    """A run that only waits for its order and its first call."""

    project: Project
    request: RunRequest
    """Its place in the chain is taken when the run begins."""
    streaming: StreamingBuilder | None
    """None where every planned attempt is made."""
    scorers: ScorerSource
    target: Target
    cases: tuple[Case, ...]
    gates: tuple[Gate, ...]


def prepare(
    project: Project, options: RunOptions, *, progress: ProgressCallback | None = None
) -> PreparedRun:
    """Resolve everything that a run needs. Nothing is called; raises InputError for what is wrong."""
    configuration = project.target_configuration(options.target)
    settings = options.settings.model_copy(update={"limits": _limits(configuration.limits, options)})
    gates = project.gates(options.gate)
    state = PoolState(project, project.history(), cases_for(project, gates, options.select))
    cases = pool_cases(state, gates, options.purpose)
    blocks = None if settings.complete else riskiest_first(project, gates, cases)
    draft = PlanDraft(
        cases,
        _repeats(project, options, gates),
        DrawOrder.UNIFORM if blocks is None else DrawOrder.RISKIEST_FIRST,
        blocks,
        one_per_family=options.purpose is RunPurpose.CERTIFICATION,
    )
    return _prepare(project, options, configuration, settings, progress, draft)


def _prepare(
    project: Project,
    options: RunOptions,
    configuration: TargetConfiguration,
    settings: RunSettings,
    progress: ProgressCallback | None,
    draft: PlanDraft,
) -> PreparedRun:
    """All that the engine needs, checked before the first call is paid for."""
    if is_forgetful(project.store):
        raise InputError(
            f"the store {project.store} is forgotten when the program ends, and its runs with it",
            hint="name a folder, or a store that keeps what it is given",
        )
    target = project.target(configuration, settings)
    redactor = Redactor()
    # Masked before they are frozen: manifests, verdicts and packs repeat them word for word.
    gates = tuple(redactor.redact_gate(gate) for gate in project.gates(options.gate))
    cases = draft.cases
    declared = declared_selection(gates)
    narrowed = bool(options.select) and project.cases(options.select) != cases_for(project, gates)
    free = narrowed or options.seed is not None
    scorers = ScorerSource(project, target, cases)
    references, cards = scorers.references()
    baseline_run = project.run_folder(options.baseline) if options.baseline else None
    if baseline_run is not None:
        require_opened(project.history(), baseline_run, "comparing with it")
    _require_baseline(gates, baseline_run)
    price = configuration.price

    def price_lookup(model: str) -> Price | None:
        return price_of(model, price)

    named = project.workspace.defaults.registrar
    request = RunRequest(
        plan=draft if options.seed is None else draft.ordered(options.seed),
        target=target,
        build_scorer=scorers.build,
        system=project.system_version(target),
        store=project.store,
        staging=project.staging,
        settings=settings,
        price=price_lookup,
        suite_versions={suite.id: suite.version for suite in project.workspace.suites},
        selection=options.select if narrowed else declared,
        purpose=RunPurpose.EXPLORATORY if free else options.purpose,
        line=project.workspace.system.release_line,
        draw_nonce=registrar(named, project.workspace.root) if named else draw_own_nonce,
        gates=gates,
        scorers=references,
        scorer_cards=cards,
        baseline=_baseline(baseline_run),
        environment=_environment(),
        settings_text={"target": redactor.redact_value(target.describe())},
        cache=ResponseCache(project.workspace.root / ".safecase" / "cache.sqlite")
        if settings.cache
        else None,
        progress=progress,
        executor=_executor(settings.executor),
    )
    streaming = None if settings.complete else _streaming(gates, baseline_run)
    return PreparedRun(project, request, streaming, scorers, target, cases, gates)


def cases_for(project: Project, gates: Sequence[Gate], select: str = "") -> tuple[Case, ...]:
    """The cases of a run: those that ``select`` picks, else those that the gates are about."""
    return project.cases(select or declared_selection(gates))


def begin(prepared: PreparedRun) -> tuple[BegunRun, RunRequest]:
    """Take a place in the chain, write the run down and draw its order; nothing is called.

    The ledger is held all the while, so that each of two runs that begin at once knows of the one before.
    Raises as `safecase.engine.begin_run`, and CheckFailed where the ledger's chain is broken.
    """
    project, request = prepared.project, prepared.request
    with ledger_of(project).locked() as writer:
        present = catch_up(project, writer)
        past = Past(writer.history)
        families = {case.family for case in prepared.cases}
        opened = past.exposure.open_families(prepared.cases) | (declared_open(project.workspace) & families)
        number = past.try_number(request.line, prepared.cases)
        candidate = candidate_digest(request.system, request.gates)
        placed = replace(
            request,
            predecessors=writer.history.ends(),
            try_number=number,
            open_families=tuple(sorted(opened)),
            notes=history_notes(past, present, candidate, request.system.fingerprint),
            streaming_gate=prepared.streaming(number, opened) if prepared.streaming else None,
        )
        begun = begin_run(placed)
        try:
            writer.append(start_event(begun.folder.manifest))
        except BaseException:
            begun.lock.release()
            raise
    return begun, placed


def execute(prepared: PreparedRun, *, resume: Path | None = None) -> RunFolder:
    """Run or resume. Raises InfrastructureError where the target is down; what was done is kept."""
    path = resume

    async def work() -> RunFolder:
        nonlocal path
        async with AsyncExitStack() as stack:
            await prepared.scorers.start_judges(stack)
            if resume is not None:
                return await resume_run(resume, prepared.request)
            begun, request = begin(prepared)
            path = begun.folder.path
            return await run_begun(begun, request)

    def run() -> RunFolder:
        with event_loop() as loop:
            return loop.run(work())

    def run_beside() -> RunFolder:
        try:
            asyncio.get_running_loop()
        except RuntimeError:
            return run()
        # A notebook's own loop runs in this thread, and one thread has one loop.
        with ThreadPoolExecutor(1) as pool:
            return pool.submit(run).result()

    try:
        folder = run_beside()
    except BaseException:
        if path is not None:
            # Why the run failed must not be hidden; the next command enters what is missing.
            with contextlib.suppress(SafecaseError):
                _enter_end(prepared.project, RunFolder.open(path))
        raise
    _enter_end(prepared.project, folder)
    return folder


def _enter_end(project: Project, folder: RunFolder) -> None:
    with ledger_of(project).locked() as writer:
        if folder.manifest.run_id not in writer.history.starts:
            writer.append(start_event(folder.manifest))
        record_end(writer, folder)


def run_workspace(
    project: Project, options: RunOptions | None = None, *, progress: ProgressCallback | None = None
) -> RunFolder:
    """Run the workspace's suites against its target, until the gate has decided; the run's folder.

    ``options``: default, what the workspace says. Works in a notebook too, beside its event loop. Raises
    InputError for what is wrong before the first call, InfrastructureError where the target is down.
    """
    return execute(prepare(project, options or RunOptions(), progress=progress))


def prepare_resume(
    project: Project, run_id: str, *, progress: ProgressCallback | None = None
) -> tuple[PreparedRun, Path]:
    """Prepare the rest of a run with the choices that its manifest records; its order stays."""
    folder = project.run_folder(run_id)
    manifest = folder.manifest
    options = RunOptions(
        gate=manifest.gates[0].id if len(manifest.gates) == 1 else "",
        baseline=manifest.baseline.run_id if manifest.baseline else "",
    )
    configuration = project.target_configuration(manifest.target_name)
    # Its own cases as they are now, whatever a selector or a pool would pick today.
    present = {case.id: case for case in project.cases()}
    cases = tuple(present[case.id] for case in folder.cases() if case.id in present)
    if not cases:
        raise InputError("none of the run's cases is in the workspace any more", hint="start a new run")
    draft = PlanDraft(
        cases,
        manifest.repeats,
        manifest.draw_order,
        folder.plan.risk_blocks if manifest.draw_order is DrawOrder.RISKIEST_FIRST else None,
        one_per_family=manifest.one_per_family,
    )
    prepared = _prepare(project, options, configuration, manifest.settings, progress, draft)
    streaming = prepared.streaming
    gate = streaming(manifest.try_number, frozenset(manifest.open_families)) if streaming else None
    request = replace(prepared.request, streaming_gate=gate)
    return replace(prepared, request=request), _writable(project, folder)


def _writable(project: Project, folder: RunFolder) -> Path:
    """The run's folder; the copy of a remote run is moved to where it can be taken up and kept."""
    if not folder.url:
        return folder.path
    place = project.staging / folder.path.name
    place.parent.mkdir(parents=True, exist_ok=True)
    shutil.copytree(folder.path, place, dirs_exist_ok=True)
    return place


def _repeats(project: Project, options: RunOptions, gates: tuple[Gate, ...]) -> int:
    """How often each case is tried: as asked, and as often as a rule's k needs."""
    asked = options.repeats if options.repeats is not None else project.workspace.defaults.repeats
    needed = max(
        (rule.k or 1 for gate in gates for rule in gate.rules if METRICS.get(rule.metric).needs_tries),
        default=1,
    )
    return max(asked, needed)


def _limits(limits: Limits, options: RunOptions) -> Limits:
    """The target's limits with those of the command line."""
    changes = {
        "concurrency": options.concurrency,
        "maximum_calls": options.maximum_calls,
        "maximum_cost_usd": options.maximum_cost_usd,
    }
    given = {name: value for name, value in changes.items() if value is not None}
    return Limits.model_validate({**limits.model_dump(), **given}) if given else limits


def _require_baseline(gates: tuple[Gate, ...], baseline: RunFolder | None) -> None:
    needing = [rule.id for gate in gates for rule in gate.rules if METRICS.get(rule.metric).needs_baseline]
    if needing and baseline is None:
        raise InputError(
            f"the rule {needing[0]} compares with an earlier run, and none was named",
            hint="say --baseline RUN; `safecase show runs` lists them",
        )


def _streaming(gates: tuple[Gate, ...], baseline: RunFolder | None) -> StreamingBuilder:
    rates = BaselineRun.read(baseline).rates() if baseline else None

    def build(number: int, opened: Collection[str]) -> Callable[[RunPlan], EarlyStop]:
        return lambda plan: StreamingEvaluation(
            gates, plan, baseline_rates=rates, try_number=number, open_families=opened
        )

    return build


def _baseline(folder: RunFolder | None) -> Baseline | None:
    """What the manifest says of the run that this one is compared with."""
    if folder is None:
        return None
    manifest = folder.manifest
    return Baseline(
        run_id=manifest.run_id,
        manifest_digest=manifest.digest,
        system_version=manifest.system.fingerprint,
    )


def _environment() -> dict[str, JsonValue]:
    """Versions that can change a number or a request, for the manifest."""
    names = ("numpy", "scipy", "aiohttp", "pydantic")
    return {
        "python": platform.python_version(),
        "platform": platform.platform(terse=True),
        **{name: metadata.version(name) for name in names},
    }


def _executor(name: str) -> Executor:
    if name == "local":
        from safecase.engine import LocalExecutor

        return LocalExecutor()
    if name == "ray":
        from safecase.engine import RayExecutor

        return RayExecutor()
    raise InputError(f"there is no executor '{name}'", hint="local or ray")
