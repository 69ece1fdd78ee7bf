"""From a run log to a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime

from safecase.base import ExitCode, InputError
from safecase.engine import RunFolder, check_results, has_derived_order, is_remote, publish_file, write_file
from safecase.evidence import Redactor
from safecase.gate import BaselineRun, evaluate_gate
from safecase.model import DecisionEntry, Gate, RuleChange, RunManifest, StaleEvidence, Verdict, VerdictKind
from safecase.records import Past, RunHistory, standing
from safecase.workflow._labels import read_labels, write_sheets
from safecase.workflow._ledger import (
    Places,
    enter_verdict,
    history_and_store,
    history_notes,
    standing_blocks,
)
from safecase.workflow._project import Project, pick
from safecase.workflow.decisions._log import decision_entries, exceptions_for, people_since
from safecase.workflow.pools._sealing import is_sealed, seal_verdict

EXIT_CODES = {
    VerdictKind.GO: ExitCode.OK,
    VerdictKind.GO_WITH_CONDITIONS: ExitCode.OK,
    VerdictKind.NO_GO: ExitCode.CHECK_FAILED,
    VerdictKind.INSUFFICIENT_EVIDENCE: ExitCode.INSUFFICIENT_EVIDENCE,
    VerdictKind.NOT_CONFIGURED: ExitCode.INSUFFICIENT_EVIDENCE,
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

    Sheets for human labels are written beside them. Raises as `evaluate`.
    """
    verdicts = evaluate(project, folder, gate=gate, today=today, check_present=check_present)
    if not any(verdict.sealed for verdict in verdicts):
        labels = read_labels(project, frozen_gates(folder, gate))
        for item in frozen_gates(folder, gate):
            write_sheets(folder, item, labels)
    for verdict in verdicts:
        name = f"verdict-{verdict.gate}.json"
        write_file(folder.path / name, verdict.model_dump_json(indent=2, by_alias=True).encode())
        if is_remote(project.store):
            publish_file(folder.path, name, f"{str(project.store).rstrip('/')}/{folder.manifest.run_id}")
        enter_verdict(project, verdict)
    return verdicts


def frozen_gates(folder: RunFolder, gate: str = "") -> tuple[Gate, ...]:
    """The gates that were frozen into a run, or the one named; raises InputError where there is none."""
    gates = folder.manifest.gates
    if not gates:
        raise InputError("no gate was frozen into this run's manifest", hint="run again with --gate")
    return (pick(gates, gate, "frozen gate"),) if gate else gates


def evaluate(
    project: Project,
    folder: RunFolder,
    *,
    gate: str = "",
    today: date | None = None,
    check_present: bool = True,
) -> tuple[Verdict, ...]:
    """The verdicts on a run by its frozen gates, worked out here and now from the run log; writes no verdict.

    Of a certification that nobody opened they say one word each.

    The gates are those of the manifest. A gate of the workspace that differs from them is a changed
    rule and is refused by that name; ``check_present`` compares the recorded system with the
    present one, so that stale evidence shows. Raises CheckFailed where the decision log does not hold, and
    where the run's results are not those that were recorded.
    """
    check_results(folder)
    history, present = history_and_store(project)
    known = _Known(project, history, present, decision_entries(project), today or datetime.now(UTC).date())
    stale = present_differences(project, folder) if check_present else ()
    redactor, names = Redactor(), known_names(project)
    # What a sentence quotes, of an exception for instance, leaves the machine in every report.
    verdicts = tuple(
        redactor.redact_texts(_evaluate(known, folder, item, stale=stale, follow=True), names)
        for item in frozen_gates(folder, gate)
    )
    if not is_sealed(history, folder):
        return verdicts
    state = folder.status.state
    return tuple(seal_verdict(verdict, state) for verdict in verdicts)


@dataclass(frozen=True)
class _Known:
    """What verdicts rest on beside their run, read once for all gates and all earlier runs."""

    project: Project
    history: RunHistory
    present: Places
    """The runs that the store holds."""
    entries: tuple[DecisionEntry, ...]
    today: date


def _evaluate(
    known: _Known, folder: RunFolder, gate: Gate, *, stale: Sequence[StaleEvidence] = (), follow: bool
) -> Verdict:
    """What one gate says of a run, sealed or not; ``follow``: with the earlier runs, and notes on them."""
    project, manifest, cases = known.project, folder.manifest, folder.cases()
    baseline = project.run_folder(manifest.baseline.run_id) if manifest.baseline else None
    past = Past(known.history, known.history.starts.get(manifest.run_id))
    notes: tuple[str, ...] = ()
    blocked: tuple[str, ...] = ()
    if follow:
        notes = history_notes(past, known.present, manifest.candidate, manifest.system.fingerprint)
        blocked = _blocks(known, past, manifest, gate)
    return evaluate_gate(
        gate,
        manifest,
        folder.plan,
        folder.columns(),
        baseline=BaselineRun.read(baseline) if baseline else None,
        exceptions=exceptions_for(project, known.entries, gate.id, manifest.line),
        risks=project.workspace.risks,
        stale=(*stale, *changed_rules(project, gate)),
        labels=read_labels(project, (gate,)),
        try_number=past.try_number(manifest.line, cases),
        open_families=past.exposure_of_run.open_families(cases),
        blocked_before=blocked,
        derived_order=has_derived_order(manifest),
        notes=notes,
        today=known.today,
    )


def _blocks(known: _Known, past: Past, manifest: RunManifest, gate: Gate) -> tuple[str, ...]:
    """Earlier decisive runs of the same candidate that this gate blocks.

    They are worked out anew, so that a run whose verdict nobody asked for counts as well, and a certification
    whose not-go was a lack of evidence does not. What the store lacks stands as the ledger has it.
    """
    told = standing_blocks(past, manifest, gate)
    found = []
    for record in past.tries_of(manifest.candidate):
        run_id = record.start.run_id
        if run_id == manifest.run_id:
            continue
        if run_id in known.present:
            earlier = _evaluate(known, RunFolder.open(known.present[run_id]), gate, follow=False)
            if earlier.kind is VerdictKind.NO_GO:
                found.append(run_id)
        elif run_id in told:
            found.append(run_id)
    return tuple(found)


def evaluate_one(project: Project, folder: RunFolder, gate: str = "") -> Verdict:
    """The verdict of one gate; raises InputError where the run has several and none is named."""
    gates = frozen_gates(folder, gate)
    if len(gates) > 1:
        names = ", ".join(item.id for item in gates)
        raise InputError("the run has several gates", hint=f"say --gate with one of {names}")
    return evaluate(project, folder, gate=gates[0].id)[0]


@dataclass(frozen=True)
class ChangesSince:
    """What changed since the last decision on a line."""

    rules: tuple[RuleChange, ...]
    people: tuple[str, ...]


def changes_since_decision(project: Project, folder: RunFolder, verdict: Verdict) -> ChangesSince:
    """What changed of the gate's rules, and of keys and rights, since people last decided (ROL-03)."""
    entries = decision_entries(project)
    frozen = pick(folder.manifest.gates, verdict.gate, "frozen gate")
    return ChangesSince(standing(entries).rule_changes(frozen, verdict.line), people_since(project, entries))


def known_names(project: Project) -> tuple[str, ...]:
    """Full names of the workspace's people, which no report and no pack shows."""
    people = project.workspace.people
    return tuple(person.name for person in people.persons) if people else ()


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
