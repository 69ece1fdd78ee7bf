"""`safecase schema`: what editors need to complete and check workspace files."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safecase.cli._console import out, print_json
from safecase.cli._options import Json


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("schema", rich_help_panel="Workspace")(schema)


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
