"""`safecase certify`: the sealed families against the target, and one word."""

from __future__ import annotations

import typer

from safecase.cli._options import (
    HERE,
    Complete,
    Concurrency,
    GateName,
    Guarded,
    Json,
    MaximumCalls,
    MaximumCost,
    TargetName,
    Vulnerability,
    Workspace,
)


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("certify", rich_help_panel="Runs")(certify)


def certify(
    workspace: Workspace = HERE,
    target: TargetName = "",
    gate: GateName = "",
    complete: Complete = False,
    concurrency: Concurrency = None,
    maximum_calls: MaximumCalls = None,
    maximum_cost: MaximumCost = None,
    vulnerability: Vulnerability = None,
    guard: Guarded = False,
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
