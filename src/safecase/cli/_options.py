"""Options that several commands share, so that they read the same everywhere."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Workspace = Annotated[
    Path,
    typer.Option(
        "--workspace",
        "-w",
        envvar="SAFECASE_WORKSPACE",
        help="Folder of the workspace.",
        show_default="this folder",
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document on standard output.")]
Select = Annotated[
    str,
    typer.Option(
        "--select",
        "-s",
        help="Which cases: risk:ID, suite:ID, tag:T, severity:sev1, attack:A, language:de, case ids... "
        "A space widens, a comma narrows, ! negates, * matches, + adds what hangs on it.",
    ),
]
GateName = Annotated[str, typer.Option("--gate", "-g", help="Which gate.", show_default="the default one")]
RunName = Annotated[
    str, typer.Argument(help="Run id, its beginning, or a folder.", show_default="the latest run")
]
TargetName = Annotated[
    str, typer.Option("--target", "-t", help="Which target.", show_default="the default one")
]
Vulnerability = Annotated[
    list[str] | None,
    typer.Option("--vulnerability", help="Demo target only: switch a planted weakness on (may repeat)."),
]
Complete = Annotated[
    bool, typer.Option("--complete", help="Make every planned attempt, also after the gate has decided.")
]
Repeats = Annotated[int | None, typer.Option(help="Attempts per case.")]
Concurrency = Annotated[int | None, typer.Option(min=1, help="Calls in flight at most.")]
MaximumCalls = Annotated[int | None, typer.Option("--max-calls", min=1, help="Stop after so many calls.")]
MaximumCost = Annotated[float | None, typer.Option("--max-cost", help="Stop at this cost in US dollars.")]
Guarded = Annotated[
    bool, typer.Option("--guard", help="Put the guard that the controls declare around the target.")
]
HERE = Path()
"""The default workspace: the folder in which the program was started."""
