"""`safecase resume`: the rest of a run that was killed, stopped or failed."""

from __future__ import annotations

import typer

from safecase.cli._options import HERE, Json, RunName, Workspace


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("resume", rich_help_panel="Runs")(resume)


def resume(run_id: RunName = "", workspace: Workspace = HERE, as_json: Json = False) -> None:
    """Take up a run that was killed, stopped or failed. No recorded attempt is made twice."""
    from safecase.cli._progress import RunDisplay
    from safecase.cli._run import print_run
    from safecase.engine import settled_heap
    from safecase.workflow import Project, execute, prepare_resume

    project = Project.open(workspace)
    with RunDisplay(quiet=as_json) as display:
        prepared, path = prepare_resume(project, run_id, progress=display.update)
        display.begin(prepared)
        with settled_heap():
            folder = execute(prepared, resume=path)
    print_run(folder, as_json=as_json)
