"""`safecase compare`: two runs, case by case."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from safecase.base import ExitCode
from safecase.cli._console import leave, out, print_json
from safecase.cli._options import HERE, Json, Workspace

if TYPE_CHECKING:
    from safecase.workflow import Comparison


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("compare", rich_help_panel="Decision")(compare)


def compare(
    before: Annotated[str, typer.Argument(help="Earlier run.")],
    after: Annotated[str, typer.Argument(help="Later run.", show_default="the latest run")] = "",
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Compare two runs case by case: what got worse, what got better, what cannot be told.

    Exit code 1 where something got worse beyond chance.
    """
    from safecase.workflow import Project, compare_recorded

    comparison = compare_recorded(Project.open(workspace), before, after)
    if as_json:
        print_json(comparison)
    else:
        _print_comparison(comparison)
    if comparison.worse:
        leave(ExitCode.CHECK_FAILED)


def _print_comparison(comparison: Comparison) -> None:
    from rich.table import Table

    from safecase.model import quantity, with_interval

    table = Table(title=f"{comparison.before} → {comparison.after}", box=None, pad_edge=False)
    for heading in (
        "slice", "cases", "before", "after", "change (95 % interval)", "p (Holm)", "conclusion",
    ):  # fmt: skip
        table.add_column(heading)
    for row in comparison.rows:
        table.add_row(
            row.slice,
            str(row.cases),
            quantity(row.before, "rate"),
            quantity(row.after, "rate"),
            with_interval(row.change),
            f"{row.adjusted_p_value:.3g}",
            row.conclusion,
        )
    console = out()
    console.print(table)
    for row in comparison.worse:
        # The whole list stands in the JSON; a terminal shows where to begin.
        shown = ", ".join(row.newly_violated[:8])
        console.print(f"newly violated in {row.slice}: {shown}")
