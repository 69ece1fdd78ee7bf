"""`safecase catalog`: newer editions of public taxonomies, and threat coverage for MITRE's Navigator."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safecase.base import InputError
from safecase.cli.console import out, print_json
from safecase.cli.options import HERE, Json, Workspace

catalog = typer.Typer(no_args_is_help=True, help="Public taxonomies: ATLAS, OWASP and what you add.")


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(catalog, name="catalog", rich_help_panel="Workspace")


@catalog.command("list")
def list_catalogs(workspace: Workspace = HERE, as_json: Json = False) -> None:
    """List the taxonomies that ship and those of the workspace, with their counts, taken from their data."""
    from safecase.catalog import CatalogError
    from safecase.workspace import workspace_catalogs

    store = workspace_catalogs(workspace)
    try:
        rows = [(name, version, store.load(name, version).counts()) for name, version in store.available()]
    except CatalogError as error:
        raise InputError(str(error)) from None
    if as_json:
        print_json({"catalogs": [{"framework": a, "version": b, "counts": c} for a, b, c in rows]})
        return
    for framework, version, found in rows:
        counts = ", ".join(f"{count} {kind}" for kind, count in found.items())
        out().print(f"{framework} {version}: {counts}")


@catalog.command("update")
def update_catalog(
    official: Annotated[Path, typer.Argument(help="ATLAS.yaml, or the folder of OWASP's LLM Top 10.")],
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Read an official file into the workspace's catalogs, so that references to it resolve.

    References that name no version still mean the one that ships: say atlas@VERSION:ID for the new one.
    """
    from safecase.catalog import CatalogError, import_release
    from safecase.workspace import CATALOGS

    if not official.exists():
        raise InputError("there is no such file or folder", where=str(official))
    if not (workspace / "safecase.yaml").is_file():
        raise InputError("this is no workspace", where=str(workspace), hint="safecase init makes one")
    try:
        written = import_release(official, workspace / CATALOGS)
    except CatalogError as error:
        raise InputError(str(error)) from None
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

    from safecase.catalog import CatalogError
    from safecase.workflow import Project, atlas_layer

    project = Project.open(workspace)
    folder = project.run_folder(run_id) if run_id or project.manifests() else None
    try:
        layer = atlas_layer(project, folder, version)
    except CatalogError as error:
        raise InputError(str(error)) from None
    output.write_bytes(orjson.dumps(layer, option=orjson.OPT_INDENT_2) + b"\n")
    counts: dict[str, int] = {}
    for cell in layer["techniques"]:
        status = str(cell["metadata"][0]["value"])
        counts[status] = counts.get(status, 0) + 1
    if as_json:
        print_json({"written": str(output), "techniques": counts})
        return
    shown = ", ".join(f"{count} {status}" for status, count in sorted(counts.items()))
    out().print(f"Wrote {output}: {len(layer['techniques'])} techniques ({shown})")
