"""`safecase init`: a workspace to begin with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safecase.cli._console import out, print_json
from safecase.cli._options import Json


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("init", rich_help_panel="Workspace")(init)


def init(
    folder: Annotated[Path, typer.Argument(help="Where to make the workspace.")] = Path("safety"),
    profile: Annotated[str, typer.Option(help="chat, rag, agent or regulated.")] = "chat",
    name: Annotated[str, typer.Option(help="Title of the system.")] = "My AI system",
    as_json: Json = False,
) -> None:
    """Make a small, commented, valid workspace that runs at once, against the built-in demo target."""
    from safecase.workspace import write_profile

    written = write_profile(profile, folder, name)
    if as_json:
        print_json({"folder": str(folder), "profile": profile, "files": [str(file) for file in written]})
        return
    console = out()
    console.print(f"Made a {profile} workspace in {folder}:")
    for file in written:
        console.print(f"  {file.relative_to(folder)}")
    console.print("\nIts target is the built-in demo, whose numbers are evidence about nothing real.")
    console.print(f"Next:  cd {folder} && safecase check && safecase run && safecase gate")
