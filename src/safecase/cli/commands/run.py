"""`safecase run`: the suites against the target."""

from __future__ import annotations

from typing import Annotated

import typer

from safecase.base import InputError
from safecase.cli._options import HERE, GateName, Json, Select, TargetName, Vulnerability, Workspace


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("run", rich_help_panel="Runs")(run)


def run(
    workspace: Workspace = HERE,
    target: TargetName = "",
    gate: GateName = "",
    select: Select = "",
    seed: Annotated[
        int | None, typer.Option(help="Seed of the draw order.", show_default="the workspace's")
    ] = None,
    repeats: Annotated[int | None, typer.Option(help="Attempts per case.")] = None,
    baseline: Annotated[str, typer.Option(help="Run that regression rules compare with.")] = "",
    complete: Annotated[
        bool, typer.Option("--complete", help="Make every planned attempt, also after the gate has decided.")
    ] = False,
    concurrency: Annotated[int | None, typer.Option(min=1, help="Calls in flight at most.")] = None,
    maximum_calls: Annotated[
        int | None, typer.Option("--max-calls", min=1, help="Stop after so many calls.")
    ] = None,
    maximum_cost: Annotated[
        float | None, typer.Option("--max-cost", help="Stop at this cost in US dollars.")
    ] = None,
    cache: Annotated[
        bool, typer.Option("--cache", help="Reuse recorded answers to identical calls.")
    ] = False,
    executor: Annotated[str, typer.Option(help="local or ray.")] = "local",
    vulnerability: Vulnerability = None,
    guard: Annotated[
        bool, typer.Option("--guard", help="Put the guard that the controls declare around the target.")
    ] = False,
    without: Annotated[
        list[str] | None, typer.Option("--without", help="With --guard: leave a check out (may repeat).")
    ] = None,
    as_json: Json = False,
) -> None:
    """Run the suites against the target. Everything is fixed and written down before the first call.

    The gate watches: what is decided is not called again. Killing the run loses nothing;
    `safecase resume` takes it up.
    """
    from safecase.cli._progress import RunDisplay
    from safecase.cli._run import print_run
    from safecase.engine import settled_heap
    from safecase.model import RunSettings
    from safecase.workflow import Project, RunOptions, execute, prepare

    if without and not guard:
        raise InputError("--without leaves a check of the guard out, and there is no --guard")
    project = Project.open(workspace)
    options = RunOptions(
        target=target,
        gate=gate,
        select=select,
        seed=seed,
        repeats=repeats,
        baseline=baseline,
        concurrency=concurrency,
        maximum_calls=maximum_calls,
        maximum_cost_usd=maximum_cost,
        settings=RunSettings(
            complete=complete,
            cache=cache,
            executor=executor,
            vulnerabilities=tuple(vulnerability or ()),
            guard=guard,
            guard_without=tuple(without or ()),
        ),
    )
    with RunDisplay(quiet=as_json) as display:
        prepared = prepare(project, options, progress=display.update)
        display.begin(prepared)
        with settled_heap():
            folder = execute(prepared)
    print_run(folder, as_json=as_json)
