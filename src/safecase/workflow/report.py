"""From a verdict to what leaves the machine: the report, the CI files, the signed pack."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from safecase.base import VERSION, SourcePosition
from safecase.engine import RunFolder, check_results
from safecase.evidence import PackSummary, Redactor, build_pack, chain_for, load_key
from safecase.gate import ERROR, VIOLATED, by_severity, case_mask, risk_coverage
from safecase.interop import render_junit, render_sarif
from safecase.model import Estimate, OutcomeKind, Purpose, Verdict, quantity
from safecase.report import (
    CoverageRow,
    ReportContent,
    ResidualRisk,
    TradeOffPoint,
    WorstTranscript,
    render_report,
)
from safecase.workflow._decisions import decision_log_path, decisions
from safecase.workflow._labels import packed_labels
from safecase.workflow._project import Project

# As many as somebody reads before a decision; the pack holds all of them.
_WORST_SHOWN = 12


@dataclass(frozen=True)
class ReportFiles:
    """What `safecase report` wrote."""

    html: Path
    sarif: Path
    junit: Path
    pack: Path
    pack_summary: PackSummary


def report_content(
    project: Project, folder: RunFolder, verdict: Verdict, redactor: Redactor
) -> ReportContent:
    """Everything that the report shows, personal data and secrets masked."""
    workspace, manifest, status = project.workspace, folder.manifest, folder.status
    columns = folder.columns()
    signed = decisions(project)
    timed = columns.latency_ms[columns.outcome != ERROR]
    latency = f"median answer {quantity(float(np.median(timed)), 'ms')}" if len(timed) else ""
    return ReportContent(
        title=f"Safety case: {workspace.system.title}",
        system=workspace.system,
        manifest=manifest,
        verdict=verdict,
        made_at=datetime.now(UTC),
        worst=_worst(folder, redactor),
        coverage=_coverage(project, folder),
        residual=_residual(project),
        trade_offs=_trade_offs(folder, manifest.system.system),
        cards=manifest.scorer_cards,
        uncalibrated=tuple(item.name for item in manifest.scorers if not item.calibrated),
        decisions=tuple(
            item for item in signed if item.run_id == manifest.run_id and item.gate == verdict.gate
        ),
        redactions=dict(redactor.counts),
        planned=manifest.planned,
        recorded=len(columns),
        skipped=status.skipped,
        cost_usd=status.cost_usd,
        latency_note=latency,
    )


def _worst(folder: RunFolder, redactor: Redactor) -> tuple[WorstTranscript, ...]:
    """The worst transcripts, one a family, redacted."""
    columns, cases = folder.columns(), folder.cases()
    violated = np.flatnonzero(columns.outcome == VIOLATED)

    def weight(position: int) -> tuple[int, int]:
        case = cases[columns.case_index[position]]
        # A refused harmless request is a failure too, but never the worst one.
        served = case.purpose is Purpose.USE
        return (case.severity.rank + 10 * served, int(columns.draw[position]))

    chosen: list[int] = []
    families: set[str] = set()
    for position in sorted((int(item) for item in violated), key=weight):
        family = cases[columns.case_index[position]].family
        if family not in families:
            families.add(family)
            chosen.append(position)
        if len(chosen) == _WORST_SHOWN:
            break
    found = []
    for position in chosen:
        case = cases[columns.case_index[position]]
        attempt = redactor.redact_attempt(folder.attempt(f"{case.id}#{columns.repeat[position]}"), case)
        reasons = [score.explanation for score in attempt.scores if score.outcome is OutcomeKind.VIOLATED]
        found.append(
            WorstTranscript(attempt, case, "; ".join(reason for reason in reasons if reason) or case.risk)
        )
    return tuple(found)


def _coverage(project: Project, folder: RunFolder) -> tuple[CoverageRow, ...]:
    return tuple(
        CoverageRow(
            risk=row.risk,
            cases=row.planned.cases,
            families=row.tried.families,
            attempts=row.attempts,
            violated=row.violated,
            undetermined=row.undetermined,
            errors=row.errors,
            held_out=row.tried.held_out,
            languages=row.tried.languages,
        )
        for row in risk_coverage(project.workspace.risks, folder.cases(), folder.columns())
    )


def _residual(project: Project) -> tuple[ResidualRisk, ...]:
    """What remains of each risk, and who accepted it."""
    accepted = {
        item.risk: f"by {entry.signer} until {item.expires}, with: {item.compensating_control}"
        for entry in decisions(project)
        for item in entry.accepted_risks
    }
    return tuple(
        ResidualRisk(risk, risk.residual or "not stated in the workspace", accepted.get(risk.id, ""))
        for risk in by_severity(project.workspace.risks)
    )


def _trade_offs(folder: RunFolder, label: str) -> tuple[TradeOffPoint, ...]:
    from safecase.gate import rate_estimate
    from safecase.model import GateRule

    columns, cases = folder.columns(), folder.cases()

    def rate(metric: str) -> Estimate | None:
        mask = case_mask(GateRule(id="report", metric=metric), cases)[columns.case_index]
        families = [cases[index].family for index in columns.case_index[mask]]
        return rate_estimate(columns.outcome[mask] == VIOLATED, families, confidence=0.95, early=False)

    harm, refusal = rate("violation_rate"), rate("over_refusal_rate")
    return (TradeOffPoint(label, harm, refusal),) if harm and refusal else ()


def rule_positions(project: Project, verdict: Verdict) -> dict[str, SourcePosition]:
    """Where each rule of the verdict stands in the workspace."""
    found = {}
    for result in verdict.rules:
        position = project.workspace.position("rule", f"{verdict.gate}/{result.rule.id}")
        if position is not None:
            found[result.rule.id] = position
    return found


def write_report(
    project: Project, folder: RunFolder, verdict: Verdict, *, destination: Path | None = None
) -> ReportFiles:
    """Write the report, the CI files and the signed pack; each in one step."""
    manifest = folder.manifest
    check_results(folder)
    target = destination or project.workspace.root / "packs" / f"{manifest.run_id}-{verdict.gate}"
    target.mkdir(parents=True, exist_ok=True)
    redactor = Redactor()
    page = render_report(report_content(project, folder, verdict, redactor)).encode("utf-8", "replace")
    files = {
        "report.html": page,
        "results.sarif": render_sarif(verdict, rule_positions(project, verdict), safecase_version=VERSION),
        "junit.xml": render_junit(verdict),
        **_workspace_files(project),
        **packed_labels(project, manifest.gates),
    }
    for name in ("report.html", "results.sarif", "junit.xml"):
        (target / name).write_bytes(files[name])
    log = decision_log_path(project)
    if log.exists():
        files["decisions.jsonl"] = log.read_bytes()
    baseline = project.run_folder(manifest.baseline.run_id) if manifest.baseline else None
    pack = target / f"{manifest.run_id}-{verdict.gate}.safecase.zip"
    summary = build_pack(
        run=folder,
        verdicts=[verdict],
        files=files,
        key=load_key(project.workspace.defaults.signing_key_env),
        destination=pack,
        baseline=baseline,
        chain=chain_for(manifest, [item for _, item in project.manifests()]),
        created_at=datetime.now(UTC),
    )
    return ReportFiles(target / "report.html", target / "results.sarif", target / "junit.xml", pack, summary)


def _workspace_files(project: Project) -> dict[str, bytes]:
    from safecase.workspace import LOCK_NAME, workspace_files

    root = project.workspace.root
    found = {
        f"workspace/{file.relative_to(root).as_posix()}": file.read_bytes() for file in workspace_files(root)
    }
    lock = root / LOCK_NAME
    if lock.is_file():
        found[f"workspace/{LOCK_NAME}"] = lock.read_bytes()
    return found
