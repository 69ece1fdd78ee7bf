"""`safecase report`: what leaves the machine: the page, the CI files, the signed pack."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safecase.cli._console import err, out, print_json
from safecase.cli._options import HERE, GateName, Json, RunName, Workspace


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("report", rich_help_panel="Evidence")(report)


def report(
    run_id: RunName = "",
    workspace: Workspace = HERE,
    gate_name: GateName = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write to.", show_default="packs/RUN-GATE")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the HTML report, SARIF, JUnit and the signed evidence pack of a run, on the verdict as it is
    today."""
    from safecase.workflow import Project, evaluate_one, write_report

    project = Project.open(workspace)
    folder = project.run_folder(run_id)
    files = write_report(project, folder, evaluate_one(project, folder, gate_name), destination=output)
    if as_json:
        print_json(
            {
                "html": str(files.html),
                "sarif": str(files.sarif),
                "junit": str(files.junit),
                "pack": str(files.pack) if files.pack else None,
            }
        )
        return
    console = out()
    if files.pack is None or files.pack_summary is None:
        console.print(f"Report: {files.html}\nCI:     {files.sarif}, {files.junit}")
        console.print(
            "No pack: it holds the transcripts, and this certification is sealed. "
            f"`safecase open {folder.manifest.run_id}` opens it for good."
        )
        return
    console.print(f"Report: {files.html}\nPack:   {files.pack}\nCI:     {files.sarif}, {files.junit}")
    counts = ", ".join(f"{count} × {kind}" for kind, count in sorted(files.pack_summary.redactions.items()))
    console.print(f"Redacted: {counts or 'nothing'}")
    if files.pack_summary.ephemeral_key:
        err().print(
            "Signed with a key made for this pack: it proves integrity, not origin. "
            "Set SAFECASE_SIGNING_KEY (see `safecase keys`) to sign as yourself.",
            style="yellow",
        )
    console.print(f"Next:  safecase verify {files.pack}")
