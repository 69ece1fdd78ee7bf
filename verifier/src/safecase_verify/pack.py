"""Checking a pack without trusting who made it: signature, digests, chain, and every number anew."""

from __future__ import annotations

import zipfile
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from safecase_verify.checks.attempts import CLOCKS
from safecase_verify.checks.chain import check_chain
from safecase_verify.checks.decisions import DECISION_LOG, Decided
from safecase_verify.checks.entries import check_entries
from safecase_verify.checks.labels import packed_labels
from safecase_verify.checks.ledger import check_place, check_results
from safecase_verify.checks.ledger import told as told_of_ledger
from safecase_verify.checks.rules import check_manifest, check_rules
from safecase_verify.checks.verdict import Evidence, check_verdict
from safecase_verify.errors import CheckFailed
from safecase_verify.progress import (
    BROKEN,
    SCORED_AGAIN,
    Progress,
    Scoring,
    Step,
    VerificationReport,
    VerificationStep,
    harmless,
)
from safecase_verify.reading._fields import read_record
from safecase_verify.reading.archive import content_digest, open_pack, packed_digest, read_entry
from safecase_verify.reading.canonical import digest
from safecase_verify.reading.keys import KnownKey
from safecase_verify.reading.ledger import LEDGER, RunResult, read_ledger
from safecase_verify.reading.raw_run import RawRun
from safecase_verify.reading.records import (
    PackedWorkspace,
    Verdict,
    read_manifest,
    read_verdict,
)
from safecase_verify.reading.run import InOrder, PackedRun
from safecase_verify.reading.signature import MADE_FOR_ONE_PACK, open_envelope

STATEMENT = "statement.dsse.json"
PACKED_DIGEST = "packed_sha256"
"""Annotation of a subject: digest of its bytes as they stand in the pack, compressed."""
PREDICATE_TYPE = "urn:safecase:evidence-pack:2"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
WORKSPACE = "workspace.json"
"""What the workspace files declare, resolved (`PackedWorkspace`)."""
INTEGRITY_ONLY = "integrity only: anyone could have made this"
"""What is said of a pack for which nobody vouches."""


def verify_pack(
    path: Path | str,
    *,
    known: Sequence[KnownKey] = (),
    require_trust: bool = False,
    scoring: Scoring | None = None,
    in_order: InOrder = map,
    further: Mapping[str, Step] | None = None,
) -> VerificationReport:
    """Check a pack. Needs no network and no workspace.

    ``known``: the keys that the reader knows; with any, only a signature by one of them counts.
    ``require_trust``: without a known key nothing holds. ``scoring``: scores attempts again, where the
    scorers are at hand; ``in_order``: shares the work on attempts out, like `map`. ``further``: steps by
    name that are taken where everything else holds; each gives what it found, or raises CheckFailed. Raises
    InputError where the file is no pack at all; everything else stands in the report.
    """
    checks: list[VerificationStep] = []
    progress: Progress | None = None
    try:
        with open_pack(Path(path)) as archive:
            progress = Progress(archive, known, require_trust, scoring, in_order, checks)
            _verify(progress)
            for name, check in (further or {}).items():
                if all(item.ok for item in checks):
                    progress.step(name, lambda check=check: check(progress))  # type: ignore[misc]
    except CheckFailed as error:
        checks.append(VerificationStep(name="archive", ok=False, detail=harmless(error.render())))
    except BROKEN as error:
        checks.append(
            VerificationStep(name="archive", ok=False, detail=harmless(f"the pack is corrupt: {error}"))
        )
    if progress is None:
        return VerificationReport(ok=False, checks=tuple(checks))
    if progress.skipped:
        detail = f"no independent method, so not checked: {'; '.join(progress.skipped)}"
        checks.append(VerificationStep(name="not recomputed", ok=True, detail=harmless(detail)))
    run = progress.runs.get("run")
    return VerificationReport(
        ok=bool(checks) and all(item.ok for item in checks),
        checks=tuple(checks),
        demo=run is not None and run.manifest.demo,
        signer=progress.signer,
        trusted=progress.trusted,
        not_recomputed=tuple(map(harmless, progress.skipped)),
    )


def _verify(progress: Progress) -> None:
    needed = (("signature", _signature), ("contents", _contents), ("plan", _plan), ("attempts", _attempts))
    for name, work in needed:
        if not progress.step(name, lambda work=work: work(progress)):  # type: ignore[misc]
            return
    progress.step("statement", lambda: _statement(progress))
    progress.step("whole", lambda: _whole(progress))
    if progress.step("workspace", lambda: _workspace(progress)) and progress.step(
        "chain", lambda: _chain(progress)
    ):
        progress.step("rules", lambda: _rules(progress))
    decided = Decided()
    names = _verdict_names(progress.archive)
    heads = progress.ledger.decision_heads if progress.ledger else ()
    if DECISION_LOG in progress.archive.namelist():
        progress.step("decisions", lambda: _decisions(progress, decided, heads))
    elif heads:
        cut = "the ledger of runs names decisions, and the pack holds none"
        progress.checks.append(VerificationStep(name="decisions", ok=False, detail=cut))
    evidence = _evidence(progress, decided)
    if not names:
        progress.checks.append(VerificationStep(name="verdict", ok=False, detail="the pack holds no verdict"))
    for name in names:
        label = f"verdict {name.removeprefix('verdicts/')}"
        progress.step(label, lambda name=name: _verdict(progress, name, evidence))  # type: ignore[misc]


def _signature(progress: Progress) -> str:
    """The step that opens the signed statement, and believes nothing else."""
    statement, signer = open_envelope(read_entry(progress.archive, STATEMENT))
    if statement.get("_type") != STATEMENT_TYPE or statement.get("predicateType") != PREDICATE_TYPE:
        raise CheckFailed("the signed statement is not that of an evidence pack of this format")
    progress.statement.update(statement)
    progress.signer = signer.id
    own_word = ", which says that it was made for this pack" if signer.kind == MADE_FOR_ONE_PACK else ""
    if progress.known:
        same = [known for known in progress.known if known.key == signer.key]
        if not same:
            raise CheckFailed(f"signed by {signer.id}, which is none of the keys that you trust")
        made = progress.made_at
        valid = [known for known in same if known.counts_at(made)]
        if not valid:
            raise CheckFailed(
                f"the key of {same[0].name} did not count any more, or not yet, on {made:%Y-%m-%d}"
            )
        progress.trusted = valid[0].name
        return f"signed by {progress.trusted} ({signer.id}), whom you trust"
    if progress.require_trust:
        raise CheckFailed(
            f"{INTEGRITY_ONLY}: no known key was given to hold {signer.id} against",
            hint="--trust FILE or --public-key KEY; --no-require-trust checks integrity only",
        )
    return f"{INTEGRITY_ONLY}: signed by {signer.id}{own_word}, a key that nobody vouches for"


def _contents(progress: Progress) -> str:
    """The step that holds every entry against the digest that was signed, and finds what is not listed."""
    archive, subjects = progress.archive, progress.statement.get("subject")
    if not isinstance(subjects, list) or not subjects:
        raise CheckFailed("the statement lists nothing")
    listed: set[str] = set()
    for item in subjects:
        wanted = item.get("digest") if isinstance(item, dict) else None
        if not isinstance(item, dict) or not isinstance(wanted, dict):
            raise CheckFailed("the statement lists something that is no entry")
        name = str(item.get("name"))
        if name in listed or name == STATEMENT:
            raise CheckFailed("the statement lists this entry twice, or lists itself", where=name)
        listed.add(name)
        notes = item.get("annotations")
        packed = notes.get(PACKED_DIGEST) if isinstance(notes, dict) else None
        if content_digest(archive, name) != wanted.get("sha256") or (
            packed is not None and packed_digest(archive, name) != packed
        ):
            raise CheckFailed("this entry was changed after the pack was signed", where=name)
    unlisted = set(archive.namelist()) - listed - {STATEMENT}
    if unlisted:
        raise CheckFailed(f"the pack holds entries that nobody signed: {', '.join(sorted(unlisted)[:3])}")
    return f"{len(listed)} entries, every byte as signed"


def _plan(progress: Progress) -> str:
    """The step that reads the runs and derives their draw order anew."""
    for prefix in ("run", "baseline"):
        if prefix == "run" or f"{prefix}/manifest.json" in progress.archive.namelist():
            progress.runs[prefix] = PackedRun(progress.archive, prefix)
            progress.runs[prefix].check_plan()
    run, earlier = progress.runs["run"], progress.runs.get("baseline")
    named = run.manifest.baseline
    if (named is None) != (earlier is None):
        raise CheckFailed("the baseline run is missing, or was never named", where="baseline/manifest.json")
    if named is not None and earlier is not None:
        same = (named.run_id, named.manifest_digest) == (earlier.manifest.run_id, earlier.manifest.digest)
        if not same:
            raise CheckFailed("the baseline is not the run that was named", where="baseline/manifest.json")
    gates = run.manifest.gates
    check_entries(
        progress.archive.namelist(),
        gates=[gate.id for gate in gates],
        labels=[rule.judge_correction.labels for gate in gates for rule in gate.rules],
    )
    detail = (
        f"{len(run.case_index)} draws as committed and as the seed gives them, {len(run.cases)} cases; "
        f"{run.nonce}"
    )
    if run.manifest.selection:
        detail += f"; only the cases that '{run.manifest.selection}' selects"
    masked = len(run.masked) + (len(earlier.masked) if earlier else 0)
    if masked:
        progress.skipped.append(f"the text of {masked} cases from production: it is masked in the pack")
    return detail


def _attempts(progress: Progress) -> str:
    made_at = progress.made_at
    told: Counter[str] = Counter()
    for prefix, run in progress.runs.items():
        look = progress.scoring(progress.archive, prefix) if progress.scoring else None
        said = run.read_attempts(progress.archive, made_at, look=look, in_order=progress.in_order)
        told.update(said)
        which = "" if prefix == "run" else f"{prefix}: "
        progress.skipped += [
            f"{which}{count} score{'s' * (count != 1)} of {reason}"
            for reason, count in sorted(said.items())
            if reason != SCORED_AGAIN
        ]
    count = progress.runs["run"].attempts
    detail = f"{count} attempts, each planned, none twice, outcomes follow from scores"
    return f"{detail}; {told[SCORED_AGAIN]} scores made again from the transcripts" if told else detail


def _statement(progress: Progress) -> str:
    """The step that holds what the statement says of run and verdicts against them."""
    predicate = progress.predicate
    manifest = progress.runs["run"].manifest
    said = (predicate.get("run_id"), predicate.get("manifest_digest"), predicate.get("demo"))
    if said != (manifest.run_id, manifest.digest, manifest.demo):
        raise CheckFailed("the signed statement is about another run")
    latest = datetime.now(UTC) + CLOCKS
    if not manifest.created_at <= progress.made_at + CLOCKS or progress.made_at > latest:
        raise CheckFailed("the pack was made before its run was planned, or is still to be made")
    listed = predicate.get("verdicts")
    held = []
    for name in _verdict_names(progress.archive):
        verdict = _read_verdict(progress, name)
        if name != f"verdicts/{verdict.gate}.json":
            raise CheckFailed("this verdict stands under another gate's name", where=name)
        held.append({"gate": verdict.gate, "kind": verdict.kind, "digest": verdict.digest})
    if not isinstance(listed, list) or digest(_by_gate(listed)) != digest(_by_gate(held)):
        raise CheckFailed("the signed statement names other verdicts than the pack holds")
    return f"about run {manifest.run_id}{_masked_files(progress, predicate)}"


def _whole(progress: Progress) -> str:
    """The step that asks whether attempts are missing, by what the run was to do and by how it ended."""
    run = progress.runs["run"]
    settings, planned = run.manifest.settings, len(run.made)
    missing, gaps = run.made.count(0), run.missing()
    skipped, state = progress.state
    if state != "complete":
        text = f"the run is {state}: {missing} of {planned} planned attempts were not made"
        if gaps > settings.limits.concurrency + settings.scorer_concurrency:
            raise CheckFailed(
                f"{text}, {gaps} of them before the last one: more than can have been under way"
            )
        progress.skipped.append(text)
        return text
    if missing != skipped:
        raise CheckFailed(
            f"{missing} of {planned} planned attempts are missing, and the run says that it skipped {skipped}"
        )
    if missing and settings.complete:
        first = run.made.index(0)
        raise CheckFailed(
            f"{missing} of {planned} attempts are missing from a run that was to make all of them, "
            f"the first at draw {first} (case {run.cases[run.case_index[first]].id[:80]})"
        )
    return f"{planned - missing} of {planned} planned attempts were made"


def _masked_files(progress: Progress, predicate: Mapping[str, Any]) -> str:
    """What the statement says of masked files, held against what it signs. Earlier packs say nothing."""
    listed = predicate.get("masked_files", [])
    subjects = progress.statement["subject"]
    signed = {str(item["name"]): item["digest"] for item in subjects}
    for item in listed if isinstance(listed, list) else [None]:
        fields = item if isinstance(item, dict) else {}
        name, original = str(fields.get("name")), fields.get("original_sha256")
        if signed.get(name) != {"sha256": fields.get("sha256")} or not isinstance(original, str):
            raise CheckFailed("the statement says of a masked file what is not so", where=name[:120])
    if not listed or not isinstance(listed, list):
        return ""
    return f"; {len(listed)} file{'s' * (len(listed) > 1)} with people's data masked, the originals by digest"


def _by_gate(verdicts: Sequence[object]) -> list[object]:
    return sorted(verdicts, key=lambda item: str(item.get("gate")) if isinstance(item, dict) else "")


def _chain(progress: Progress) -> str:
    """The step that follows the run's predecessors as far as the pack carries them."""
    archive, manifest = progress.archive, progress.runs["run"].manifest
    found = []
    for name in sorted(item for item in archive.namelist() if item.startswith("chain/")):
        earlier = read_manifest(progress.read(name), name)
        if name != f"chain/{earlier.run_id}.json":
            raise CheckFailed("this manifest stands under another run's name", where=name)
        found.append(earlier)
    progress.earlier.extend(check_chain(manifest, found))
    count = len(found)
    linked = (
        f"{count} earlier run{'' if count == 1 else 's'} linked" if count else "no earlier run in the pack"
    )
    if LEDGER not in archive.namelist():
        progress.untold.add("chain")
        return f"{linked}; no history here: the pack carries no ledger of runs"
    progress.ledger = read_ledger(read_entry(archive, LEDGER), manifest)
    check_results(progress.ledger, manifest, _result(progress), progress.earlier)
    if not progress.ledger.others:
        progress.untold.add("chain")
    return f"{linked}; {told_of_ledger(progress.ledger)}"


def _result(progress: Progress) -> RunResult:
    """What came of the run, counted from the attempts in the pack."""
    run = progress.runs["run"]
    outcomes = run.raw().outcome
    answered = [draw for draw, outcome in outcomes.items() if outcome != "error"]
    opened = set(run.manifest.open_families)
    log = str(progress.predicate.get("original_attempts_digest"))
    if run.manifest.purpose == "certification" and answered:
        # The ledger tells no number of a sealed result.
        return RunResult(log, None, None, None)
    sealed = sum(run.cases[run.case_index[draw]].family not in opened for draw in answered)
    return RunResult(log, len(outcomes), len(answered), sealed)


def _workspace(progress: Progress) -> str:
    """The step that reads what the packed workspace declares."""
    if WORKSPACE not in progress.archive.namelist():
        return "none in the pack"
    found = read_record(PackedWorkspace, progress.read(WORKSPACE), WORKSPACE)
    progress.workspace = found
    for name in found.unreadable:
        progress.skipped.append(f"{name}: it is not a workspace file that reads")
    return f"{len(found.risks or {})} risks and {len(found.gates)} gates, as the pack resolved them"


def _rules(progress: Progress) -> str:
    """The step that holds the rules against the run's manifest, earlier runs and the workspace."""
    run = progress.runs["run"]
    check_manifest(run.manifest, run.cases, "run/manifest.json")
    verdicts = [_read_verdict(progress, name) for name in _verdict_names(progress.archive)]
    ledger = progress.ledger
    aside = ledger.set_aside() if ledger else set()
    earlier = [
        item
        for item in progress.earlier
        if ledger is None or (ledger.answered(item.run_id) and item.run_id not in aside)
    ]
    return check_rules(run.manifest, verdicts, earlier, progress.workspace, progress.skipped)


def _decisions(progress: Progress, decided: Decided, heads: Sequence[str]) -> str:
    """The step that reads the decision log, against the ends of it that the ledger names."""
    verdicts = [_read_verdict(progress, name).raw for name in _verdict_names(progress.archive)]
    return decided.check(read_entry(progress.archive, DECISION_LOG), verdicts, heads, progress.skipped)


def _evidence(progress: Progress, decided: Decided) -> Evidence:
    """What verdicts are computed anew from: the runs, decisions, labels, and the day of signing."""
    earlier = progress.runs.get("baseline")
    baseline: RawRun | None = earlier.raw() if earlier else None
    signed_on = progress.made_at.date()
    run = progress.runs["run"]
    rules = [rule for gate in run.manifest.gates for rule in gate.rules]
    labels = packed_labels(progress.archive, rules)
    return Evidence(
        run.manifest,
        run.raw(),
        baseline,
        progress.workspace.risks,
        decided,
        signed_on,
        labels,
    )


def _verdict_names(archive: zipfile.ZipFile) -> list[str]:
    return sorted(name for name in archive.namelist() if name.startswith("verdicts/"))


def _read_verdict(progress: Progress, name: str) -> Verdict:
    return read_verdict(progress.read(name), name)


def _verdict(progress: Progress, name: str, evidence: Evidence) -> str:
    verdict, run = _read_verdict(progress, name), progress.runs["run"]
    recount = check_verdict(verdict, evidence, name)
    progress.skipped.extend(f"{verdict.gate}: {item}" for item in recount.skipped)
    if progress.ledger is not None:
        cases = [(case.family, sent) for case, sent in zip(run.cases, run.sent, strict=True)]
        check_place(progress.ledger, run.manifest, verdict, cases)
    return f"{verdict.kind}: {recount.recomputed} results recomputed and equal"
