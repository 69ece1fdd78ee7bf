"""`safecase catalog`: newer editions of public taxonomies, and threat coverage for MITRE's Navigator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safecase.cli._console import out, print_json
from safecase.cli._options import HERE, Json, Workspace

catalog = typer.Typer(no_args_is_help=True, help="Public taxonomies: ATLAS, OWASP and what you add.")


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(catalog, name="catalog", rich_help_panel="Workspace")


@catalog.command("list")
def list_catalogs(workspace: Workspace = HERE, as_json: Json = False) -> None:
    """List the taxonomies that ship and those of the workspace, with their counts, taken from their data."""
    from safecase.workflow import list_catalogs

    rows = list_catalogs(workspace)
    if as_json:
        print_json({"catalogs": rows})
        return
    for row in rows:
        counts = ", ".join(_counted_kind(count, kind) for kind, count in row.counts.items())
        out().print(f"{row.framework} {row.version}: {counts}")


@catalog.command("update")
def update_catalog(
    official: Annotated[Path, typer.Argument(help="ATLAS.yaml, or the folder of OWASP's LLM Top 10.")],
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Read an official file into the workspace's catalogs, so that references to it resolve.

    References that name no version still mean the one that ships: say atlas@VERSION:ID for the new one.
    """
    from safecase.workflow import update_catalog

    written = update_catalog(official, workspace)
    if as_json:
        print_json({"written": str(written)})
        return
    out().print(f"Wrote {written}. `safecase catalog list` counts what is in it.")


@catalog.command("navigator")
def navigator(
    output: Annotated[Path, typer.Option("--output", "-o", help="Layer file to write.")],
    run_id: Annotated[str, typer.Option("--run", help="Colour by this run (default: the latest).")] = "",
    version: Annotated[
        str, typer.Option("--version", help="Edition of ATLAS (default: the shipped one).")
    ] = "",
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Write threat coverage as a layer for MITRE's ATLAS Navigator: failed, passed, tested, untested."""
    import orjson

    from safecase.model import counted
    from safecase.workflow import Project, atlas_layer, count_statuses

    project = Project.open(workspace)
    folder = project.run_folder(run_id) if run_id or project.manifests() else None
    layer = atlas_layer(project, folder, version)
    output.write_bytes(orjson.dumps(layer, option=orjson.OPT_INDENT_2) + b"\n")
    counts = count_statuses(layer)
    if as_json:
        print_json({"written": str(output), "techniques": counts})
        return
    shown = ", ".join(f"{count} {status}" for status, count in counts.items())
    out().print(f"Wrote {output}: {counted(len(layer['techniques']), 'technique')} ({shown})")


def _counted_kind(count: int, kind: str) -> str:
    from safecase.model import counted

    noun = kind.replace("_", " ")
    return counted(count, noun, f"{noun[:-1]}ies" if noun.endswith("y") else "")
