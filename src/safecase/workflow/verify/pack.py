"""From somebody's pack to what holds of it: scores made again, every number computed anew, the report made
again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

from safecase.base import VERSION, CheckFailed, SourcePosition
from safecase.engine import OUTCOME_CODES, RunPlan, SummaryColumns
from safecase.evidence import (
    KnownKey,
    Progress,
    Rescoring,
    VerificationReport,
    in_order,
    packed_attempts,
    read_entry,
    readme,
)
from safecase.evidence import verify_pack as verify_evidence
from safecase.gate import BaselineRun, StreamingEvaluation, evaluate_gate, parse_labels
from safecase.interop import render_junit, render_sarif
from safecase.model import Attempt, AttemptSummary, Verdict
from safecase.report import render_report
from safecase.workflow.report import ReportSource, carried_decisions, report_content

if TYPE_CHECKING:
    from safecase_verify.reading.run import PackedRun


def verify_pack(
    path: Path | str, *, known: Sequence[KnownKey] = (), require_trust: bool = False
) -> VerificationReport:
    """Check a pack without trusting who made it. Needs no network and no workspace, and runs no code of a
    pack.

    ``known``: the keys that the reader knows; with any, only a signature by one of them counts.
    ``require_trust``: without a known key nothing holds. Raises InputError where the file is no pack at all;
    everything else stands in the report.
    """
    return verify_evidence(
        path,
        known=known,
        require_trust=require_trust,
        scoring=lambda manifest, cases: Rescoring(manifest, cases).check,
        in_order=in_order,
        further={"order of ending": _ending, "sentences": _sentences, "report": _report},
    )


def _ending(progress: Progress) -> str:
    """The step that follows the run along its order: no attempt is missing that its gates still had use
    for."""
    run = progress.runs["run"]
    left_out = run.made.count(0)
    if progress.state[1] != "complete":
        return f"the run did not come to its end: {left_out} attempts not made"
    plan = _plan(run)
    baseline = _baseline(progress)
    gates = StreamingEvaluation(
        run.manifest.gates, plan, baseline_rates=baseline.rates() if baseline else None
    )
    for draw, code in enumerate(run.made if left_out else b""):
        case = run.cases[run.case_index[draw]]
        if code:
            gates.observe(_summary(run, draw))
        elif not gates.finished and gates.wants(plan.planned(draw), case):
            raise CheckFailed(
                f"the attempt at draw {draw} (case {case.id[:80]}) is missing, and the gates still had use "
                "for it"
            )
    return f"{left_out} attempts not made, each after the rules that read it were decided"


def _sentences(progress: Progress) -> str:
    """The step that makes each verdict again, words included, by the code that made it."""
    if (other := _other_version(progress)) is not None:
        progress.skipped.append(f"the sentences of the verdicts: {other}")
        return "not made again"
    run = progress.runs["run"]
    plan, columns, baseline = _plan(run), _columns(run), _baseline(progress)
    verdicts = _verdicts(progress)
    for verdict in verdicts:
        gate = next(item for item in run.manifest.gates if item.id == verdict.gate)
        labels = {
            name: parse_labels(read_entry(progress.archive, f"labels/{name}"), name)
            for name in {rule.judge_correction.labels for rule in gate.rules} - {""}
            if f"labels/{name}" in progress.archive.namelist()
        }

        def again(count: int, gate: Any = gate, labels: Any = labels, verdict: Verdict = verdict) -> Verdict:
            return evaluate_gate(
                gate,
                run.manifest,
                plan,
                columns,
                baseline=baseline,
                acceptances=progress.accepted[:count],
                risks=progress.workspace.risks,
                stale=verdict.stale,
                labels=labels,
                today=progress.made_at.date(),
            )

        # What was accepted after the verdict does not change it: it may rest on a log that was shorter.
        _compare(verdict, (again(count) for count in range(len(progress.accepted), -1, -1)))
    return f"{len(verdicts)} verdict{'s' * (len(verdicts) != 1)} made again, word for word"


def _compare(verdict: Verdict, candidates: Any) -> None:
    """Raise CheckFailed, naming what differs, where the verdict is none of the candidates."""
    first: Verdict | None = None
    for made in candidates:
        if made == verdict or made.model_dump(mode="json") == verdict.model_dump(mode="json"):
            return
        first = first or made
    place = f"verdicts/{verdict.gate}.json"
    if first is None:
        return
    for recorded, again in zip(verdict.rules, first.rules, strict=True):
        if recorded.sentence != again.sentence:
            raise CheckFailed(f"rule {recorded.rule.id} says other words than its numbers do", where=place)
        for mine, theirs in zip(recorded.categories, again.categories, strict=True):
            if mine.model_dump(mode="json") != theirs.model_dump(mode="json"):
                raise CheckFailed(
                    f"rule {recorded.rule.id}, {mine.category}: what is said of it does not follow",
                    where=place,
                )
    raise CheckFailed("the verdict's reasons or conditions are not what its rules say", where=place)


def _report(progress: Progress) -> str:
    """The step that makes the report and the files for build servers again, and compares them byte for
    byte."""
    if (other := _other_version(progress)) is not None:
        progress.skipped.append(f"the report, SARIF and JUnit: {other}")
        return "not made again"
    names = set(progress.archive.namelist())
    run, archive = progress.runs["run"], progress.archive
    _same(archive, "README.txt", readme(demo=run.manifest.demo))
    made = ["README.txt"]
    verdicts = _verdicts(progress)
    if len(verdicts) != 1:
        raise CheckFailed("a report is about one verdict")
    verdict = verdicts[0]
    if "junit.xml" in names:
        _same(archive, "junit.xml", render_junit(verdict))
        made.append("JUnit")
    if "results.sarif" in names:
        positions = _positions(progress)
        _same(archive, "results.sarif", render_sarif(verdict, positions, safecase_version=VERSION))
        made.append("SARIF")
    if "report.html" in names:
        system = progress.workspace.system
        if system is None:
            raise CheckFailed("the workspace in the pack does not describe the system of the report")
        log = read_entry(archive, "decisions.jsonl") if "decisions.jsonl" in names else b""
        source = ReportSource(
            system=system,
            risks=progress.workspace.risks,
            decisions=carried_decisions(log),
            manifest=run.manifest,
            verdict=verdict,
            columns=_columns(run),
            cases=run.cases,
            attempts=_finder(progress),
            skipped=progress.state[0],
            made_at=progress.made_at,
        )
        _same(archive, "report.html", render_report(report_content(source)).encode("utf-8", "replace"))
        made.append("report")
    return f"{', '.join(made)} made again, byte for byte"


def _same(archive: Any, name: str, made: bytes) -> None:
    held = read_entry(archive, name)
    if held == made:
        return
    at = next(
        (i for i, (a, b) in enumerate(zip(held, made, strict=False)) if a != b), min(len(held), len(made))
    )
    line = held[:at].count(b"\n") + 1
    raise CheckFailed("this is not what is made from the rest of the pack", where=f"{name}:{line}")


def _finder(progress: Progress) -> Callable[[Sequence[int]], list[Attempt]]:
    """Attempts of the run by their draws, read once more."""

    def find(draws: Sequence[int]) -> list[Attempt]:
        wanted = {draw: place for place, draw in enumerate(draws)}
        found: dict[int, Attempt] = {}
        if wanted:
            heads = {f'{{"draw":{draw},'.encode(): draw for draw in wanted}
            for line in packed_attempts(progress.archive, "run"):
                draw = heads.get(line[: line.find(b",") + 1])
                if draw is not None:
                    found[draw] = Attempt.model_validate_json(line)
                    if len(found) == len(wanted):
                        break
        if len(found) != len(wanted):
            raise CheckFailed("an attempt is not written as packs write it")
        return [found[draw] for draw in draws]

    return find


def _positions(progress: Progress) -> dict[str, SourcePosition]:
    """Rule → its place, as the SARIF file says; each must be a line of a workspace file of the pack."""
    archive = progress.archive
    held = orjson.loads(read_entry(archive, "results.sarif"))
    found: dict[str, SourcePosition] = {}
    for result in held["runs"][0]["results"]:
        for location in result.get("locations", [])[:1]:
            place = location["physicalLocation"]
            file, region = str(place["artifactLocation"]["uri"]), place["region"]
            line, column = int(region["startLine"]), int(region["startColumn"])
            name = f"workspace/{file}"
            lines = read_entry(archive, name).splitlines() if name in archive.namelist() else []
            if not 1 <= line <= max(len(lines), 1):
                raise CheckFailed("a result points at a line that the workspace lacks", where="results.sarif")
            found[str(result["ruleId"])] = SourcePosition(file=file, line=line, column=column)
    return found


def _other_version(progress: Progress) -> str | None:
    """Why words cannot be made again; None where the same version of safecase is at work."""
    predicate: Mapping[str, Any] = progress.statement["predicate"]  # type: ignore[assignment]
    packed = predicate.get("packed_by")
    return None if packed == VERSION else f"written by safecase {str(packed)[:40]}, and this is {VERSION}"


def _verdicts(progress: Progress) -> list[Verdict]:
    names = sorted(name for name in progress.archive.namelist() if name.startswith("verdicts/"))
    return [Verdict.model_validate_json(read_entry(progress.archive, name)) for name in names]


def _plan(run: PackedRun) -> RunPlan:
    count = len(run.case_index)
    return RunPlan(
        cases=run.cases,
        case_index=np.asarray(run.case_index, dtype=np.int32),
        repeat=np.asarray(run.repeat, dtype=np.int32),
        seed=np.asarray(run.seeds, dtype=np.int64),
        round=np.zeros(count, dtype=np.int32),
        base_seed=run.manifest.seed,
        order=run.manifest.draw_order,
    )


def _columns(run: PackedRun) -> SummaryColumns:
    """The columns that gates and reports compute on, as the attempts of the pack give them."""
    draws = np.flatnonzero(np.frombuffer(run.made, dtype=np.uint8))
    count = len(draws)
    raw = run.raw()
    codes = {kind.value: code for code, kind in enumerate(OUTCOME_CODES)}
    costs = [raw.cost_usd[int(draw)] for draw in draws]
    nothing = np.zeros(count, dtype=np.int64)
    return SummaryColumns(
        draw=draws.astype(np.int64),
        case_index=np.asarray(run.case_index, dtype=np.int32)[draws],
        repeat=np.asarray(run.repeat, dtype=np.int32)[draws],
        outcome=np.array([codes[raw.outcome[int(draw)]] for draw in draws], dtype=np.int8),
        error_origin=np.full(count, -1, dtype=np.int8),
        latency_ms=np.array([raw.latency_ms[int(draw)] for draw in draws]),
        input_tokens=nothing,
        output_tokens=nothing,
        cost_usd=np.array([np.nan if cost is None else cost for cost in costs]),
        cached=np.array([raw.cached[int(draw)] for draw in draws], dtype=np.bool_),
        value=np.full(count, np.nan),
        label=np.zeros(count, dtype=np.int32),
        labels=("",),
    )


def _baseline(progress: Progress) -> BaselineRun | None:
    earlier = progress.runs.get("baseline")
    return BaselineRun(earlier.cases, _columns(earlier)) if earlier else None


def _summary(run: PackedRun, draw: int) -> AttemptSummary:
    case = run.cases[run.case_index[draw]]
    return AttemptSummary.model_construct(
        draw=draw,
        case_id=case.id,
        repeat=run.repeat[draw],
        risk=case.risk,
        outcome=OUTCOME_CODES[run.made[draw] - 1],
    )
