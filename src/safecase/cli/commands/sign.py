"""`safecase sign`: a person's decision on a verdict."""

from __future__ import annotations

from typing import Annotated

import typer

from safecase.base import InputError
from safecase.cli._console import err, out, print_json
from safecase.cli._options import HERE, GateName, Json, RunName, Workspace
from safecase.records import ACCEPTANCE_FORM


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("sign", rich_help_panel="Decision")(sign)


def sign(
    decision: Annotated[str, typer.Option("--decision", "-d", help="go, go_with_conditions or no_go.")],
    by: Annotated[str, typer.Option("--by", help="Person id of who signs.")],
    role: Annotated[str, typer.Option(help="Role in which they sign.")],
    recommender: Annotated[str, typer.Option(help="Person id of who recommended; never the one who signs.")],
    because: Annotated[str, typer.Option("--because", "-m", help="The rationale.")],
    run_id: RunName = "",
    workspace: Workspace = HERE,
    gate_name: GateName = "",
    accept: Annotated[
        list[str] | None,
        typer.Option(help=f"Accepted risk: {ACCEPTANCE_FORM} (may repeat)."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation on the terminal.")] = False,
    as_json: Json = False,
) -> None:
    """Record a person's decision on a verdict, with the residual risks that they accept.

    The one who recommended cannot sign, a missed floor cannot be signed away, and an accepted risk
    needs an expiry and a compensating control.
    """
    from safecase.model import VerdictKind, counted
    from safecase.records import parse_acceptance
    from safecase.workflow import Project, read_verdict, sign_decision

    try:
        kind = VerdictKind(decision.replace("-", "_"))
    except ValueError:
        raise InputError(f"'{decision}' is no decision", hint="go, go_with_conditions or no_go") from None
    project = Project.open(workspace)
    folder = project.run_folder(run_id)
    verdict = read_verdict(folder, gate_name)
    accepted = tuple(parse_acceptance(item) for item in accept or ())
    if not yes:
        err().print(
            f"Recommended: {verdict.kind.value}. You are about to sign {kind.value} as {by} ({role})."
        )
        try:
            agreed = typer.confirm("Sign?", err=True)
        except typer.Abort:
            # Nobody is there to answer. Typer would end with the code that means no-go.
            agreed = False
        if not agreed:
            raise InputError("nothing was signed", hint="--yes signs without asking")
    written, missing = sign_decision(
        project,
        verdict,
        decision=kind,
        signer=by,
        role=role,
        recommender=recommender,
        rationale=because,
        accepted=accepted,
    )
    if as_json:
        print_json({"decision": written, "signatures_missing": missing})
        return
    out().print(f"Signed: {kind.value} by {by} ({role}) on run {verdict.run_id}, gate {verdict.gate}.")
    if missing:
        needed = counted(missing, "more signature is", "more signatures are")
        out().print(f"{needed} needed before it is in force.")
