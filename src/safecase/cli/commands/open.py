"""`safecase open`: families that were sealed can be looked at from now on, and decide nothing any more."""

from __future__ import annotations

from typing import Annotated

import typer

from safecase.base import InputError
from safecase.cli._console import err, out, print_json
from safecase.cli._options import HERE, Json, Workspace


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("open", rich_help_panel="Runs")(open_sealed)


def open_sealed(
    run_id: Annotated[
        str, typer.Argument(help="Certification whose results to open.", show_default="the latest run")
    ] = "",
    workspace: Workspace = HERE,
    everything: Annotated[
        bool, typer.Option("--all", help="Open every sealed family: the pool is retired.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    as_json: Json = False,
) -> None:
    """Open a certification, or the whole sealed pool: what was open once decides nothing any more."""
    from safecase.model import counted
    from safecase.workflow import Project, open_families, plan_opening

    project = Project.open(workspace)
    opening = plan_opening(project, run_id, everything=everything)
    families = counted(len(opening.families), "family", "families")
    what = f"the results of {opening.run_id}" if opening.run_id else "the sealed pool"
    if not yes:
        if as_json:
            raise InputError("opening asks before it does, and --json cannot ask", hint="say --yes")
        err().print(
            f"This opens {what}: {families} become open for ever. They can be looked at and worked on, and "
            "no claim about new cases will rest on them again."
        )
        typer.confirm("Open them?", abort=True, err=True)
    open_families(project, opening)
    if as_json:
        print_json({"run_id": opening.run_id, "opened": opening.families})
        return
    out().print(f"Opened {what}: {families}.")
    if opening.run_id:
        out().print(f"Next:  safecase gate {opening.run_id} && safecase report {opening.run_id}")
