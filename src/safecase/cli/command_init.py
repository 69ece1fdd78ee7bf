"""`safecase init`, `safecase schema`, `safecase keys`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safecase.cli.console import out, print_json
from safecase.cli.options import Json


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("init", rich_help_panel="Workspace")(init)
    app.command("schema", rich_help_panel="Workspace")(schema)
    app.command("keys", rich_help_panel="Evidence")(keys)


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


def schema(
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File to write.", show_default="standard output")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the JSON Schema of workspace files, so that editors complete and check them."""
    import orjson

    from safecase.workspace import workspace_schema

    document = workspace_schema()
    if output is None or as_json:
        print_json(document)
        return
    output.write_bytes(orjson.dumps(document, option=orjson.OPT_INDENT_2))
    out().print(f"Wrote {output}. In a YAML file:  # yaml-language-server: $schema={output.name}")


def keys(as_json: Json = False) -> None:
    """Make an Ed25519 key pair for signing packs. The private half belongs in the environment only."""
    from safecase.evidence import new_key

    private, public = new_key()
    if as_json:
        print_json({"private": private, "public": public})
        return
    console = out()
    console.print(f"private: {private}\npublic:  {public}\n")
    console.print("Put the private key into the secret SAFECASE_SIGNING_KEY of your CI, and nowhere else.")
    console.print("Give the public key to those who run: safecase verify PACK --public-key …")
