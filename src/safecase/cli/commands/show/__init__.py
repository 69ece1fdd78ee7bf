"""`safecase show`: runs, attempts, cases, the graph, coverage."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safecase.base import InputError
from safecase.cli._console import out, print_json
from safecase.cli._options import HERE, Json, RunName, Select, Workspace

show = typer.Typer(
    no_args_is_help=True, help="Look at runs, attempts, cases, the traceability graph, coverage."
)


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(show, name="show", rich_help_panel="Workspace")


@show.command()
def runs(workspace: Workspace = HERE, as_json: Json = False) -> None:
    """List the runs of the store, oldest first."""
    from safecase.model import counted
    from safecase.workflow import Project, list_runs

    rows = list_runs(Project.open(workspace, look_only=True))
    if as_json:
        print_json({"runs": rows})
        return
    for row in rows:
        demo = " DEMO" if row.demo else ""
        head = f"{row.run_id}  {row.target}{demo}  {row.state}"
        told = "sealed" if row.sealed else f"{counted(row.attempts, 'attempt')}  {row.outcomes}"
        out().print(f"{head}  {row.purpose.value}, try {row.try_number}  {told}")
    if not rows:
        out().print("No run yet. Start one with `safecase run`.")


@show.command()
def settings(run_id: RunName = "", workspace: Workspace = HERE, as_json: Json = False) -> None:
    """Show what a run's system was set to: the text behind the manifest's digests, secrets masked."""
    from safecase.workflow import Project

    text = Project.open(workspace, look_only=True).run_folder(run_id).settings_text()
    if as_json:
        print_json({"settings": text})
        return
    for part, value in text.items():
        out().print(f"{part}:", style="bold")
        for name, item in value.items() if isinstance(value, dict) else [("", value)]:
            out().print(f"  {name}: {item}" if name else f"  {item}")
    if not text:
        out().print("Nothing was written down beside this run's manifest.")


@show.command()
def attempt(
    attempt_id: Annotated[str, typer.Argument(help="case#repeat, e.g. injection-01#0")],
    run_id: RunName = "",
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Show one attempt: the whole conversation, the tool calls, the scores."""
    from safecase.workflow import Project, find_attempt

    found = find_attempt(Project.open(workspace, look_only=True), run_id, attempt_id)
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
    from safecase.model import counted
    from safecase.workflow import Project

    chosen = Project.open(workspace, look_only=True).cases(select)
    if as_json:
        print_json({"cases": chosen})
        return
    for case in chosen:
        attack = case.attack.value if case.attack else "benign"
        out().print(f"{case.id}  {case.severity.value}  {case.risk}  {attack}  {case.language}")
    families = counted(len({case.family for case in chosen}), "family", "families")
    out().print(f"{counted(len(chosen), 'case')} in {families}", style="dim")


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
    from safecase.model import counted
    from safecase.report import draw_mermaid, draw_svg
    from safecase.workflow import project_graph

    drawn = project_graph(workspace, with_cases=with_cases)
    if as_json:
        listed = [{"kind": node.kind, "id": node.id, "title": node.title} for node in drawn.nodes.values()]
        print_json({"nodes": listed, "edges": sorted(drawn.edges)})
        return
    if output is None:
        typer.echo(draw_mermaid(drawn), nl=False)
        return
    if output.suffix not in (".svg", ".mmd"):
        raise InputError(f"cannot draw into {output.name}", hint="name a .svg or .mmd file")
    output.write_text(draw_svg(drawn) if output.suffix == ".svg" else draw_mermaid(drawn), encoding="utf-8")
    nodes, edges = counted(len(drawn.nodes), "node"), counted(len(drawn.edges), "edge")
    out().print(f"Wrote {output}: {nodes}, {edges}")


@show.command()
def coverage(workspace: Workspace = HERE, as_json: Json = False) -> None:
    """Count cases by risk, attack and language, and show what is not covered."""
    from safecase.model import counted
    from safecase.workflow import Project, count_coverage

    rows = count_coverage(Project.open(workspace, look_only=True))
    if as_json:
        print_json({"coverage": rows})
        return
    for row in sorted(rows, key=lambda item: (item.severity, item.risk)):
        blind = "  BLIND SPOT: no case" if not row.cases else ""
        out().print(
            f"{row.severity}  {row.risk}: {counted(row.cases, 'case')}, "
            f"{counted(row.families, 'family', 'families')}, {row.held_out} held out, "
            f"{counted(len(row.languages), 'language')}{blind}"
        )
