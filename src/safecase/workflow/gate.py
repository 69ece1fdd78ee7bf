"""From a run log to a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime

from pydantic import ValidationError

from safecase.base import ExitCode, InputError
from safecase.engine import RunFolder, check_results, write_file
from safecase.gate import BaselineRun, evaluate_gate
from safecase.model import Gate, StaleEvidence, Verdict, VerdictKind
from safecase.workflow._decisions import decisions
from safecase.workflow._labels import read_labels, write_sheets
from safecase.workflow._project import Project, pick

EXIT_CODES = {
    VerdictKind.GO: ExitCode.OK,
    VerdictKind.GO_WITH_CONDITIONS: ExitCode.OK,
    VerdictKind.NO_GO: ExitCode.CHECK_FAILED,
    VerdictKind.INSUFFICIENT_EVIDENCE: ExitCode.INSUFFICIENT_EVIDENCE,
}


def decide(
    project: Project,
    folder: RunFolder,
    *,
    gate: str = "",
    today: date | None = None,
    check_present: bool = True,
) -> tuple[Verdict, ...]:
    """Evaluate a run against its frozen gates and write each verdict into the run's folder.

    The gates are those of the manifest. A gate of the workspace that differs from them is a changed
    rule and is refused by that name; ``check_present`` compares the recorded system with the
    present one, so that stale evidence shows. Raises CheckFailed where the run's results are not those that
    were recorded.
    """
    manifest = folder.manifest
    check_results(folder)
    if not manifest.gates:
        raise InputError("no gate was frozen into this run's manifest", hint="run again with --gate")
    gates = (pick(manifest.gates, gate, "frozen gate"),) if gate else manifest.gates
    stale = present_differences(project, folder) if check_present else ()
    baseline = project.run_folder(manifest.baseline.run_id) if manifest.baseline else None
    acceptances = tuple(item for entry in decisions(project) for item in entry.accepted_risks)
    labels = read_labels(project, gates)
    verdicts = []
    for item in gates:
        write_sheets(folder, item, labels)
        verdict = evaluate_gate(
            item,
            manifest,
            folder.plan,
            folder.columns(),
            baseline=BaselineRun.read(baseline) if baseline else None,
            acceptances=acceptances,
            risks=project.workspace.risks,
            stale=(*stale, *changed_rules(project, item)),
            labels=labels,
            today=today or datetime.now(UTC).date(),
        )
        write_file(
            folder.path / f"verdict-{item.id}.json", verdict.model_dump_json(indent=2, by_alias=True).encode()
        )
        verdicts.append(verdict)
    return tuple(verdicts)


def changed_rules(project: Project, frozen: Gate) -> tuple[StaleEvidence, ...]:
    """Where the workspace's gate of that name is no longer the one that was frozen."""
    present = next((item for item in project.workspace.gates if item.id == frozen.id), None)
    if present is None or present.digest == frozen.digest:
        return ()
    what = f"the rules of gate {frozen.id} (changed after data was seen: a new candidate)"
    return (StaleEvidence(what=what, recorded=frozen.digest, present=present.digest),)


def present_differences(project: Project, folder: RunFolder) -> tuple[StaleEvidence, ...]:
    """Where the system or the suites are no longer what was measured (GAT-15)."""
    manifest = folder.manifest
    found: list[StaleEvidence] = []
    configured = next((item for item in project.workspace.targets if item.id == manifest.target_name), None)
    if configured is None:
        return (
            StaleEvidence(what="the target", recorded=manifest.target_name, present="not in the workspace"),
        )
    present = project.system_version(project.target(configured, manifest.settings))
    recorded = manifest.system.components
    for name in sorted({*recorded, *present.components}):
        before, now = recorded.get(name, "absent"), present.components.get(name, "absent")
        if before != now:
            found.append(StaleEvidence(what=name, recorded=before, present=now))
    versions = {suite.id: suite.version for suite in project.workspace.suites}
    for suite in manifest.suites:
        now = versions.get(suite.id, "absent")
        if now != suite.version:
            found.append(StaleEvidence(what=f"suite {suite.id}", recorded=suite.version, present=now))
    return tuple(found)


def exit_code(verdicts: Sequence[Verdict]) -> ExitCode:
    """The exit code of several verdicts: no-go before insufficient evidence before go."""
    codes = {EXIT_CODES[verdict.kind] for verdict in verdicts}
    for code in (ExitCode.CHECK_FAILED, ExitCode.INSUFFICIENT_EVIDENCE):
        if code in codes:
            return code
    return ExitCode.OK


def read_verdict(folder: RunFolder, gate: str = "") -> Verdict:
    """The verdict that `safecase gate` wrote; raises InputError where there is none."""
    files = sorted(folder.path.glob(f"verdict-{gate or '*'}.json"))
    if not files:
        raise InputError(
            "there is no verdict on this run yet", hint=f"safecase gate {folder.manifest.run_id}"
        )
    if len(files) > 1:
        names = ", ".join(file.stem.removeprefix("verdict-") for file in files)
        raise InputError("the run has verdicts of several gates", hint=f"say --gate with one of {names}")
    try:
        return Verdict.model_validate_json(files[0].read_bytes())
    except (OSError, ValidationError) as error:
        raise InputError(f"this verdict does not read: {error}", where=str(files[0])) from error
