"""What came of a run, on the terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING

from safecase.base import ExitCode
from safecase.cli._console import err, leave, out, print_json

if TYPE_CHECKING:
    from safecase.engine import RunFolder, RunStatus


def print_run(folder: RunFolder, *, as_json: bool) -> None:
    """Say how a run ended and what to do next. Leaves with exit code 4 where it has no end or no answer."""
    from safecase.model import RunPurpose, counted
    from safecase.workflow import seal_status

    # Whoever runs a certification hears how it ended and nothing that counts its answers.
    status, sealed = seal_status(folder.manifest, folder.status)
    run_id = folder.manifest.run_id
    if as_json:
        told = {"state": status.state, "reason": status.reason, "sealed": True} if sealed else status
        print_json({"run_id": run_id, "folder": str(folder.path), "status": told})
    else:
        console = out()
        certifies = folder.manifest.purpose is RunPurpose.CERTIFICATION
        head = f"{'Certification' if certifies else 'Run'} {run_id} {status.state.value}"
        if sealed:
            console.print(f"{head}. Its results are sealed.")
        else:
            outcomes = ", ".join(f"{count} {name}" for name, count in status.outcomes.items() if count)
            console.print(f"{head}: {counted(status.recorded, 'attempt')} ({outcomes or 'none'})")
        if status.skipped:
            console.print(f"{status.skipped} of {status.planned} planned attempts were not needed.")
        if status.reason:
            console.print(status.reason)
        for note in folder.manifest.notes:
            err().print(note, style="yellow")
        if _all_errors(status):
            first = next(iter(folder.attempts())).error
            said = f": {first.message}" if first is not None else ""
            said = f"No attempt brought an answer, so nothing was tested{said}"
            err().print(said, style="bold red", markup=False)
        word = "gate" if status.state.value == "complete" else "resume"
        console.print(f"Next:  safecase {word} {run_id}")
    if status.state.value != "complete" or _all_errors(status):
        leave(ExitCode.INFRASTRUCTURE)


def _all_errors(status: RunStatus) -> bool:
    return status.recorded > 0 and status.outcomes.get("error", 0) == status.recorded
