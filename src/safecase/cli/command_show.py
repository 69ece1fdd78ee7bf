"""`safecase show`: runs, attempts, cases, the graph, coverage."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from safecase.base import InputError
from safecase.cli.console import out, print_json
from safecase.cli.options import HERE, Json, RunName, Select, Workspace

show = typer.Typer(
    no_args_is_help=True, help="Look at runs, attempts, cases, the traceability graph, coverage."
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(show, name="show", rich_help_panel="Workspace")


@show.command()
def runs(workspace: Workspace = HERE, as_json: Json = False) -> None:
    """List the runs of the store, oldest first."""
    from safecase.engine import RunFolder
    from safecase.workflow import Project

    rows = []
    for path, manifest in Project.open(workspace).manifests():
        status = RunFolder.open(path).status
        verdicts = sorted(file.stem.removeprefix("verdict-") for file in path.glob("verdict-*.json"))
        rows.append(
            {
                "run_id": manifest.run_id,
                "target": manifest.target_name,
                "demo": manifest.demo,
                "state": status.state.value,
                "attempts": status.recorded,
                "outcomes": status.outcomes,
                "decided_gates": verdicts,
            }
        )
    if as_json:
        print_json({"runs": rows})
        return
    for row in rows:
        demo = " DEMO" if row["demo"] else ""
        head = f"{row['run_id']}  {row['target']}{demo}  {row['state']}"
        out().print(f"{head}  {row['attempts']} attempts  {row['outcomes']}")
    if not rows:
        out().print("No run yet. Start one with `safecase run`.")


@show.command()
def attempt(
    attempt_id: Annotated[str, typer.Argument(help="case#repeat, e.g. injection-01#0")],
    run_id: RunName = "",
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Show one attempt: the whole conversation, the tool calls, the scores."""
    from safecase.workflow import Project

    found = Project.open(workspace).run_folder(run_id).attempt(attempt_id)
    if as_json:
        print_json({"attempt": found})
        return
    console = out()
    console.print(f"{found.id}: {found.outcome.value}", style="bold")
    for message in found.transcript.messages:
        console.print(f"\n{message.role.value}:", style="bold")
        if message.text:
            console.print(message.text)
        for call in message.tool_calls:
            console.print(f"→ {call.name} {call.arguments}", style="cyan")
    for score in found.scores:
        console.print(
            f"\n{score.scorer}: {score.outcome.value} {score.label}  {score.explanation}", style="yellow"
        )
    if found.error:
        console.print(f"\n{found.error.origin.value} error: {found.error.message}", style="red")


@show.command()
def cases(select: Select = "", workspace: Workspace = HERE, as_json: Json = False) -> None:
    """List the cases that a selector picks."""
    from safecase.workflow import Project

    chosen = Project.open(workspace).cases(select)
    if as_json:
        print_json({"cases": chosen})
        return
    for case in chosen:
        attack = case.attack.value if case.attack else "benign"
        out().print(f"{case.id}  {case.severity.value}  {case.risk}  {attack}  {case.language}")
    out().print(f"{len(chosen)} cases in {len({case.family for case in chosen})} families", style="dim")


@show.command()
def graph(
    workspace: Workspace = HERE,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="File: .svg or .mmd.", show_default="Mermaid text")
    ] = None,
    with_cases: Annotated[bool, typer.Option("--cases", help="Show single cases too.")] = False,
    as_json: Json = False,
) -> None:
    """Draw the traceability graph: clause, threat, risk, control, suite, rule, run, verdict."""
    from safecase.report import draw_mermaid, draw_svg
    from safecase.workflow import project_graph

    drawn = project_graph(workspace, with_cases=with_cases)
    if as_json:
        nodes = [{"kind": node.kind, "id": node.id, "title": node.title} for node in drawn.nodes.values()]
        print_json({"nodes": nodes, "edges": sorted(drawn.edges)})
        return
    if output is None:
        typer.echo(draw_mermaid(drawn), nl=False)
        return
    if output.suffix not in (".svg", ".mmd"):
        raise InputError(f"cannot draw into {output.name}", hint="name a .svg or .mmd file")
    output.write_text(draw_svg(drawn) if output.suffix == ".svg" else draw_mermaid(drawn), encoding="utf-8")
    out().print(f"Wrote {output}: {len(drawn.nodes)} nodes, {len(drawn.edges)} edges")


@show.command()
def coverage(workspace: Workspace = HERE, as_json: Json = False) -> None:
    """Count cases by risk, attack and language, and show what is not covered."""
    from safecase.gate import case_spread
    from safecase.workflow import Project

    opened = Project.open(workspace)
    rows: list[dict[str, Any]] = []
    for risk in opened.workspace.risks:
        mine = [case for suite in opened.workspace.suites for case in suite.cases if case.risk == risk.id]
        spread = asdict(case_spread(mine))
        rows.append({"risk": risk.id, "severity": risk.severity.value, **spread})
    if as_json:
        print_json({"coverage": rows})
        return
    for row in sorted(rows, key=lambda item: (item["severity"], item["risk"])):
        blind = "  BLIND SPOT: no case" if not row["cases"] else ""
        out().print(
            f"{row['severity']}  {row['risk']}: {row['cases']} cases, {row['families']} families, "
            f"{row['held_out']} held out, {len(row['languages'])} languages{blind}"
        )
