"""Checking a pack without trusting who made it: signature, digests, chain, and every number anew."""

from __future__ import annotations

import zipfile
import zlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeAlias

import orjson
from pydantic import ValidationError

from safecase.base import CheckFailed, JsonObject, Record, SafecaseError, ZstdError, digest
from safecase.evidence._masking import MASKED_DECISIONS
from safecase.evidence._packed_workspace import PackedWorkspace, read_workspace, workspace_names
from safecase.evidence.chain import check_chain
from safecase.evidence.pack import PACKED_DIGEST, PREDICATE_TYPE, STATEMENT, STATEMENT_TYPE
from safecase.evidence.signing import MADE_FOR_ONE_PACK, open_envelope
from safecase.model import Case, Decision, RiskAcceptance, RunManifest, Verdict
from safecase_verify.checks.attempts import CLOCKS
from safecase_verify.checks.entries import check_entries
from safecase_verify.checks.labels import packed_labels
from safecase_verify.checks.rules import check_manifest, check_rules
from safecase_verify.checks.verdict import Evidence, check_verdict
from safecase_verify.reading.archive import content_digest, open_pack, packed_digest, read_entry
from safecase_verify.reading.keys import KnownKey
from safecase_verify.reading.raw_run import RawRun
from safecase_verify.reading.run import InOrder, Look, PackedRun, first_line

Scoring: TypeAlias = Callable[[RunManifest, Sequence[Case]], Look]
"""What scores the attempts of a run again, made for its manifest and cases. Raises CheckFailed."""
SCORED_AGAIN = "scored again"
"""Under this name a `Look` counts scores that came out as recorded; under any other, why one was not made."""
INTEGRITY_ONLY = "integrity only: anyone could have made this"
"""What is said of a pack for which nobody vouches."""
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
    detail: str


class VerificationReport(Record):
    """What a verification found."""

    ok: bool
    checks: tuple[VerificationStep, ...]
    demo: bool = False
    signer: str = ""
    """Key id of the signer."""
    trusted: str = ""
    """Name of the signer's key among those that the reader knows; empty: nobody vouches for it, so that the
    pack proves integrity only."""
    not_recomputed: tuple[str, ...] = ()
    """Results that this code has no independent method for, each with the reason."""


@dataclass
class Progress:
    """What a verification has established so far. Steps of a caller may read it, and add to ``skipped``."""

    archive: zipfile.ZipFile
    known: Sequence[KnownKey]
    require_trust: bool
    scoring: Scoring | None
    in_order: InOrder
    checks: list[VerificationStep]
    statement: JsonObject = field(default_factory=dict)
    runs: dict[str, PackedRun] = field(default_factory=dict)
    signer: str = ""
    trusted: str = ""
    accepted: list[RiskAcceptance] = field(default_factory=list)
    """Acceptances of the decision log."""
    skipped: list[str] = field(default_factory=list)
    workspace: PackedWorkspace = field(default_factory=PackedWorkspace)
    earlier: list[RunManifest] = field(default_factory=list)
    """The runs before this one that the pack holds, nearest first."""

    @property
    def made_at(self) -> datetime:
        """When the pack says that it was made."""
        return _made_at(self.statement)

    @property
    def state(self) -> tuple[int, str]:
        """Draws that the run skipped because its gates had no use for them, and how it ended."""
        predicate = _predicate(self)
        skipped, state = predicate.get("skipped"), predicate.get("run_state")
        if not isinstance(skipped, int) or state not in ("complete", "stopped", "failed", "running"):
            raise CheckFailed("the signed statement does not say how the run ended")
        return skipped, str(state)

    def step(self, name: str, work: Callable[[], str]) -> bool:
        """Do one check and note what came of it."""
        try:
            detail, ok = work(), True
        except SafecaseError as error:
            detail, ok = error.render(), False
        except _BROKEN as error:
            detail, ok = f"the pack is corrupt here: {first_line(error)}", False
        self.checks.append(VerificationStep(name=name[:120], ok=ok, detail=_harmless(detail)))
        return ok


def _harmless(text: str) -> str:
    """Words of a hostile pack, short and without characters that steer a terminal."""
    shown = text if len(text) <= _LONGEST_DETAIL else f"{text[:_LONGEST_DETAIL]}…"
    return "".join(letter if letter.isprintable() else f"\\u{ord(letter):04x}" for letter in shown)


def verify_pack(
    path: Path | str,
    *,
    known: Sequence[KnownKey] = (),
    require_trust: bool = False,
    scoring: Scoring | None = None,
    in_order: InOrder = map,
    further: Mapping[str, Callable[[Progress], str]] | None = None,
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
            for name, work in (further or {}).items():
                if all(item.ok for item in checks):
                    progress.step(name, lambda work=work: work(progress))  # type: ignore[misc]
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
        trusted=progress.trusted,
        not_recomputed=tuple(map(_harmless, progress.skipped)),
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
    accepted = progress.accepted
    if "decisions.jsonl" in progress.archive.namelist():
        progress.step("decisions", lambda: _decisions(progress, accepted))
    evidence = _evidence(progress, tuple(accepted))
    names = _verdict_names(progress.archive)
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
        made = _made_at(progress.statement)
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


def _made_at(statement: JsonObject) -> datetime:
    """When the pack says that it was made. Raises CheckFailed where it does not say so, or not with a
    zone."""
    predicate = statement.get("predicate")
    text = predicate.get("created_at", "") if isinstance(predicate, dict) else ""
    try:
        made = datetime.fromisoformat(str(text))
    except ValueError:
        made = None
    if made is None or made.tzinfo is None:
        raise CheckFailed("the signed statement does not say when the pack was made")
    return made


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
    detail = f"{len(run.case_index)} draws as committed and as the seed gives them, {len(run.cases)} cases"
    masked = len(run.masked) + (len(earlier.masked) if earlier else 0)
    if masked:
        progress.skipped.append(f"the text of {masked} cases from production: it is masked in the pack")
    return detail


def _attempts(progress: Progress) -> str:
    made_at = _made_at(progress.statement)
    told: Counter[str] = Counter()
    for prefix, run in progress.runs.items():
        look = progress.scoring(run.manifest, run.cases) if progress.scoring else None
        said = run.read_attempts(progress.archive, made_at, look=look, in_order=progress.in_order)
        told.update(said)
        run_word = "" if prefix == "run" else f"{prefix}: "
        progress.skipped += [
            f"{run_word}{count} score{'s' * (count != 1)} of {reason}"
            for reason, count in sorted(said.items())
            if reason != SCORED_AGAIN
        ]
    count = progress.runs["run"].attempts
    detail = f"{count} attempts, each planned, none twice, outcomes follow from scores"
    return f"{detail}; {told[SCORED_AGAIN]} scores made again from the transcripts" if told else detail


def _statement(progress: Progress) -> str:
    """The step that holds what the statement says of run and verdicts against them."""
    predicate = _predicate(progress)
    manifest = progress.runs["run"].manifest
    said = (predicate.get("run_id"), predicate.get("manifest_digest"), predicate.get("demo"))
    if said != (manifest.run_id, manifest.digest, manifest.demo):
        raise CheckFailed("the signed statement is about another run")
    if not manifest.created_at <= progress.made_at + CLOCKS or progress.made_at > datetime.now(UTC) + CLOCKS:
        raise CheckFailed("the pack was made before its run was planned, or is still to be made")
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


def _whole(progress: Progress) -> str:
    """The step that asks whether attempts are missing, by what the run was to do and by how it ended."""
    run = progress.runs["run"]
    planned, missing, gaps = len(run.made), run.made.count(0), run.missing()
    skipped, state = progress.state
    if state != "complete":
        text = f"the run is {state}: {missing} of {planned} planned attempts were not made"
        most = run.manifest.settings.limits.concurrency + run.manifest.settings.scorer_concurrency
        if gaps > most:
            raise CheckFailed(
                f"{text}, {gaps} of them before the last one: more than can have been under way"
            )
        progress.skipped.append(text)
        return text
    if missing != skipped:
        raise CheckFailed(
            f"{missing} of {planned} planned attempts are missing, and the run says that it skipped {skipped}"
        )
    if missing and run.manifest.settings.complete:
        first = run.made.index(0)
        case = run.cases[run.case_index[first]]
        raise CheckFailed(
            f"{missing} of {planned} attempts are missing from a run that was to make all of them, "
            f"the first at draw {first} (case {case.id[:80]})"
        )
    return f"{planned - missing} of {planned} planned attempts were made"


def _masked_files(progress: Progress, predicate: JsonObject) -> str:
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


def _predicate(progress: Progress) -> JsonObject:
    """The part of the statement that is about the run. Raises CheckFailed where there is none."""
    predicate = progress.statement.get("predicate")
    if not isinstance(predicate, dict):
        raise CheckFailed("the signed statement says nothing about the run")
    return predicate


def _chain(progress: Progress) -> str:
    """The step that follows the run's predecessors as far as the pack carries them."""
    archive, manifest = progress.archive, progress.runs["run"].manifest
    predecessors = progress.earlier
    current = manifest
    names = {name for name in archive.namelist() if name.startswith("chain/")}
    while current.predecessor_run_id:
        name = f"chain/{current.predecessor_run_id}.json"
        if name not in names:
            break
        names.remove(name)
        try:
            current = RunManifest.model_validate_json(read_entry(archive, name))
        except ValidationError as error:
            raise CheckFailed("this manifest of the chain does not read", where=name) from error
        predecessors.append(current)
    if names:
        raise CheckFailed("this manifest is no link of the run's chain", where=min(names))
    count = check_chain(manifest, predecessors)
    return f"{count} earlier runs linked" if count else "no earlier run in the pack"


def _workspace(progress: Progress) -> str:
    """The step that reads the packed workspace; files that do not read are told, not held against the
    pack."""
    progress.workspace = read_workspace(progress.archive)
    count = len(workspace_names(progress.archive))
    for name in progress.workspace.unreadable:
        progress.skipped.append(f"{name}: it is not a workspace file that reads")
    return f"{count} files" if count else "none in the pack"


def _rules(progress: Progress) -> str:
    """The step that holds the rules against the run's manifest, earlier runs and the workspace."""
    run = progress.runs["run"]
    check_manifest(run.manifest, run.cases, "run/manifest.json")
    verdicts = [_read_verdict(progress, name) for name in _verdict_names(progress.archive)]
    return check_rules(run.manifest, verdicts, progress.earlier, progress.workspace, progress.skipped)


def _decisions(progress: Progress, accepted: list[RiskAcceptance]) -> str:
    """Each entry of the decision log names the digest of the one before it."""
    previous = ""
    count = 0
    originals = _masked_decisions(progress)
    for number, line in enumerate(read_entry(progress.archive, "decisions.jsonl").splitlines(), start=1):
        place = f"decisions.jsonl:{number}"
        try:
            decision = Decision.model_validate_json(line)
        except ValidationError as error:
            raise CheckFailed("this decision does not read", where=place) from error
        if decision.previous_digest != previous:
            raise CheckFailed("the decision log's chain is broken here", where=place)
        previous = originals.pop(str(number), "") or digest(decision)
        accepted.extend(decision.accepted_risks)
        count += 1
    if originals:
        raise CheckFailed("this names decisions that the log does not hold", where=MASKED_DECISIONS)
    return f"{count} decisions, each linked to the one before"


def _masked_decisions(progress: Progress) -> dict[str, str]:
    """Line → digest of the decision as it was signed, where its text is masked in the pack."""
    if MASKED_DECISIONS not in progress.archive.namelist():
        return {}
    found = orjson.loads(read_entry(progress.archive, MASKED_DECISIONS))
    if not isinstance(found, dict) or not all(isinstance(item, str) and item for item in found.values()):
        raise CheckFailed("this does not read", where=MASKED_DECISIONS)
    progress.skipped.append(f"the text of {len(found)} decisions: it is masked in the pack")
    return dict(found)


def _evidence(progress: Progress, accepted: tuple[RiskAcceptance, ...]) -> Evidence:
    """What verdicts are computed anew from: records of the runs, acceptances, labels, and the day of
    signing."""
    earlier = progress.runs.get("baseline")
    baseline: RawRun | None = earlier.raw() if earlier else None
    signed_on = _made_at(progress.statement).date()
    run = progress.runs["run"]
    rules = [rule for gate in run.manifest.gates for rule in gate.rules]
    labels = packed_labels(progress.archive, rules)
    return Evidence(
        run.manifest, run.raw(), baseline, progress.workspace.severities, accepted, signed_on, labels
    )


def _verdict_names(archive: zipfile.ZipFile) -> list[str]:
    return sorted(name for name in archive.namelist() if name.startswith("verdicts/"))


def _read_verdict(progress: Progress, name: str) -> Verdict:
    try:
        return Verdict.model_validate_json(read_entry(progress.archive, name))
    except ValidationError as error:
        raise CheckFailed("this verdict does not read", where=name) from error


def _verdict(progress: Progress, name: str, evidence: Evidence) -> str:
    verdict = _read_verdict(progress, name)
    recount = check_verdict(verdict, evidence, name)
    progress.skipped.extend(f"{verdict.gate}: {item}" for item in recount.skipped)
    return f"{verdict.kind.value}: {recount.recomputed} results recomputed and equal"
