"""`safecase plan`: what a run could show, before its first call."""

from __future__ import annotations

from typing import TYPE_CHECKING

import typer

from safecase.cli._console import out, print_json
from safecase.cli._options import (
    HERE,
    GateName,
    Json,
    Repeats,
    Select,
    Workspace,
)

if TYPE_CHECKING:
    from rich.console import Console

    from safecase.gate import GateForecast


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("plan", rich_help_panel="Runs")(plan)


def plan(
    workspace: Workspace = HERE,
    gate: GateName = "",
    select: Select = "",
    repeats: Repeats = None,
    as_json: Json = False,
) -> None:
    """Say before the next try what it can show.

    Calls to a decision, the chance to ship at true rates, and how many tries the sealed families carry.
    """
    from safecase.cli._pools import pool_lines
    from safecase.workflow import forecast_run

    planned = forecast_run(workspace, gate=gate, select=select, repeats=repeats)
    if as_json:
        print_json({"command": planned.command, "gates": planned.gates, "pools": planned.pools})
        return
    console = out()
    for line in pool_lines(planned.pools):
        console.print(line)
    console.print(f"What the next try (safecase {planned.command}) can show:\n")
    for forecast in planned.gates:
        _print_forecast(console, forecast)
    console.print(
        "Between the design rate and the limit most systems are blocked: that is the price of proof."
    )


def _print_forecast(console: Console, forecast: GateForecast) -> None:
    from rich.table import Table

    from safecase.model import STATUS_WORDS, RuleStatus, counted, number, percent

    console.print(
        f"Gate {forecast.gate}: {counted(forecast.planned, 'attempt')} planned; "
        f"a clean system is decided after about {forecast.least_calls}.\n"
    )
    for rule in forecast.rules:
        unset = STATUS_WORDS[RuleStatus.NOT_CONFIGURED]
        limit = unset if rule.bound is None else f"limit {number(rule.bound, 6)}"
        console.print(f"{rule.rule}: {rule.metric}, {limit}, claim about {rule.population}", style="bold")
        if rule.warning:
            console.print(f"  {rule.warning}", style="yellow")
        table = Table(box=None, pad_edge=False)
        for heading in (
            "category", "attempts", "families", "ships clean after", "chance to ship at true rate",
        ):  # fmt: skip
            table.add_column(heading)
        for row in rule.categories:
            # The chances come from a simulation: a digit behind the whole percent would say nothing.
            chances = "  ".join(
                f"{percent(item.rate, 2)}→{percent(round(item.ship, 2))}" for item in row.chances
            )
            least = "-" if row.least_calls is None else str(row.least_calls)
            table.add_row(row.category, str(row.planned), str(row.families), least, row.warning or chances)
        console.print(table)
        console.print()
