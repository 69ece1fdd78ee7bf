"""Checking a pack without trusting who made it: signature, digests, chain, and every number anew."""

from __future__ import annotations

import hashlib
import zipfile
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import orjson
from pydantic import ValidationError

from safecase.base import CheckFailed, JsonObject, Record, SafecaseError, ZstdError, digest
from safecase.evidence._archive import open_pack, packed_digest, read_entry
from safecase.evidence._labels import packed_labels
from safecase.evidence._ledger import (
    LEDGER,
    PackedLedger,
    check_place,
    check_results,
    read_ledger,
    sent_digest,
    told,
)
from safecase.evidence._packed_workspace import PackedWorkspace, read_workspace, workspace_names
from safecase.evidence.chain import chain_for, check_chain
from safecase.evidence.pack import PACKED_DIGEST, PREDICATE_TYPE, STATEMENT, STATEMENT_TYPE
from safecase.evidence.raw_run import RawRun
from safecase.evidence.signing import open_envelope
from safecase.evidence.verify._decisions import DECISION_LOG, Decided
from safecase.evidence.verify._rules import check_manifest, check_rules
from safecase.evidence.verify._run import PackedRun, first_line
from safecase.evidence.verify._verdict import Evidence, check_verdict
from safecase.model import RunManifest, RunPurpose, RunResult, Verdict

_LONGEST_DETAIL = 1_000
"""Characters of a hostile pack's words that reach the terminal: a message, and no flood."""
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    ZstdError,
    OSError,
    EOFError,
    ValueError,
    LookupError,
    ArithmeticError,
    RuntimeError,
    RecursionError,
)
"""What reading hostile bytes can raise: it fails the check that it happened in, and nothing else."""


class VerificationStep(Record):
    """One thing that was checked."""

    name: str
    ok: bool
    shows_something: bool = True
    """False where there was nothing to check, so that it is no tick: no history, for instance."""
    detail: str


class VerificationReport(Record):
    """What a verification found."""

    ok: bool
    checks: tuple[VerificationStep, ...]
    demo: bool = False
    signer: str = ""
    """Key id of the signer."""
    ephemeral_key: bool = False
    not_recomputed: tuple[str, ...] = ()
    """Results that this code has no independent method for, each with the reason."""


@dataclass
class _Progress:
    """What the verification has established so far."""

    archive: zipfile.ZipFile
    trusted_key: bytes | None
    checks: list[VerificationStep]
    statement: JsonObject = field(default_factory=dict)
    runs: dict[str, PackedRun] = field(default_factory=dict)
    signer: str = ""
    ephemeral: bool = False
    skipped: list[str] = field(default_factory=list)
    workspace: PackedWorkspace = field(default_factory=PackedWorkspace)
    earlier: list[RunManifest] = field(default_factory=list)
    """The runs before this one that the pack holds, nearest first."""
    ledger: PackedLedger | None = None
    untold: set[str] = field(default_factory=set)
    """Checks that found nothing wrong and nothing to hold against anything."""

    def step(self, name: str, work: Callable[[], str]) -> bool:
        """Do one check and note what came of it."""
        try:
            detail, ok = work(), True
        except SafecaseError as error:
            detail, ok = error.render(), False
        except _BROKEN as error:
            detail, ok = f"the pack is corrupt here: {first_line(error)}", False
        shows = name not in self.untold
        self.checks.append(
            VerificationStep(name=name[:120], ok=ok, shows_something=shows, detail=_harmless(detail))
        )
        return ok


def _harmless(text: str) -> str:
    """Words of a hostile pack, short and without characters that steer a terminal."""
    shown = text if len(text) <= _LONGEST_DETAIL else f"{text[:_LONGEST_DETAIL]}…"
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in shown)


def verify_pack(path: Path | str, *, trusted_key: bytes | None = None) -> VerificationReport:
    """Check a pack. Needs no network and no workspace.

    With ``trusted_key`` (32 bytes, Ed25519) only a signature by that key counts. Raises InputError where
    the file is no pack at all; everything else stands in the report.
    """
    checks: list[VerificationStep] = []
    progress: _Progress | None = None
    try:
        with open_pack(Path(path)) as archive:
            progress = _Progress(archive, trusted_key, checks)
            _verify(progress)
    except CheckFailed as error:
        checks.append(VerificationStep(name="archive", ok=False, detail=_harmless(error.render())))
    except _BROKEN as error:
        checks.append(
            VerificationStep(name="archive", ok=False, detail=_harmless(f"the pack is corrupt: {error}"))
        )
    if progress is None:
        return VerificationReport(ok=False, checks=tuple(checks))
    if progress.skipped:
        detail = f"no independent method, so not checked: {'; '.join(progress.skipped)}"
        checks.append(VerificationStep(name="not recomputed", ok=True, detail=_harmless(detail)))
    run = progress.runs.get("run")
    return VerificationReport(
        ok=bool(checks) and all(item.ok for item in checks),
        checks=tuple(checks),
        demo=run is not None and run.manifest.demo,
        signer=progress.signer,
        ephemeral_key=progress.ephemeral,
        not_recomputed=tuple(map(_harmless, progress.skipped)),
    )


def _verify(progress: _Progress) -> None:
    needed = (("signature", _signature), ("contents", _contents), ("plan", _plan), ("attempts", _attempts))
    for name, work in needed:
        if not progress.step(name, lambda work=work: work(progress)):  # type: ignore[misc]
            return
    progress.step("statement", lambda: _statement(progress))
    if progress.step("workspace", lambda: _workspace(progress)) and progress.step(
        "chain", lambda: _chain(progress)
    ):
        progress.step("rules", lambda: _rules(progress))
    decided = Decided()
    names = _verdict_names(progress.archive)
    if DECISION_LOG in progress.archive.namelist():
        data = read_entry(progress.archive, DECISION_LOG)
        verdicts = [_read_verdict(progress, name) for name in names]
        heads = progress.ledger.decision_heads if progress.ledger else ()
        progress.step("decisions", lambda: decided.check(data, verdicts, heads, progress.skipped))
    elif progress.ledger is not None and progress.ledger.decision_heads:
        cut = "the ledger of runs names decisions, and the pack holds none"
        progress.checks.append(VerificationStep(name="decisions", ok=False, detail=cut))
    evidence = _evidence(progress, decided)
    if not names:
        progress.checks.append(VerificationStep(name="verdict", ok=False, detail="the pack holds no verdict"))
    for name in names:
        label = f"verdict {name.removeprefix('verdicts/')}"
        progress.step(label, lambda name=name: _verdict(progress, name, evidence))  # type: ignore[misc]


def _signature(progress: _Progress) -> str:
    """The step that opens the signed statement, and believes nothing else."""
    envelope = read_entry(progress.archive, STATEMENT)
    payload, by = open_envelope(envelope, trusted_key=progress.trusted_key)
    try:
        read = orjson.loads(payload)
    except orjson.JSONDecodeError as error:
        raise CheckFailed("the signed statement is not JSON") from error
    if (
        not isinstance(read, dict)
        or read.get("_type") != STATEMENT_TYPE
        or read.get("predicateType") != PREDICATE_TYPE
    ):
        raise CheckFailed("the signed statement is not that of an evidence pack")
    progress.statement.update(read)
    progress.signer, progress.ephemeral = by.keyid, by.ephemeral
    kind = "a key made for this pack (integrity, not origin)" if by.ephemeral else "a lasting key"
    return f"signed by {by.keyid}, {kind}"


def _contents(progress: _Progress) -> str:
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
        if _entry_digest(archive, name) != wanted.get("sha256") or (
            packed is not None and packed_digest(archive, name) != packed
        ):
            raise CheckFailed("this entry was changed after the pack was signed", where=name)
    unlisted = set(archive.namelist()) - listed - {STATEMENT}
    if unlisted:
        raise CheckFailed(f"the pack holds entries that nobody signed: {', '.join(sorted(unlisted)[:3])}")
    return f"{len(listed)} entries, every byte as signed"


def _entry_digest(archive: zipfile.ZipFile, name: str) -> str:
    state = hashlib.sha256()
    try:
        with archive.open(name) as stream:
            while piece := stream.read(1 << 20):
                state.update(piece)
    except KeyError:
        raise CheckFailed("this entry is listed and missing", where=name) from None
    except _BROKEN as error:
        raise CheckFailed("this entry is corrupt", where=name) from error
    return state.hexdigest()


def _plan(progress: _Progress) -> str:
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


def _attempts(progress: _Progress) -> str:
    for run in progress.runs.values():
        run.read_attempts(progress.archive)
    count = progress.runs["run"].attempts
    return f"{count} attempts, each planned, none twice, outcomes follow from scores"


def _statement(progress: _Progress) -> str:
    """The step that holds what the statement says of run and verdicts against them."""
    predicate = _predicate(progress)
    manifest = progress.runs["run"].manifest
    said = (predicate.get("run_id"), predicate.get("manifest_digest"), predicate.get("demo"))
    if said != (manifest.run_id, manifest.digest, manifest.demo):
        raise CheckFailed("the signed statement is about another run")
    listed = predicate.get("verdicts")
    held = []
    for name in _verdict_names(progress.archive):
        verdict = _read_verdict(progress, name)
        if name != f"verdicts/{verdict.gate}.json":
            raise CheckFailed("this verdict stands under another gate's name", where=name)
        held.append({"gate": verdict.gate, "kind": verdict.kind.value, "digest": digest(verdict)})
    if not isinstance(listed, list) or digest(_by_gate(listed)) != digest(_by_gate(held)):
        raise CheckFailed("the signed statement names other verdicts than the pack holds")
    return f"about run {manifest.run_id}{_masked_files(progress, predicate)}"


def _masked_files(progress: _Progress, predicate: JsonObject) -> str:
    """What the statement says of masked files, held against what it signs. Earlier packs say nothing."""
    listed = predicate.get("masked_files", [])
    subjects = progress.statement["subject"]
    signed = {str(item["name"]): item["digest"] for item in subjects}  # type: ignore[union-attr, index, call-overload]
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


def _predicate(progress: _Progress) -> JsonObject:
    """The part of the statement that is about the run. Raises CheckFailed where there is none."""
    predicate = progress.statement.get("predicate")
    if not isinstance(predicate, dict):
        raise CheckFailed("the signed statement says nothing about the run")
    return predicate


def _chain(progress: _Progress) -> str:
    """The step that follows the run's predecessors as far as the pack carries them."""
    archive, manifest = progress.archive, progress.runs["run"].manifest
    for name in sorted(item for item in archive.namelist() if item.startswith("chain/")):
        try:
            found = RunManifest.model_validate_json(read_entry(archive, name))
        except ValidationError as error:
            raise CheckFailed("this manifest of the chain does not read", where=name) from error
        if name != f"chain/{found.run_id}.json":
            raise CheckFailed("this manifest stands under another run's name", where=name)
        progress.earlier.append(found)
    check_chain(manifest, progress.earlier)
    progress.earlier[:] = chain_for(manifest, progress.earlier)
    count = len(progress.earlier)
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
    return f"{linked}; {told(progress.ledger)}"


def _result(progress: _Progress) -> RunResult:
    """What came of the run, counted from the attempts in the pack."""
    run = progress.runs["run"]
    outcomes = run.raw().outcome
    answered = [draw for draw, outcome in outcomes.items() if outcome != "error"]
    opened = set(run.manifest.open_families)
    content = str(_predicate(progress).get("original_attempts_digest"))
    if run.manifest.purpose is RunPurpose.CERTIFICATION and answered:
        # While it was sealed, the ledger told nothing from which somebody could read how its answers fall.
        return RunResult(attempts_digest=content, recorded=None, answered=None, answered_sealed=None)
    return RunResult(
        attempts_digest=content,
        recorded=len(outcomes),
        answered=len(answered),
        answered_sealed=sum(run.cases[run.case_index[draw]].family not in opened for draw in answered),
    )


def _workspace(progress: _Progress) -> str:
    """The step that reads the packed workspace; files that do not read are told, not held against the
    pack."""
    progress.workspace = read_workspace(progress.archive)
    count = len(workspace_names(progress.archive))
    for name in progress.workspace.unreadable:
        progress.skipped.append(f"{name}: it is not a workspace file that reads")
    return f"{count} files" if count else "none in the pack"


def _rules(progress: _Progress) -> str:
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


def _evidence(progress: _Progress, decided: Decided) -> Evidence:
    """What verdicts are computed anew from: the runs, decisions, labels, and the day of signing."""
    earlier = progress.runs.get("baseline")
    baseline: RawRun | None = earlier.raw() if earlier else None
    created = progress.statement.get("predicate")
    text = str(created.get("created_at", "")) if isinstance(created, dict) else ""
    try:
        signed_on = datetime.fromisoformat(text).date()
    except ValueError as error:
        raise CheckFailed("the signed statement does not say when the pack was made") from error
    run = progress.runs["run"]
    rules = [rule for gate in run.manifest.gates for rule in gate.rules]
    labels = packed_labels(progress.archive, rules)
    return Evidence(
        run.manifest, run.raw(), baseline, progress.workspace.severities, decided, signed_on, labels
    )


def _verdict_names(archive: zipfile.ZipFile) -> list[str]:
    return sorted(name for name in archive.namelist() if name.startswith("verdicts/"))


def _read_verdict(progress: _Progress, name: str) -> Verdict:
    try:
        return Verdict.model_validate_json(read_entry(progress.archive, name))
    except ValidationError as error:
        raise CheckFailed("this verdict does not read", where=name) from error


def _verdict(progress: _Progress, name: str, evidence: Evidence) -> str:
    verdict = _read_verdict(progress, name)
    run = progress.runs["run"]
    recount = check_verdict(verdict, evidence, name)
    if progress.ledger is not None:
        told_cases = tuple(
            (case.family, "" if case.id in run.masked else sent_digest(case)) for case in run.cases
        )
        check_place(progress.ledger, run.manifest, verdict, told_cases)
    progress.skipped.extend(f"{verdict.gate}: {item}" for item in recount.skipped)
    return f"{verdict.kind.value}: {recount.recomputed} results recomputed and equal"
