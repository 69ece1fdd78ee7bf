"""`safecase set-aside`: a run that does not count."""

from __future__ import annotations

from typing import Annotated

import typer

from safecase.cli._console import out, print_json
from safecase.cli._options import HERE, Json, Workspace


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("set-aside", rich_help_panel="Decision")(set_aside)


def set_aside(
    run_id: Annotated[str, typer.Argument(help="Run id, or its beginning.")],
    because: Annotated[str, typer.Option("--because", "-m", help="The technical reason.")],
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Declare that a run does not count, for a technical reason, before its results are read.

    It stays in the chain, and every later verdict names it with the reason. What it showed stays open.
    """
    from safecase.workflow import Project, set_aside_run

    event = set_aside_run(Project.open(workspace), run_id, because)
    if as_json:
        print_json({"event": event})
        return
    out().print(f"Run {event.run_id} is set aside: {event.because}")
