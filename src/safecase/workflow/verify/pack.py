"""From somebody's pack to what holds of it: scores made again, every number computed anew, the report made
again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import numpy as np
import orjson

from safecase.base import VERSION, CheckFailed, SourcePosition
from safecase.engine import OUTCOME_CODES, RunPlan, RunState, SummaryColumns, has_derived_order
from safecase.evidence import Redactor, check_evidence, packed_run, packed_workspace, readme
from safecase.gate import BaselineRun, StreamingEvaluation, evaluate_gate, parse_labels
from safecase.interop import render_junit, render_sarif
from safecase.model import (
    Acceptance,
    Attempt,
    AttemptSummary,
    Case,
    DecisionEntry,
    Exceptions,
    RunManifest,
    Verdict,
)
from safecase.records import standing
from safecase.report import render_report
from safecase.workflow.report import ReportSource, carried_decisions, report_content
from safecase_verify import (
    KnownKey,
    PackedRun,
    Progress,
    Step,
    VerificationReport,
    packed_attempts,
    read_entry,
)


def verify_pack(
    path: Path | str, *, known: Sequence[KnownKey] = (), require_trust: bool = False
) -> VerificationReport:
    """Check a pack without trusting who made it. Needs no network and no workspace, and runs no code of a
    pack.

    ``known``: the keys that the reader knows; with any, only a signature by one of them counts.
    ``require_trust``: without a known key nothing holds. Raises InputError where the file is no pack at all;
    everything else stands in the report.
    """
    return check_evidence(
        path,
        known=known,
        require_trust=require_trust,
        further=_steps({"order of ending": _ending, "sentences": _sentences, "report": _report}),
    )


@dataclass(frozen=True)
class _Run:
    """A run of a pack in the vocabulary of safecase, beside what the verifier read of it."""

    packed: PackedRun
    manifest: RunManifest
    cases: tuple[Case, ...]

    @cached_property
    def plan(self) -> RunPlan:
        """The committed order."""
        return RunPlan(
            cases=self.cases,
            case_index=np.asarray(self.packed.case_index, dtype=np.int32),
            repeat=np.asarray(self.packed.repeat, dtype=np.int32),
            seed=np.asarray(self.packed.seeds, dtype=np.int64),
            base_seed=self.manifest.seed,
            order=self.manifest.draw_order,
        )

    @cached_property
    def columns(self) -> SummaryColumns:
        """What gates and reports compute on, as the attempts of the pack give it."""
        draws = np.flatnonzero(np.frombuffer(self.packed.made, dtype=np.uint8))
        count = len(draws)
        raw = self.packed.raw()
        codes = {kind.value: code for code, kind in enumerate(OUTCOME_CODES)}
        costs = [raw.cost_usd[int(draw)] for draw in draws]
        nothing = np.zeros(count, dtype=np.int64)
        return SummaryColumns(
            draw=draws.astype(np.int64),
            case_index=self.plan.case_index[draws],
            repeat=self.plan.repeat[draws],
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


class _Pack:
    """What the steps below make things again from: read once for all of them."""

    def __init__(self, progress: Progress) -> None:
        self.progress, self.archive = progress, progress.archive
        self.runs = {
            prefix: _Run(packed, *packed_run(self.archive, prefix))
            for prefix, packed in progress.runs.items()
        }
        self.run = self.runs["run"]
        self.workspace = packed_workspace(self.archive)
        self.names = frozenset(self.archive.namelist())

    def decisions(self) -> tuple[DecisionEntry, ...]:
        """The decision log as the pack carries it."""
        held = "decisions.jsonl" in self.names
        return carried_decisions(read_entry(self.archive, "decisions.jsonl")) if held else ()

    def baseline(self) -> BaselineRun | None:
        """The run that regression rules compare with."""
        earlier = self.runs.get("baseline")
        return BaselineRun(earlier.cases, earlier.columns) if earlier else None


def _steps(works: Mapping[str, Callable[[_Pack], str]]) -> dict[str, Step]:
    """The steps of one pack, which share what they read."""
    read: list[_Pack] = []

    def step(work: Callable[[_Pack], str]) -> Step:
        def take(progress: Progress) -> str:
            if not read:
                read.append(_Pack(progress))
            return work(read[0])

        return take

    return {name: step(work) for name, work in works.items()}


def _ending(pack: _Pack) -> str:
    """The step that follows the run along its order: no attempt is missing that its gates still had use
    for."""
    run, made = pack.run, pack.run.packed.made
    left_out = made.count(0)
    if pack.progress.state[1] != "complete":
        return f"the run did not come to its end: {left_out} attempts not made"
    plan = run.plan
    baseline = pack.baseline()
    gates = StreamingEvaluation(
        run.manifest.gates,
        plan,
        baseline_rates=baseline.rates() if baseline else None,
        try_number=run.manifest.try_number,
        open_families=frozenset(run.manifest.open_families),
    )
    for draw, code in enumerate(made if left_out else b""):
        case = run.cases[run.packed.case_index[draw]]
        if code:
            gates.observe(_summary(run, draw))
        elif not gates.finished and gates.wants(plan.planned(draw), case):
            raise CheckFailed(
                f"the attempt at draw {draw} (case {case.id[:80]}) is missing, and the gates still had use "
                "for it"
            )
    return f"{left_out} attempts not made, each after the rules that read it were decided"


def _sentences(pack: _Pack) -> str:
    """The step that makes each verdict again, words included, by the code that made it."""
    if (other := _other_version(pack.progress)) is not None:
        pack.progress.skipped.append(f"the sentences of the verdicts: {other}")
        return "not made again"
    run = pack.run
    baseline = pack.baseline()
    decided = standing(pack.decisions())
    verdicts = _verdicts(pack.archive)
    for verdict in verdicts:
        gate = next(item for item in run.manifest.gates if item.id == verdict.gate)
        labels = {
            name: parse_labels(read_entry(pack.archive, f"labels/{name}"), name)
            for name in {rule.judge_correction.labels for rule in gate.rules} - {""}
            if f"labels/{name}" in pack.names
        }

        def again(
            accepted: Sequence[Acceptance], gate: Any = gate, labels: Any = labels, verdict: Verdict = verdict
        ) -> Verdict:
            made = evaluate_gate(
                gate,
                run.manifest,
                run.plan,
                run.columns,
                baseline=baseline,
                exceptions=Exceptions(accepted, pack.workspace.controls, pack.workspace.policy),
                risks=pack.workspace.risks,
                stale=verdict.stale,
                labels=labels,
                try_number=verdict.try_number,
                open_families=verdict.open_families,
                blocked_before=verdict.blocked_before,
                derived_order=has_derived_order(run.manifest),
                notes=verdict.notes,
                today=pack.progress.made_at.date(),
            )
            return Redactor().redact_texts(made)

        # What was accepted after the verdict does not change it: it may rest on a log that was shorter.
        granted = decided.acceptances(verdict.gate, verdict.line)
        _compare(verdict, (again(accepted) for accepted in (granted, ())))
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


def _report(pack: _Pack) -> str:
    """The step that makes the report and the files for build servers again, and compares them byte for
    byte."""
    if (other := _other_version(pack.progress)) is not None:
        pack.progress.skipped.append(f"the report, SARIF and JUnit: {other}")
        return "not made again"
    names, run, archive = pack.names, pack.run, pack.archive
    _same(archive, "README.txt", readme(demo=run.manifest.demo))
    made = ["README.txt"]
    verdicts = _verdicts(archive)
    if len(verdicts) != 1:
        raise CheckFailed("a report is about one verdict")
    verdict = verdicts[0]
    if "junit.xml" in names:
        _same(archive, "junit.xml", render_junit(verdict))
        made.append("JUnit")
    if "results.sarif" in names:
        positions = _positions(archive)
        _same(archive, "results.sarif", render_sarif(verdict, positions, safecase_version=VERSION))
        made.append("SARIF")
    if "report.html" in names:
        system = pack.workspace.system
        if system is None:
            raise CheckFailed("the workspace in the pack does not describe the system of the report")
        source = ReportSource(
            system=system,
            risks=pack.workspace.risks,
            decisions=pack.decisions(),
            manifest=run.manifest,
            verdict=verdict,
            columns=run.columns,
            cases=run.cases,
            attempts=_finder(archive),
            skipped=pack.progress.state[0],
            state=RunState(pack.progress.state[1]),
            made_at=pack.progress.made_at,
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


def _finder(archive: ZipFile) -> Callable[[Sequence[int]], list[Attempt]]:
    """Attempts of the run by their draws, read once more."""

    def find(draws: Sequence[int]) -> list[Attempt]:
        wanted = {draw: place for place, draw in enumerate(draws)}
        found: dict[int, Attempt] = {}
        if wanted:
            heads = {f'{{"draw":{draw},'.encode(): draw for draw in wanted}
            for line in packed_attempts(archive, "run"):
                draw = heads.get(line[: line.find(b",") + 1])
                if draw is not None:
                    found[draw] = Attempt.model_validate_json(line)
                    if len(found) == len(wanted):
                        break
        if len(found) != len(wanted):
            raise CheckFailed("an attempt is not written as packs write it")
        return [found[draw] for draw in draws]

    return find


def _positions(archive: ZipFile) -> dict[str, SourcePosition]:
    """Rule → its place, as the SARIF file says; each must be a line of a workspace file of the pack."""
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
    predicate: Mapping[str, Any] = progress.statement["predicate"]
    packed = predicate.get("packed_by")
    return None if packed == VERSION else f"written by safecase {str(packed)[:40]}, and this is {VERSION}"


def _verdicts(archive: ZipFile) -> list[Verdict]:
    names = sorted(name for name in archive.namelist() if name.startswith("verdicts/"))
    return [Verdict.model_validate_json(read_entry(archive, name)) for name in names]


def _summary(run: _Run, draw: int) -> AttemptSummary:
    case = run.cases[run.packed.case_index[draw]]
    return AttemptSummary.model_construct(
        draw=draw,
        case_id=case.id,
        repeat=run.packed.repeat[draw],
        risk=case.risk,
        outcome=OUTCOME_CODES[run.packed.made[draw] - 1],
    )
