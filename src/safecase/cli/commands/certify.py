"""`safecase certify`: the sealed families against the target, and one word."""

from __future__ import annotations

from typing import Annotated

import typer

from safecase.cli._options import HERE, GateName, Json, TargetName, Vulnerability, Workspace


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("certify", rich_help_panel="Runs")(certify)


def certify(
    workspace: Workspace = HERE,
    target: TargetName = "",
    gate: GateName = "",
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
    vulnerability: Vulnerability = None,
    guard: Annotated[
        bool, typer.Option("--guard", help="Put the guard that the controls declare around the target.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Try one member of each family that nobody has seen; the results stay sealed.

    `safecase gate` then says go or not. Each try of a release line has to prove more than the one before it;
    `safecase plan` says how much, and how many tries the sealed families still carry.
    """
    from safecase.cli._progress import RunDisplay
    from safecase.cli._run import print_run
    from safecase.engine import settled_heap
    from safecase.model import RunSettings
    from safecase.workflow import Project, RunOptions, execute, prepare_certification

    project = Project.open(workspace)
    options = RunOptions(
        target=target,
        gate=gate,
        concurrency=concurrency,
        maximum_calls=maximum_calls,
        maximum_cost_usd=maximum_cost,
        settings=RunSettings(complete=complete, vulnerabilities=tuple(vulnerability or ()), guard=guard),
    )
    with RunDisplay(quiet=as_json) as display:
        prepared = prepare_certification(project, options, progress=display.update)
        display.begin(prepared)
        with settled_heap():
            folder = execute(prepared)
    print_run(folder, as_json=as_json)
