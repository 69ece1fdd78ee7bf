"""`safecase gate`: the decision on a run."""

from __future__ import annotations

import typer

from safecase.cli._console import leave, out, print_json
from safecase.cli._options import HERE, GateName, Json, RunName, Workspace


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("gate", rich_help_panel="Decision")(gate)


def gate(
    run_id: RunName = "",
    workspace: Workspace = HERE,
    gate_name: GateName = "",
    as_json: Json = False,
) -> None:
    """Decide on a run: each rule in one sentence, then go, no-go or insufficient evidence.

    Exit code 0 for go, 1 for no-go, 3 for insufficient evidence.
    """
    from safecase.cli._verdict import print_verdict
    from safecase.workflow import Project, decide, exit_code

    project = Project.open(workspace)
    folder = project.run_folder(run_id)
    verdicts = decide(project, folder, gate=gate_name)
    if as_json:
        print_json({"run_id": folder.manifest.run_id, "verdicts": verdicts, "exit_code": exit_code(verdicts)})
        leave(exit_code(verdicts))
    console = out()
    for verdict in verdicts:
        print_verdict(console, verdict)
        for note in verdict.notes:
            console.print(f"  note: {note}", style="yellow")
    console.print(f"\nThe tool recommends, a person decides. Next:  safecase report {folder.manifest.run_id}")
    leave(exit_code(verdicts))
