"""`safecase gate`, `report`, `verify`, `sign`, `compare`, `calibrate`."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from safecase.base import ExitCode, InputError
from safecase.cli.console import err, leave, out, print_json
from safecase.cli.options import HERE, GateName, Json, RunName, Workspace

if TYPE_CHECKING:
    from safecase.model import RiskAcceptance


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("gate", rich_help_panel="Decision")(gate)
    app.command("sign", rich_help_panel="Decision")(sign)
    app.command("compare", rich_help_panel="Decision")(compare)
    app.command("report", rich_help_panel="Evidence")(report)
    app.command("verify", rich_help_panel="Evidence")(verify)
    app.command("calibrate", rich_help_panel="Evidence")(calibrate)


def gate(
    run_id: RunName = "",
    workspace: Workspace = HERE,
    gate_name: GateName = "",
    as_json: Json = False,
) -> None:
    """Decide on a run: each rule in one sentence, then go, no-go or insufficient evidence.

    Exit code 0 for go, 1 for no-go, 3 for insufficient evidence.
    """
    from safecase.cli.verdict_view import print_verdict
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
        for note in folder.manifest.notes:
            console.print(f"  note: {note}", style="yellow")
    console.print(f"\nThe tool recommends, a person decides. Next:  safecase report {folder.manifest.run_id}")
    leave(exit_code(verdicts))


def report(
    run_id: RunName = "",
    workspace: Workspace = HERE,
    gate_name: GateName = "",
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Folder to write to.", show_default="packs/RUN-GATE")
    ] = None,
    as_json: Json = False,
) -> None:
    """Write the HTML report, SARIF, JUnit and the signed evidence pack of a decided run."""
    from safecase.workflow import Project, read_verdict, write_report

    project = Project.open(workspace)
    folder = project.run_folder(run_id)
    files = write_report(project, folder, read_verdict(folder, gate_name), destination=output)
    if as_json:
        print_json(
            {
                "html": str(files.html),
                "sarif": str(files.sarif),
                "junit": str(files.junit),
                "pack": str(files.pack),
            }
        )
        return
    console = out()
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


def verify(
    pack: Annotated[Path, typer.Argument(help="Evidence pack.")],
    public_key: Annotated[
        str, typer.Option("--public-key", help="Base64 public key that must have signed it.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Check a pack without trusting who made it: signature, digests, chain, and every number anew.

    Needs no workspace and no network. Exit code 1 where anything does not hold.
    """
    from safecase.evidence import decode_key, verify_pack

    trusted = decode_key(public_key, "--public-key") if public_key else None
    result = verify_pack(pack, trusted_key=trusted)
    if as_json:
        print_json(result)
    else:
        console = out()
        for item in result.checks:
            console.print("ok  " if item.ok else "FAIL", style="green" if item.ok else "bold red", end=" ")
            console.print(f"{item.name}: {item.detail}")
        console.print(
            "The pack holds." if result.ok else "The pack does NOT hold.",
            style="bold green" if result.ok else "bold red",
        )
    if not result.ok:
        leave(ExitCode.CHECK_FAILED)


def compare(
    before: Annotated[str, typer.Argument(help="Earlier run.")],
    after: Annotated[str, typer.Argument(help="Later run.", show_default="the latest run")] = "",
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Compare two runs case by case: what got worse, what got better, what cannot be told.

    Exit code 1 where something got worse beyond chance.
    """
    from safecase.gate import compare_runs
    from safecase.workflow import Project

    project = Project.open(workspace)
    first, second = project.run_folder(before), project.run_folder(after)
    rows = compare_runs((first.cases(), first.columns()), (second.cases(), second.columns()))
    worse = [row for row in rows if row.conclusion == "worse"]
    if as_json:
        print_json({"before": first.manifest.run_id, "after": second.manifest.run_id, "rows": rows})
    else:
        from rich.table import Table

        from safecase.report import format_quantity

        table = Table(title=f"{first.manifest.run_id} → {second.manifest.run_id}", box=None, pad_edge=False)
        for heading in (
            "slice",
            "cases",
            "before",
            "after",
            "change (95 % interval)",
            "p (Holm)",
            "conclusion",
        ):
            table.add_column(heading)
        for row in rows:
            low, high = 100 * row.change.lower, 100 * row.change.upper
            change = f"{100 * row.change.value:+.1f} ({low:+.1f} to {high:+.1f})"
            table.add_row(
                row.slice,
                str(row.cases),
                format_quantity(row.before, "rate"),
                format_quantity(row.after, "rate"),
                change,
                f"{row.adjusted_p_value:.3g}",
                row.conclusion,
            )
        console = out()
        console.print(table)
        for row in worse:
            shown = ", ".join(row.newly_violated[:8])
            console.print(f"newly violated in {row.slice}: {shown}")
    if worse:
        leave(ExitCode.CHECK_FAILED)


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
        typer.Option(
            help="Accepted risk: risk=ID;rule=ID;until=YYYY-MM-DD;control=…;because=… (may repeat)."
        ),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation on the terminal.")] = False,
    as_json: Json = False,
) -> None:
    """Record a person's decision on a verdict, with the residual risks that they accept.

    The one who recommended cannot sign, a missed floor cannot be signed away, and an accepted risk
    needs an expiry and a compensating control.
    """
    from safecase.model import VerdictKind
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
        if not typer.confirm("Sign?", err=True):
            raise InputError("nothing was signed")
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
        noun = "signature is" if missing == 1 else "signatures are"
        out().print(f"{missing} more {noun} needed before it is in force.")


def parse_acceptance(text: str) -> RiskAcceptance:
    """Read ``risk=…;rule=…;until=…;control=…;because=…``; raises InputError naming what is missing."""
    from safecase.model import RiskAcceptance

    fields = {}
    for part in text.split(";"):
        name, separator, value = part.partition("=")
        if separator:
            fields[name.strip()] = value.strip()
    missing = [name for name in ("risk", "until", "control", "because") if not fields.get(name)]
    if missing:
        raise InputError(
            f"--accept lacks {', '.join(missing)}", hint="risk=…;rule=…;until=YYYY-MM-DD;control=…;because=…"
        )
    try:
        until = date.fromisoformat(fields["until"])
    except ValueError:
        raise InputError(f"'{fields['until']}' is not a date", hint="until=YYYY-MM-DD") from None
    return RiskAcceptance(
        risk=fields["risk"],
        rule=fields.get("rule", ""),
        justification=fields["because"],
        compensating_control=fields["control"],
        expires=until,
    )


def calibrate(
    scorer: Annotated[str, typer.Argument(help="Scorer to measure: one of the workspace, or refusal, say.")],
    labels: Annotated[Path, typer.Argument(help="Human labels: csv, jsonl or a Label Studio JSON export.")],
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Card file to write.")] = None,
    prompt_column: Annotated[str, typer.Option(help="Column or dotted path of the prompt.")] = "prompt",
    response_column: Annotated[str, typer.Option(help="Column or dotted path of the answer.")] = "response",
    label_column: Annotated[
        list[str] | None, typer.Option(help="Column of a rater's label (may repeat).")
    ] = None,
    slice_column: Annotated[
        list[str] | None, typer.Option("--slice", help="Column to slice by (may repeat).")
    ] = None,
    outcome: Annotated[
        list[str] | None,
        typer.Option(help="LABEL=held|violated|undetermined, for each human label (may repeat)."),
    ] = None,
    held_out: Annotated[
        bool, typer.Option("--held-out", help="The scorer was not tuned on these data.")
    ] = False,
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Measure a scorer against human labels: its card, the agreement, the confusion table."""
    from safecase.scorers import LabelColumns
    from safecase.workflow import calibrate_scorer

    columns = LabelColumns(
        prompt=prompt_column,
        response=response_column,
        labels=tuple(label_column or ("label",)),
        slices={name.rpartition(".")[2]: name for name in slice_column or ()},
    )
    outcomes = dict(item.rpartition("=")[::2] for item in outcome or ())
    card, lines = calibrate_scorer(
        scorer, labels, output, columns=columns, outcomes=outcomes, held_out=held_out, workspace=workspace
    )
    if as_json:
        print_json({"card": card})
        return
    console = out()
    for line in lines:
        console.print(line)
    if output is not None:
        console.print(f"Wrote {output}")
