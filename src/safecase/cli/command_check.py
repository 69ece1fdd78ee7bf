"""`safecase check` and `safecase plan`: before the first call."""

from __future__ import annotations

from typing import Annotated

import typer

from safecase.base import ExitCode
from safecase.cli.console import err, leave, out, print_json
from safecase.cli.options import HERE, GateName, Json, Select, Workspace

_STYLE = {"error": "red", "warning": "yellow", "note": "dim"}


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.command("check", rich_help_panel="Workspace")(check)
    app.command("plan", rich_help_panel="Runs")(plan)


def check(
    workspace: Workspace = HERE,
    strict: Annotated[bool, typer.Option("--strict", help="Warnings fail the check too.")] = False,
    update_lock: Annotated[
        bool, typer.Option("--update-lock", help="Lock data sets and suites to what is there now.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Find mistakes, orphans and anti-patterns: each with its line and its mend. Exit code 1 on errors."""
    from safecase.base import ProblemLevel
    from safecase.workflow import check_workspace

    problems, facts = check_workspace(workspace, update_lock=update_lock)
    errors = sum(item.level is ProblemLevel.ERROR for item in problems)
    warnings = sum(item.level is ProblemLevel.WARNING for item in problems)
    if as_json:
        print_json({"problems": problems, "errors": errors, "warnings": warnings, **facts})
    else:
        console = out()
        for problem in problems:
            mark = f" [{problem.requirement}]" if problem.requirement else ""
            console.print(f"{problem}{mark}", style=_STYLE[problem.level])
        err().print(
            f"{facts['risks']} risks, {facts['suites']} suites, {facts['cases']} cases "
            f"in {facts['families']} families, "
            f"{facts['gates']} gates: {errors} errors, {warnings} warnings"
        )
        if update_lock:
            err().print("Wrote safecase.lock.")
    if errors or (strict and warnings):
        leave(ExitCode.CHECK_FAILED)


def plan(
    workspace: Workspace = HERE,
    gate: GateName = "",
    select: Select = "",
    repeats: Annotated[int | None, typer.Option(help="Attempts per case.")] = None,
    as_json: Json = False,
) -> None:
    """Say before the run what it can show: calls to a decision, and the chance to ship at true rates."""
    from safecase.workflow import forecast_run

    forecasts = forecast_run(workspace, gate=gate, select=select, repeats=repeats)
    if as_json:
        print_json({"gates": forecasts})
        return
    from rich.table import Table

    console = out()
    for forecast in forecasts:
        console.print(
            f"Gate {forecast.gate}: {forecast.planned} attempts planned; "
            f"a clean system is decided after about {forecast.least_calls}.\n"
        )
        for rule in forecast.rules:
            limit = "no limit set" if rule.bound is None else f"limit {rule.bound:g}"
            console.print(f"{rule.rule}: {rule.metric}, {limit}, claim about {rule.population}", style="bold")
            if rule.warning:
                console.print(f"  {rule.warning}", style="yellow")
            table = Table(box=None, pad_edge=False)
            for heading in (
                "category",
                "attempts",
                "families",
                "ships clean after",
                "chance to ship at true rate",
            ):
                table.add_column(heading)
            for row in rule.categories:
                chances = "  ".join(f"{100 * item.rate:.2g}%→{100 * item.ship:.0f}%" for item in row.chances)
                least = "-" if row.least_calls is None else str(row.least_calls)
                table.add_row(
                    row.category, str(row.planned), str(row.families), least, row.warning or chances
                )
            console.print(table)
            console.print()
    console.print(
        "Between the design rate and the limit most systems are blocked: that is the price of proof."
    )
