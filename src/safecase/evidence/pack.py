"""The evidence pack: one file with everything that is needed to check a verdict anew."""

from __future__ import annotations

import csv
import hashlib
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from pathlib import Path

import orjson

from safecase.base import VERSION, FrameWriter, JsonObject, JsonValue, digest
from safecase.engine import RunFolder, case_line, comparison
from safecase.evidence._masking import mask_files
from safecase.evidence._pack_writer import PackWriter
from safecase.evidence._parallel import in_order
from safecase.evidence.redaction import Redactor
from safecase.evidence.signing import SigningKey, render_envelope, sign_statement
from safecase.model import RunManifest, Verdict
from safecase_verify.reading.keys import key_id

STATEMENT = "statement.dsse.json"
MASKED_CASES = "masked_cases.json"
"""Case id → digest of the case as it was run, for cases whose text is masked in the pack."""
PACKED_DIGEST = "packed_sha256"
"""Annotation of a subject: digest of its bytes as they stand in the pack, compressed."""
PREDICATE_TYPE = "urn:safecase:evidence-pack:2"
STATEMENT_TYPE = "https://in-toto.io/Statement/v1"
_README = """This is a safecase evidence pack.

run/manifest.json       what was planned, written before the first call
run/cases.jsonl         what was tried
run/draws.csv           in which order
run/attempts.jsonl.zst  what happened, one attempt a line, personal data and secrets masked
run/masked_cases.json   digests of cases from production, whose text is masked here (where there are any)
baseline/               the earlier run that a regression rule compares with (where there is one)
chain/                  manifests of the runs before, each named by its successor
verdicts/               what the tool recommended, rule by rule
report.html             the same for people
results.sarif           the same for code scanning
junit.xml               the same for a build server
decisions.jsonl         who decided what, each entry naming the digest of the one before (where there is one)
masked_decisions.json   digests of decisions as signed, whose text is masked here (where there are any)
workspace/              the risks, suites and gates as they stood; people's names and addresses masked
labels/                 what people said of a sample of the attempts (where a rule asks for it)
statement.dsse.json     digests of all of this, signed (DSSE, in-toto statement, Ed25519)

Check it, without trusting who made it:  pip install safecase && safecase verify --trust KEYS THIS-FILE
The check runs every scorer again that needs no model, computes every estimate, decision and verdict anew, and
makes the report anew. Without KEYS, a file of the keys that you know, it proves that the pack is whole and
agrees with itself, and nothing about who made it.
"""
_DEMO_NOTICE = """
DEMO: the target was the demo that ships with safecase. Nothing here is evidence about any model.
"""


@dataclass(frozen=True)
class PackSummary:
    """What went into a pack."""

    path: Path
    entries: int
    redactions: dict[str, int]
    ephemeral_key: bool
    key_id: str


_PIECE = 400
"""Attempts that a process masks at a time: some tens of milliseconds of work."""


def readme(*, demo: bool) -> bytes:
    """The text for whoever opens a pack."""
    return (_README + (_DEMO_NOTICE if demo else "")).encode()


class _Digests:
    """Adds entries to a pack and remembers their digests."""

    def __init__(self, writer: PackWriter) -> None:
        self.writer = writer
        self.subjects: list[JsonObject] = []

    def add(self, name: str, data: bytes) -> None:
        packed = self.writer.add(name, data)
        self._list(name, hashlib.sha256(data).hexdigest(), packed)

    def add_compressed(self, name: str, pieces: Iterator[bytes]) -> None:
        """Add an entry whose pieces are compressed already."""
        packed = self.writer.add_pieces(name, pieces, compressed=True)
        self._list(name, packed, packed)

    def _list(self, name: str, content: str, packed: str) -> None:
        """Other deflated bytes can unpack to the same content, so they have a digest of their own."""
        self.subjects.append(
            {"name": name, "digest": {"sha256": content}, "annotations": {PACKED_DIGEST: packed}}
        )


def build_pack(
    *,
    run: RunFolder,
    verdicts: Sequence[Verdict],
    files: Mapping[str, bytes],
    render: Callable[[Mapping[str, bytes]], Mapping[str, bytes]] = lambda files: {},
    key: SigningKey,
    destination: Path,
    baseline: RunFolder | None = None,
    chain: Sequence[RunManifest] = (),
    created_at: datetime,
) -> PackSummary:
    """Write a signed pack in one step.

    ``render``: the report and its like, made from the files as the pack holds them, so that whoever has the
    pack can make them again. Raises InfrastructureError where the disk does not take it, CheckFailed where
    the run's columns are not what its records say.
    """
    redactor = Redactor()
    with PackWriter(destination) as writer:
        digests = _Digests(writer)
        _add_run(digests, "run", run, redactor)
        if baseline is not None:
            _add_run(digests, "baseline", baseline, redactor)
        for verdict in verdicts:
            digests.add(
                f"verdicts/{verdict.gate}.json", verdict.model_dump_json(indent=2, by_alias=True).encode()
            )
        for manifest in chain:
            digests.add(f"chain/{manifest.run_id}.json", _manifest(manifest))
        carried, masked_files = mask_files(files, redactor)
        for name, data in sorted({**carried, **render(carried)}.items()):
            digests.add(name, data)
        digests.add("README.txt", readme(demo=run.manifest.demo))
        predicate: JsonObject = {
            "created_at": created_at.isoformat(),
            "run_id": run.manifest.run_id,
            "manifest_digest": run.manifest.digest,
            "verdicts": [
                {"gate": verdict.gate, "kind": verdict.kind.value, "digest": digest(verdict)}
                for verdict in verdicts
            ],
            "redactions": dict(redactor.counts),
            "masked_files": list[JsonValue](masked_files),
            "original_attempts_digest": run.status.attempts_digest,
            "run_state": run.status.state.value,
            "skipped": run.status.skipped,
            "demo": run.manifest.demo,
            "packed_by": VERSION,
        }
        statement: JsonObject = {
            "_type": STATEMENT_TYPE,
            "subject": list(digests.subjects),
            "predicateType": PREDICATE_TYPE,
            "predicate": predicate,
        }
        envelope = sign_statement(statement, key)
        writer.add(STATEMENT, render_envelope(envelope), compressed=True)
    return PackSummary(
        path=destination,
        entries=len(digests.subjects) + 1,
        redactions=dict(redactor.counts),
        ephemeral_key=key.ephemeral,
        key_id=key_id(key.public_bytes),
    )


def _manifest(manifest: RunManifest) -> bytes:
    return manifest.model_dump_json(indent=2, by_alias=True).encode()


def _add_run(digests: _Digests, prefix: str, run: RunFolder, redactor: Redactor) -> None:
    digests.add(f"{prefix}/manifest.json", _manifest(run.manifest))
    cases = run.cases()
    masked_cases = [redactor.redact_case(case) for case in cases]
    digests.add(f"{prefix}/cases.jsonl", b"".join(case_line(case) + b"\n" for case in masked_cases))
    originals = {
        case.id: case.digest
        for case, masked in zip(cases, masked_cases, strict=True)
        if masked.digest != case.digest
    }
    if originals:
        digests.add(f"{prefix}/{MASKED_CASES}", orjson.dumps(originals, option=orjson.OPT_SORT_KEYS))
    plan = run.plan
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(["case_index", "repeat", "seed"])
    writer.writerows(zip(plan.case_index.tolist(), plan.repeat.tolist(), plan.seed.tolist(), strict=True))
    digests.add(f"{prefix}/draws.csv", table.getvalue().encode())
    digests.add_compressed(f"{prefix}/attempts.jsonl.zst", _masked_attempts(run, redactor))


def _masked_attempts(run: RunFolder, redactor: Redactor) -> Iterator[bytes]:
    """The attempts of a run with what is personal masked, compressed piece by piece, without a second copy.

    Raises CheckFailed where the columns that the gate computed on are not what the records say.
    """
    work = _masking(run, comparison(run.columns()))
    buffer = io.BytesIO()
    with FrameWriter(buffer) as frame:
        records = enumerate(run.records())
        pieces = iter(lambda: list(islice(records, _PIECE)), [])
        for masked, counts in in_order(work, pieces):
            redactor.counts.update(counts)
            frame.write(masked)
            if buffer.tell():
                yield buffer.getvalue()
                buffer.seek(0)
                buffer.truncate()
    yield buffer.getvalue()


def _masking(
    run: RunFolder, compare: Callable[[int, bytes], int]
) -> Callable[[list[tuple[int, bytes]]], tuple[bytes, Counter[str]]]:
    """The work on a piece: records with their positions, to masked lines and what was masked in them."""
    plan, cases, redactor = run.plan, run.cases(), Redactor()

    def work(piece: list[tuple[int, bytes]]) -> tuple[bytes, Counter[str]]:
        redactor.counts.clear()
        lines = []
        for position, record in piece:
            draw = compare(position, record)
            lines.append(redactor.redact_record(record, cases[plan.case_index[draw]]))
        return b"\n".join(lines) + b"\n", Counter(redactor.counts)

    return work
