"""The main job on the built-in demo, from an empty folder to a verified pack."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from safecase.base import ExitCode
from safecase.engine import Progress
from safecase.evidence import VerificationReport, verify_pack
from safecase.model import RunSettings, Verdict
from safecase.workflow.deciding import decide, exit_code
from safecase.workflow.project import Project
from safecase.workflow.reporting import ReportFiles, write_report
from safecase.workflow.running import PreparedRun, RunOptions, execute, prepare
from safecase.workspace import write_profile


class Display(Protocol):
    """Who watches the run."""

    def begin(self, prepared: PreparedRun) -> None:
        """The run is about to start."""

    def update(self, progress: Progress) -> None:
        """The run got further."""


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
    return Demonstration(verdicts[0], files, verify_pack(files.pack), exit_code(verdicts))
