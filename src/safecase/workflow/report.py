"""From a verdict to what leaves the machine: the report, the CI files, the signed pack."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from safecase.base import VERSION, SourcePosition
from safecase.engine import RunFolder, SummaryColumns, check_results
from safecase.evidence import (
    PackSummary,
    Redactor,
    build_pack,
    chain_for,
    is_workspace_file,
    load_key,
    parse_workspace,
)
from safecase.gate import ERROR, VIOLATED, by_severity, case_mask, risk_coverage
from safecase.interop import render_junit, render_sarif
from safecase.model import (
    Attempt,
    Case,
    Decision,
    Estimate,
    OutcomeKind,
    Purpose,
    Risk,
    RunManifest,
    System,
    Verdict,
    quantity,
)
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


@dataclass(frozen=True)
class ReportSource:
    """What a report is made from. A pack holds all of it, so that whoever has the pack can make it again."""

    system: System
    risks: tuple[Risk, ...]
    decisions: tuple[Decision, ...]
    """Of the whole workspace, texts masked."""
    manifest: RunManifest
    verdict: Verdict
    columns: SummaryColumns
    cases: tuple[Case, ...]
    """As the pack has them."""
    attempts: Callable[[Sequence[int]], Sequence[Attempt]]
    """Draws → their attempts, as the pack has them."""
    skipped: int
    made_at: datetime


def report_content(source: ReportSource) -> ReportContent:
    """Everything that the report shows."""
    manifest, verdict, columns = source.manifest, source.verdict, source.columns
    timed = columns.latency_ms[columns.outcome != ERROR]
    latency = f"median answer {quantity(float(np.median(timed)), 'ms')}" if len(timed) else ""
    worst = _worst(source)
    costs = columns.cost_usd
    return ReportContent(
        title=f"Safety case: {source.system.title}",
        system=source.system,
        manifest=manifest,
        verdict=verdict,
        made_at=source.made_at,
        worst=worst,
        coverage=_coverage(source),
        residual=_residual(source),
        trade_offs=_trade_offs(source, manifest.system.system),
        cards=manifest.scorer_cards,
        uncalibrated=tuple(item.name for item in manifest.scorers if not item.calibrated),
        decisions=tuple(
            item for item in source.decisions if item.run_id == manifest.run_id and item.gate == verdict.gate
        ),
        redactions=_masks(worst),
        planned=manifest.planned,
        recorded=len(columns),
        skipped=source.skipped,
        cost_usd=None if np.isnan(costs).any() else math.fsum(costs.tolist()),
        latency_note=latency,
    )


def _masks(worst: Sequence[WorstTranscript]) -> dict[str, int]:
    """What is masked in the transcripts that are shown, by kind."""
    text = "\n".join(item.attempt.model_dump_json() for item in worst)
    return dict(Counter(re.findall(r"\[redacted:([a-z_]+)\]", text)))


def _worst(source: ReportSource) -> tuple[WorstTranscript, ...]:
    """The worst transcripts, one a family."""
    columns, cases = source.columns, source.cases
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
    attempts = source.attempts([int(columns.draw[position]) for position in chosen])
    found = []
    for position, attempt in zip(chosen, attempts, strict=True):
        case = cases[columns.case_index[position]]
        reasons = [score.explanation for score in attempt.scores if score.outcome is OutcomeKind.VIOLATED]
        found.append(
            WorstTranscript(attempt, case, "; ".join(reason for reason in reasons if reason) or case.risk)
        )
    return tuple(found)


def _coverage(source: ReportSource) -> tuple[CoverageRow, ...]:
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
        for row in risk_coverage(source.risks, source.cases, source.columns)
    )


def _residual(source: ReportSource) -> tuple[ResidualRisk, ...]:
    """What remains of each risk, and who accepted it."""
    accepted = {
        item.risk: f"by {entry.signer} until {item.expires}, with: {item.compensating_control}"
        for entry in source.decisions
        for item in entry.accepted_risks
    }
    return tuple(
        ResidualRisk(risk, risk.residual or "not stated in the workspace", accepted.get(risk.id, ""))
        for risk in by_severity(source.risks)
    )


def _trade_offs(source: ReportSource, label: str) -> tuple[TradeOffPoint, ...]:
    from safecase.gate import rate_estimate
    from safecase.model import GateRule

    columns, cases = source.columns, source.cases

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
    made_at = datetime.now(UTC)
    files = {**_workspace_files(project), **packed_labels(project, manifest.gates)}
    log = decision_log_path(project)
    if log.exists():
        decisions(project)  # A log whose chain is broken goes into no pack.
        files["decisions.jsonl"] = log.read_bytes()

    def render(carried: Mapping[str, bytes]) -> dict[str, bytes]:
        source = _source(project, folder, verdict, carried, made_at)
        made = {
            "report.html": render_report(report_content(source)).encode("utf-8", "replace"),
            "results.sarif": render_sarif(
                verdict, rule_positions(project, verdict), safecase_version=VERSION
            ),
            "junit.xml": render_junit(verdict),
        }
        for name, data in made.items():
            (target / name).write_bytes(data)
        return made

    baseline = project.run_folder(manifest.baseline.run_id) if manifest.baseline else None
    pack = target / f"{manifest.run_id}-{verdict.gate}.safecase.zip"
    summary = build_pack(
        run=folder,
        verdicts=[verdict],
        files=files,
        render=render,
        key=load_key(project.workspace.defaults.signing_key_env),
        destination=pack,
        baseline=baseline,
        chain=chain_for(manifest, [item for _, item in project.manifests()]),
        created_at=made_at,
    )
    return ReportFiles(target / "report.html", target / "results.sarif", target / "junit.xml", pack, summary)


def _source(
    project: Project,
    folder: RunFolder,
    verdict: Verdict,
    carried: Mapping[str, bytes],
    made_at: datetime,
) -> ReportSource:
    """What the report is made from: the run, and the workspace's files as the pack will hold them."""
    redactor = Redactor()
    workspace = parse_workspace(
        sorted((name, data) for name, data in carried.items() if is_workspace_file(name))
    )
    plan, originals = folder.plan, folder.cases()

    def attempts(draws: Sequence[int]) -> list[Attempt]:
        found = []
        for draw in draws:
            case = originals[plan.case_index[draw]]
            attempt = folder.attempt(f"{case.id}#{plan.repeat[draw]}")
            found.append(redactor.redact_attempt(attempt, case))
        return found

    return ReportSource(
        system=workspace.system or project.workspace.system,
        risks=workspace.risks,
        decisions=carried_decisions(carried.get("decisions.jsonl", b"")),
        manifest=folder.manifest,
        verdict=verdict,
        columns=folder.columns(),
        cases=tuple(redactor.redact_case(case) for case in originals),
        attempts=attempts,
        skipped=folder.status.skipped,
        made_at=made_at,
    )


def carried_decisions(data: bytes) -> tuple[Decision, ...]:
    """The decisions of a log as a pack carries it, texts masked. Raises ValueError where one does not
    read."""
    return tuple(Decision.model_validate_json(line) for line in data.splitlines() if line)


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
