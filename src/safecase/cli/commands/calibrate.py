"""`safecase calibrate`: a scorer measured against people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from safecase.cli._console import out, print_json
from safecase.cli._options import HERE, Json, Workspace


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("calibrate", rich_help_panel="Evidence")(calibrate)


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
