"""`safecase sign`: a person's decision on a verdict."""

from __future__ import annotations

from pathlib import Path
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
    because: Annotated[str, typer.Option("--because", "-m", help="The rationale.")],
    run_id: RunName = "",
    workspace: Workspace = HERE,
    gate_name: GateName = "",
    recommender: Annotated[
        str, typer.Option(help="Who recommended, to be held against what the gate recorded.")
    ] = "",
    accept: Annotated[
        list[str] | None,
        typer.Option(
            help=f"Exception: {ACCEPTANCE_FORM}, or the id of one that somebody signed (may repeat)."
        ),
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(help="SSH key file to sign with.", show_default="your key folder, else the SSH agent"),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation on the terminal.")] = False,
    as_json: Json = False,
) -> None:
    """Record a person's decision on a verdict that is worked out here and now from the run log.

    The one who recommended cannot sign, no floor can be signed away, stale evidence lets nothing go, and an
    exception needs a control of the workspace and an expiry within the policy.
    """
    from safecase.cli._verdict import change_lines
    from safecase.model import VerdictKind
    from safecase.records import parse_acceptance
    from safecase.workflow import Project, plan_decision, sign_decision

    try:
        kind = VerdictKind(decision.replace("-", "_"))
    except ValueError:
        kind = VerdictKind.INSUFFICIENT_EVIDENCE
    if kind in (VerdictKind.INSUFFICIENT_EVIDENCE, VerdictKind.NOT_CONFIGURED):
        raise InputError(f"'{decision}' is no decision", hint="go, go_with_conditions or no_go")
    project = Project.open(workspace)
    plan = plan_decision(
        project,
        project.run_folder(run_id),
        decision=kind,
        signer=by,
        role=role,
        rationale=because,
        gate=gate_name,
        recommender=recommender,
        accept=[parse_acceptance(item) for item in accept or ()],
    )
    entry = plan.decision
    for line in change_lines(plan.rule_changes, plan.people_changes):
        err().print(line, style="yellow", markup=False)
    for item in entry.acceptances:
        about = f"{item.rule} ({item.category})" if item.rule else "a residual risk"
        scope = "this version" if item.system_version else f"line {item.line}"
        err().print(
            f"Accepts {item.id}: {about}, risks {', '.join(item.risks)}, {item.materiality.value}, {scope}, "
            f"until {item.expires}, control {item.control}: {item.justification}",
            markup=False,
        )
    if not yes:
        err().print(
            f"Recommended: {entry.recommended.value}. You are about to sign {kind.value} as {by} ({role})."
        )
        try:
            agreed = typer.confirm("Sign?", err=True)
        except typer.Abort:
            # Nobody is there to answer. Typer would end with the code that means no-go.
            agreed = False
        if not agreed:
            raise InputError("nothing was signed", hint="--yes signs without asking")
    written = sign_decision(project, plan, key=key)
    how = "with a key" if written.decision.signature else "a claim: the person has no key"
    if as_json:
        print_json(
            {
                "decision": written.decision,
                "acceptances": [item.id for item in entry.acceptances],
                "missing": written.missing,
            }
        )
        return
    out().print(
        f"Signed: {kind.value} by {by} ({role}, {how}) on run {entry.run_id}, gate {entry.gate}.",
        markup=False,
    )
    for line in written.missing:
        out().print(f"Not in force yet: {line}.", markup=False)
