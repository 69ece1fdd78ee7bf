"""`safecase check`: mistakes, orphans and anti-patterns of a workspace."""

from __future__ import annotations

from typing import Annotated

import typer

from safecase.base import ExitCode
from safecase.cli._console import err, leave, out, print_json
from safecase.cli._options import HERE, Json, Workspace

_STYLE = {"error": "red", "warning": "yellow", "note": "dim"}


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("check", rich_help_panel="Workspace")(check)


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
    from safecase.cli._pools import pool_lines
    from safecase.model import counted
    from safecase.workflow import check_workspace

    found = check_workspace(workspace, update_lock=update_lock)
    problems, facts = found.problems, found.facts
    errors = sum(item.level is ProblemLevel.ERROR for item in problems)
    warnings = sum(item.level is ProblemLevel.WARNING for item in problems)
    if as_json:
        print_json(
            {"problems": problems, "errors": errors, "warnings": warnings, **facts, "pools": found.pools}
        )
    else:
        console = out()
        for problem in problems:
            mark = f" [{problem.requirement}]" if problem.requirement else ""
            console.print(f"{problem}{mark}", style=_STYLE[problem.level])
        err().print(
            f"{counted(facts['risks'], 'risk')}, {counted(facts['suites'], 'suite')}, "
            f"{counted(facts['cases'], 'case')} in {counted(facts['families'], 'family', 'families')}, "
            f"{counted(facts['gates'], 'gate')}: {counted(errors, 'error')}, {counted(warnings, 'warning')}"
        )
        for line in pool_lines(found.pools):
            err().print(line)
        if update_lock:
            err().print("Wrote safecase.lock.")
    if errors or (strict and warnings):
        leave(ExitCode.CHECK_FAILED)
