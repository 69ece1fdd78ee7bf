"""`safecase gate`: the decision on a run."""

from __future__ import annotations

from typing import Annotated

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
    by: Annotated[
        str,
        typer.Option("--by", help="Person id of who recommends.", show_default="whom git is configured for"),
    ] = "",
    as_json: Json = False,
) -> None:
    """Decide on a run: each rule in one sentence, then go, no-go or insufficient evidence.

    Who recommends is written into the decision log, and cannot decide. Exit code 0 for go, 1 for no-go, 3 for
    insufficient evidence and for a gate in which nothing binds.
    """
    from safecase.cli._verdict import change_lines, print_verdict
    from safecase.workflow import Project, changes_since_decision, decide, exit_code, recommend_verdicts

    project = Project.open(workspace)
    folder = project.run_folder(run_id)
    verdicts = decide(project, folder, gate=gate_name)
    changes = {item.gate: changes_since_decision(project, folder, item) for item in verdicts}
    recommended = recommend_verdicts(project, verdicts, by=by)
    if as_json:
        print_json(
            {"run_id": folder.manifest.run_id, "verdicts": verdicts, "exit_code": exit_code(verdicts)}
            | {
                "recommended": recommended,
                "rule_changes": {name: item.rules for name, item in changes.items()},
            }
        )
        leave(exit_code(verdicts))
    console = out()
    for verdict in verdicts:
        print_verdict(console, verdict)
        for note in verdict.notes:
            console.print(f"  note: {note}", style="yellow")
        since = changes[verdict.gate]
        for line in change_lines(since.rules, since.people):
            console.print(line, style="yellow", markup=False)
    for line in recommended:
        console.print(line, markup=False)
    console.print(f"\nThe tool recommends, a person decides. Next:  safecase report {folder.manifest.run_id}")
    leave(exit_code(verdicts))
