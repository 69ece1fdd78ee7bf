"""The main job on the built-in demo, from an empty folder to a verified pack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from safecase.base import CheckFailed, ExitCode
from safecase.model import RunSettings, Verdict
from safecase.workflow._display import Display
from safecase.workflow._project import Project
from safecase.workflow.gate import decide, exit_code
from safecase.workflow.report import ReportFiles, write_report
from safecase.workflow.run import RunOptions, execute, prepare
from safecase.workflow.verify.pack import verify_pack
from safecase.workspace import write_profile
from safecase_verify import VerificationReport


@dataclass(frozen=True)
class Demonstration:
    """What the demo made."""

    verdict: Verdict
    files: ReportFiles
    verification: VerificationReport
    exit_code: ExitCode


def demonstrate(folder: Path, vulnerabilities: tuple[str, ...], display: Display) -> Demonstration:
    """Make the workspace where it is missing, run it, decide, write the pack and verify it."""
    if not (folder / "safecase.yaml").exists():
        write_profile("agent", folder, "Larkspur & Finch support agent (demo)")
    project = Project.open(folder)
    prepared = prepare(
        project, RunOptions(settings=RunSettings(vulnerabilities=vulnerabilities)), progress=display.update
    )
    display.begin(prepared)
    run = execute(prepared)
    verdicts = decide(project, run)
    files = write_report(project, run, verdicts[0])
    if files.pack is None:
        raise CheckFailed("the demo's run is open, and has no pack")
    return Demonstration(verdicts[0], files, verify_pack(files.pack), exit_code(verdicts))
