"""What came of a run, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safecase.base import ExitCode
from safecase.cli._console import err, leave, out, print_json

if TYPE_CHECKING:
    from safecase.engine import RunFolder, RunStatus


def print_run(folder: RunFolder, *, as_json: bool) -> None:
    """Say how a run ended and what to do next. Leaves with exit code 4 where it has no end or no answer."""
    from safecase.model import counted

    status = folder.status
    run_id = folder.manifest.run_id
    if as_json:
        print_json({"run_id": run_id, "folder": str(folder.path), "status": status})
    else:
        outcomes = ", ".join(f"{count} {name}" for name, count in status.outcomes.items() if count)
        console = out()
        made = counted(status.recorded, "attempt")
        console.print(f"Run {run_id} {status.state.value}: {made} ({outcomes or 'none'})")
        if status.skipped:
            console.print(f"{status.skipped} of {status.planned} planned attempts were not needed.")
        if status.reason:
            console.print(status.reason)
        for note in folder.manifest.notes:
            err().print(note, style="yellow")
        if _all_errors(status):
            first = next(iter(folder.attempts())).error
            told = f": {first.message}" if first is not None else ""
            told = f"No attempt brought an answer, so nothing was tested{told}"
            err().print(told, style="bold red", markup=False)
        word = "gate" if status.state.value == "complete" else "resume"
        console.print(f"Next:  safecase {word} {run_id}")
    if status.state.value != "complete" or _all_errors(status):
        leave(ExitCode.INFRASTRUCTURE)


def _all_errors(status: RunStatus) -> bool:
    return status.recorded > 0 and status.outcomes.get("error", 0) == status.recorded
