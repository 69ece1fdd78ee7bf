"""`safecase run`: the suites against the target."""

from __future__ import annotations

from typing import Annotated

import typer

from safecase.base import InputError
from safecase.cli._options import (
    HERE,
    Complete,
    Concurrency,
    GateName,
    Guarded,
    Json,
    MaximumCalls,
    MaximumCost,
    Repeats,
    Select,
    TargetName,
    Vulnerability,
    Workspace,
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("run", rich_help_panel="Runs")(run)


def run(
    workspace: Workspace = HERE,
    target: TargetName = "",
    gate: GateName = "",
    select: Select = "",
    seed: Annotated[
        int | None, typer.Option(help="Order of your own: an exploratory run.", show_default="a new order")
    ] = None,
    repeats: Repeats = None,
    baseline: Annotated[str, typer.Option(help="Run that regression rules compare with.")] = "",
    complete: Complete = False,
    concurrency: Concurrency = None,
    maximum_calls: MaximumCalls = None,
    maximum_cost: MaximumCost = None,
    cache: Annotated[
        bool, typer.Option("--cache", help="Reuse recorded answers to identical calls.")
    ] = False,
    executor: Annotated[str, typer.Option(help="local or ray.")] = "local",
    vulnerability: Vulnerability = None,
    guard: Guarded = False,
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
