"""Evidence packs: made, opened, changed and signed anew."""

from __future__ import annotations

import base64
import hashlib
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import orjson
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from safecase.base import digest
from safecase.engine import RunFolder
from safecase.evidence import build_pack
from safecase.evidence._pack_writer import PackWriter
from safecase.evidence.signing import SigningKey, render_envelope, sign_statement
from safecase.model import Verdict
from safecase_verify import VerificationReport
from support.moments import MOMENT
from support.risks import RISKS
from support.verdicts import judge


def key(number: int = 1, *, ephemeral: bool = False) -> SigningKey:
    """A fixed key, so that packs are the same in every test run."""
    seed = hashlib.sha256(f"test key {number}".encode()).digest()
    return SigningKey(Ed25519PrivateKey.from_private_bytes(seed), ephemeral=ephemeral)


def pack(run: RunFolder, destination: Path, verdicts: Sequence[Verdict] | None = None, **fields: Any) -> Path:
    """A signed pack of a run with the verdicts of its gates."""
    baseline = fields.get("baseline")
    declared = [item.model_dump(mode="json") for item in RISKS]
    values: dict[str, Any] = {
        "run": run,
        "verdicts": judge(run, baseline=baseline) if verdicts is None else verdicts,
        "files": {"report.html": b"<p>report</p>", "workspace/risks.yaml": orjson.dumps({"risks": declared})},
        "key": key(),
        "destination": destination,
        "created_at": MOMENT,
        **fields,
    }
    return build_pack(**values).path


def entries_of(path: Path) -> dict[str, bytes]:
    """What a pack holds, in its order."""
    with zipfile.ZipFile(path) as archive:
        return {item.filename: archive.read(item) for item in archive.infolist()}


def open_statement(path: Path) -> dict[str, Any]:
    """What the signed statement of a pack says."""
    with zipfile.ZipFile(path) as archive:
        payload = orjson.loads(archive.read("statement.dsse.json"))["payload"]
    found: dict[str, Any] = orjson.loads(base64.b64decode(payload))
    return found


def edit(work: Callable[[dict[str, Any]], None]) -> Callable[[bytes], bytes]:
    """A change for `repack`: a JSON entry of the pack, worked upon."""

    def change(data: bytes) -> bytes:
        value = orjson.loads(data)
        work(value)
        return orjson.dumps(value)

    return change


def repack(source: Path, destination: Path, change: Mapping[str, Any]) -> Path:
    """A pack with entries changed by ``change`` (name -> bytes -> bytes) and signed anew by another key."""
    with zipfile.ZipFile(source) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    envelope = orjson.loads(entries.pop("statement.dsse.json"))
    statement = orjson.loads(base64.b64decode(envelope["payload"]))
    for name, work in change.items():
        if name != "statement":
            entries[name] = work(entries[name])
    statement["subject"] = [
        {"name": name, "digest": {"sha256": hashlib.sha256(data).hexdigest()}}
        for name, data in entries.items()
    ]
    for item in statement["predicate"]["verdicts"]:
        verdict = Verdict.model_validate_json(entries[f"verdicts/{item['gate']}.json"])
        item.update(kind=verdict.kind.value, digest=digest(verdict))
    if "statement" in change:
        statement = change["statement"](statement)
    entries["statement.dsse.json"] = render_envelope(sign_statement(statement, key(2)))
    return write_entries(destination, entries.items())


def write_entries(destination: Path, entries: Iterable[tuple[str, bytes]]) -> Path:
    """A well-formed pack file of any entries, stored and deflated as packs have them."""
    with PackWriter(destination) as writer:
        for name, data in entries:
            writer.add(name, data, compressed=name.endswith((".zst", ".dsse.json")))
    return destination


def failed(report: VerificationReport) -> str:
    """What a verification objects to, in one string."""
    return "; ".join(f"{item.name}: {item.detail}" for item in report.checks if not item.ok)
