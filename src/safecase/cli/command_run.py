"""`safecase run` and `safecase resume`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from safecase.base import ExitCode, InputError
from safecase.cli.console import err, leave, out, print_json
from safecase.cli.options import HERE, GateName, Json, RunName, Select, TargetName, Workspace

if TYPE_CHECKING:
    from safecase.engine import RunFolder, RunStatus


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("run", rich_help_panel="Runs")(run)
    app.command("resume", rich_help_panel="Runs")(resume)


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
    vulnerability: Annotated[
        list[str] | None,
        typer.Option("--vulnerability", help="Demo target only: switch a planted weakness on."),
    ] = None,
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
    from safecase.cli.progress import RunDisplay
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
    _report(folder, as_json=as_json)


def resume(run_id: RunName = "", workspace: Workspace = HERE, as_json: Json = False) -> None:
    """Take up a run that was killed, stopped or failed. No recorded attempt is made twice."""
    from safecase.cli.progress import RunDisplay
    from safecase.engine import settled_heap
    from safecase.workflow import Project, execute, prepare_resume

    project = Project.open(workspace)
    with RunDisplay(quiet=as_json) as display:
        prepared, path = prepare_resume(project, run_id, progress=display.update)
        display.begin(prepared)
        with settled_heap():
            folder = execute(prepared, resume=path)
    _report(folder, as_json=as_json)


def _report(folder: RunFolder, *, as_json: bool) -> None:
    status = folder.status
    run_id = folder.manifest.run_id
    if as_json:
        print_json({"run_id": run_id, "folder": str(folder.path), "status": status})
    else:
        outcomes = ", ".join(f"{count} {name}" for name, count in status.outcomes.items() if count)
        console = out()
        console.print(f"Run {run_id} {status.state.value}: {status.recorded} attempts ({outcomes or 'none'})")
        if status.skipped:
            console.print(f"{status.skipped} of {status.planned} planned attempts were not needed.")
        if status.reason:
            console.print(status.reason)
        for note in folder.manifest.notes:
            err().print(note, style="yellow")
        if _all_errors(status):
            first = next(iter(folder.attempts())).error
            told = f": {first.message}" if first is not None else ""
            told = f"No attempt brought an answer, so nothing was tested{told}"
            err().print(told, style="bold red", markup=False)
        word = "gate" if status.state.value == "complete" else "resume"
        console.print(f"Next:  safecase {word} {run_id}")
    if status.state.value != "complete" or _all_errors(status):
        leave(ExitCode.INFRASTRUCTURE)


def _all_errors(status: RunStatus) -> bool:
    return status.recorded > 0 and status.outcomes.get("error", 0) == status.recorded
