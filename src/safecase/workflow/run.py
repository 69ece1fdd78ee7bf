"""From a selection to a finished run: everything is fixed before the first call."""

from __future__ import annotations

import asyncio
import platform
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from importlib import metadata
from pathlib import Path

import numpy as np

from safecase.base import InputError, JsonValue, SafecaseError
from safecase.engine import (
    Executor,
    ProgressCallback,
    ResponseCache,
    RunFolder,
    RunPlan,
    RunRequest,
    build_plan,
    event_loop,
    resume_run,
    run_plan,
)
from safecase.gate import HELD, VIOLATED, BaselineRun, StreamingEvaluation, connected_risks
from safecase.model import (
    METRICS,
    Baseline,
    Case,
    DrawOrder,
    Gate,
    Limits,
    Price,
    RunManifest,
    RunSettings,
    Target,
    TargetConfiguration,
    candidate_digest,
)
from safecase.targets import price_of
from safecase.workflow._project import Project
from safecase.workflow._scorers import ScorerSource

_RUNS_READ = 20
"""Earlier runs that are looked into for the rate of a risk: newer ones tell more than older ones."""


@dataclass(frozen=True)
class RunOptions:
    """What a person may choose about a run; empty means the workspace's defaults."""

    target: str = ""
    gate: str = ""
    select: str = ""
    seed: int | None = None
    repeats: int | None = None
    baseline: str = ""
    concurrency: int | None = None
    maximum_calls: int | None = None
    maximum_cost_usd: float | None = None
    settings: RunSettings = field(default_factory=RunSettings)
    """Its limits are the target's; the three above go before them."""


@dataclass(frozen=True)
class PreparedRun:
    """A run that only waits for its first call."""

    request: RunRequest
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
    return _prepare(project, options, configuration, settings, progress)


def _prepare(
    project: Project,
    options: RunOptions,
    configuration: TargetConfiguration,
    settings: RunSettings,
    progress: ProgressCallback | None,
    *,
    resumed: RunPlan | None = None,
) -> PreparedRun:
    """All that the engine needs, checked before the first call is paid for. ``resumed``: the plan that an
    earlier run began."""
    target = project.target(configuration, settings)
    cases = project.cases(options.select)
    gates = project.gates(options.gate)
    defaults = project.workspace.defaults
    seed = defaults.seed if options.seed is None else options.seed
    repeats = _repeats(project, options, gates)
    if resumed is not None:
        blocks = resumed.risk_blocks if resumed.order is DrawOrder.RISKIEST_FIRST else None
    else:
        blocks = None if settings.complete else riskiest_first(project, gates, cases)
    plan = build_plan(
        cases,
        seed=seed,
        repeats=repeats,
        order=DrawOrder.UNIFORM if blocks is None else DrawOrder.RISKIEST_FIRST,
        risk_blocks=blocks,
    )
    scorers = ScorerSource(project, target, cases)
    references, cards = scorers.references()
    system = project.system_version(target)
    earlier = project.manifests()
    baseline_run = project.run_folder(options.baseline) if options.baseline else None
    _require_baseline(gates, baseline_run)
    price = configuration.price

    def price_lookup(model: str) -> Price | None:
        return price_of(model, price)

    request = RunRequest(
        plan=plan,
        target=target,
        build_scorer=scorers.build,
        system=system,
        store=project.store,
        settings=settings,
        price=price_lookup,
        suite_versions={suite.id: suite.version for suite in project.workspace.suites},
        selection=options.select,
        gates=gates,
        streaming_gate=None if settings.complete else _streaming(gates, plan, baseline_run),
        scorers=references,
        scorer_cards=cards,
        baseline=_baseline(baseline_run),
        predecessor_run_id=earlier[-1][1].run_id if earlier else "",
        predecessor_digest=earlier[-1][1].digest if earlier else "",
        notes=_notes(
            [manifest for _, manifest in earlier], candidate_digest(system, gates), system.fingerprint
        ),
        environment=_environment(),
        cache=ResponseCache(project.workspace.root / ".safecase" / "cache.sqlite")
        if settings.cache
        else None,
        progress=progress,
        executor=_executor(settings.executor),
    )
    return PreparedRun(request, scorers, target, cases, gates)


def execute(prepared: PreparedRun, *, resume: Path | None = None) -> RunFolder:
    """Run or resume. Raises InfrastructureError where the target is down; what was done is kept."""

    async def work() -> RunFolder:
        async with AsyncExitStack() as stack:
            await prepared.scorers.start_judges(stack)
            if resume is not None:
                return await resume_run(resume, prepared.request)
            return await run_plan(prepared.request)

    def run() -> RunFolder:
        with event_loop() as loop:
            return loop.run(work())

    try:
        asyncio.get_running_loop()
    except RuntimeError:
        return run()
    # A notebook's own loop runs in this thread, and one thread has one loop.
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(run).result()


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
    """Prepare the rest of a run with the choices that its manifest records."""
    folder = project.run_folder(run_id)
    manifest = folder.manifest
    options = RunOptions(
        gate=manifest.gates[0].id if len(manifest.gates) == 1 else "",
        select=manifest.selection,
        seed=manifest.seed,
        repeats=manifest.repeats,
        baseline=manifest.baseline.run_id if manifest.baseline else "",
    )
    configuration = project.target_configuration(manifest.target_name)
    prepared = _prepare(project, options, configuration, manifest.settings, progress, resumed=folder.plan)
    return prepared, folder.path


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


def _streaming(gates: tuple[Gate, ...], plan: RunPlan, baseline: RunFolder | None) -> StreamingEvaluation:
    rates = BaselineRun.read(baseline).rates() if baseline else None
    return StreamingEvaluation(gates, plan, baseline_rates=rates)


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


def _notes(earlier: list[RunManifest], candidate: str, fingerprint: str) -> tuple[str, ...]:
    """What an honest reader must be told about the runs before this one."""
    same = [item.run_id for item in earlier if item.candidate == candidate]
    other_rules = [
        item.run_id
        for item in earlier
        if item.system.fingerprint == fingerprint and item.candidate != candidate
    ]
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
    return tuple(notes)


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


def riskiest_first(
    project: Project, gates: Sequence[Gate], cases: Sequence[Case]
) -> tuple[tuple[str, ...], ...] | None:
    """The blocks of risks of a run, the one that did worst in earlier runs first; None where nothing can be
    won.

    A binding rule that fails ends the run, so a bad system is found out after a few calls where its worst
    risk comes first. That needs an earlier run, and rules that leave the risks in more than one block. The
    order of blocks may come from any data: it changes calls, and never the error of a test."""
    blocks = connected_risks(gates, cases)
    if len(blocks) < 2:
        return None
    rates = _earlier_rates(project, {case.risk for case in cases})
    if not rates:
        return None

    def worst(block: set[str]) -> float:
        # Of a risk that nobody tried nothing is known, so it comes first.
        return max(rates.get(risk, float("inf")) for risk in block)

    ranked = sorted(blocks, key=lambda block: (-worst(block), min(block)))
    return tuple(tuple(sorted(block)) for block in ranked)


def _earlier_rates(project: Project, risks: set[str]) -> dict[str, float]:
    """Risk → violation rate in the latest run that tried it; absent where none did."""
    found: dict[str, float] = {}
    for path, _ in list(reversed(project.manifests()))[:_RUNS_READ]:
        if risks <= found.keys():
            break
        try:
            folder = RunFolder.open(path)
            cases, columns = folder.cases(), folder.columns()
        except SafecaseError:
            # A run that cannot be read has nothing to say here; whoever asks for it hears why.
            continue
        of_case = np.array([case.risk for case in cases], dtype=object)
        decided = (columns.outcome == HELD) | (columns.outcome == VIOLATED)
        tried = of_case[columns.case_index[decided]]
        bad = columns.outcome[decided] == VIOLATED
        for risk in set(tried.tolist()) - found.keys():
            mine = tried == risk
            # Half an event and one attempt more, so that one clean attempt is no clean record.
            found[risk] = (float(bad[mine].sum()) + 0.5) / (float(mine.sum()) + 1.0)
    return found
