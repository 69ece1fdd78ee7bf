"""`safecase plugins`: what a workspace can name, and where it comes from."""

from __future__ import annotations

import typer

from safecase.cli._console import err, out, print_json
from safecase.cli._options import HERE, Json, Workspace


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("plugins", rich_help_panel="Workspace")(plugins)


def plugins(workspace: Workspace = HERE, as_json: Json = False) -> None:
    """List scorers, checks, targets, converters and metrics: built in, installed, of this workspace."""
    from safecase.workflow import list_plugins

    here = workspace if (workspace / "safecase.yaml").exists() else None
    rows, passed_over = list_plugins(here)
    if as_json:
        print_json({"plugins": rows, "passed_over": passed_over})
        return
    width = max(len(row.name) for row in rows)
    for row in rows:
        told = f"{row.kind:13}  {row.name:{width}}  {row.version[:19]:19}  {row.origin}"
        out().print(told.rstrip(), markup=False, highlight=False, soft_wrap=True)
        if row.problem:
            err().print(f"{row.kind} '{row.name}': {row.problem}", style="red", markup=False)
    for sentence in passed_over:
        err().print(f"passed over: {sentence}", style="yellow", markup=False)
