"""Checking a pack without trusting who made it: signature, digests, chain, and every number anew."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import orjson
import zstandard
from pydantic import ValidationError

from safecase.evidence.archive import open_pack, read_entry
from safecase.evidence.chain import check_chain
from safecase.evidence.pack import PREDICATE_TYPE, STATEMENT, STATEMENT_TYPE
from safecase.evidence.recompute_population import RawRun
from safecase.evidence.signing import open_envelope
from safecase.evidence.verify_verdict import Evidence, check_verdict
from safecase.model.attempt import Attempt, combine_outcomes
from safecase.model.base import Frozen, JsonObject, digest, digest_bytes
from safecase.model.errors import CheckFailed
from safecase.model.gate import Verdict
from safecase.model.people import Decision
from safecase.model.run import RunManifest
from safecase.model.suite import Case
from safecase.model.vocabulary import OutcomeKind

_LARGEST_LINE = 256 * 1024 * 1024


class Check(Frozen):
    """One thing that was checked."""

    name: str
    ok: bool
    detail: str


class VerificationReport(Frozen):
    """What a verification found."""

    ok: bool
    checks: tuple[Check, ...]
    demo: bool = False
    signer: str = ""
    """Key id of the signer."""
    ephemeral_key: bool = False
    not_recomputed: tuple[str, ...] = ()
    """Rules whose numbers this code has no independent method for."""


class _Run:
    """A run read from a pack."""

    def __init__(self, archive: zipfile.ZipFile, prefix: str) -> None:
        try:
            self.manifest = RunManifest.model_validate_json(read_entry(archive, f"{prefix}/manifest.json"))
            lines = read_entry(archive, f"{prefix}/cases.jsonl").splitlines()
            self.cases = tuple(Case.model_validate_json(line) for line in lines)
            rows = list(csv.reader(io.StringIO(read_entry(archive, f"{prefix}/draws.csv").decode())))[1:]
            self.case_index = tuple(int(row[0]) for row in rows)
            self.repeat = tuple(int(row[1]) for row in rows)
            self.seeds = tuple(int(row[2]) for row in rows)
        except (ValidationError, ValueError, IndexError, UnicodeDecodeError, csv.Error) as error:
            raise CheckFailed(f"the pack's {prefix} does not read: {error}") from error
        self.prefix = prefix
        self.attempts = 0
        self.outcome: dict[int, str] = {}
        self.latency: dict[int, float] = {}
        self.cost: dict[int, float | None] = {}
        self.cached: dict[int, bool] = {}

    def read_attempts(self, archive: zipfile.ZipFile) -> None:
        """Read and check every attempt; raises CheckFailed at the first that does not belong."""
        last = -1
        for number, line in enumerate(_lines(archive, f"{self.prefix}/attempts.jsonl.zst"), start=1):
            place = f"{self.prefix}/attempts.jsonl.zst:{number}"
            try:
                attempt = Attempt.model_validate(orjson.loads(line))
            except (ValidationError, orjson.JSONDecodeError) as error:
                raise CheckFailed("this attempt does not read", where=place) from error
            if attempt.draw <= last:
                raise CheckFailed("this attempt stands twice or out of order", where=place)
            last = attempt.draw
            if attempt.draw >= len(self.case_index):
                raise CheckFailed("this attempt was not planned", where=place)
            case = self.cases[self.case_index[attempt.draw]]
            planned = (case.id, self.repeat[attempt.draw], case.digest)
            if (attempt.case_id, attempt.repeat, attempt.case_digest) != planned:
                raise CheckFailed("this attempt is of another case than was planned", where=place)
            self._check_outcome(attempt, place)
            self.outcome[attempt.draw] = attempt.outcome.value
            self.latency[attempt.draw] = attempt.latency_ms
            self.cost[attempt.draw] = attempt.usage.cost_usd
            self.cached[attempt.draw] = attempt.cached
            self.attempts += 1

    @staticmethod
    def _check_outcome(attempt: Attempt, place: str) -> None:
        if attempt.error is not None:
            if attempt.outcome is not OutcomeKind.ERROR and not attempt.scores:
                raise CheckFailed("an attempt with an error and no score claims an outcome", where=place)
            return
        if not attempt.scores:
            raise CheckFailed("this attempt has neither a score nor an error", where=place)
        if combine_outcomes([score.outcome for score in attempt.scores]) is not attempt.outcome:
            raise CheckFailed("this attempt's outcome does not follow from its scores", where=place)

    def raw(self) -> RawRun:
        """The run for recomputation."""
        uniform = self.manifest.settings.get("draw_order") == "uniform"
        by_digest = {digest(card): card for card in self.manifest.scorer_cards}
        return RawRun(
            cases=self.cases,
            case_index=self.case_index,
            repeat=self.repeat,
            outcome=self.outcome,
            latency_ms=self.latency,
            cost_usd=self.cost,
            cached=self.cached,
            seed=self.manifest.seed,
            uniform=uniform,
            cards=tuple(
                (item.name, by_digest[item.card_digest])
                for item in self.manifest.scorers
                if item.card_digest in by_digest
            ),
        )


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    try:
        with archive.open(name) as entry, zstandard.ZstdDecompressor().stream_reader(entry) as stream:
            rest = b""
            while chunk := stream.read(1 << 20):
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
                if len(rest) > _LARGEST_LINE:
                    raise CheckFailed("this entry holds a line that is too long to read", where=name)
            if rest:
                raise CheckFailed("this entry is cut short", where=name)
    except KeyError:
        raise CheckFailed(f"the pack lacks {name}") from None
    except (zstandard.ZstdError, zipfile.BadZipFile, OSError, EOFError) as error:
        raise CheckFailed("this entry of the pack is corrupt", where=name) from error


def verify_pack(path: Path, *, trusted_key: bytes | None = None) -> VerificationReport:
    """Check a pack. Needs no network and no workspace.

    Raises InputError where the file is no pack at all; everything else stands in the report.
    """
    checks: list[Check] = []
    skipped: list[str] = []
    facts: dict[str, object] = {}

    def step(name: str, work: Callable[[], str]) -> bool:
        try:
            checks.append(Check(name=name, ok=True, detail=work()))
        except CheckFailed as error:
            checks.append(Check(name=name, ok=False, detail=error.render()))
            return False
        return True

    try:
        with open_pack(path) as archive:
            _verify(archive, step, facts, skipped, trusted_key)
    except CheckFailed as error:
        checks.append(Check(name="archive", ok=False, detail=error.render()))
    except (zipfile.BadZipFile, OSError, EOFError, RecursionError) as error:
        checks.append(Check(name="archive", ok=False, detail=f"the pack is corrupt: {error}"))
    if skipped:
        detail = f"no independent method, so not checked: {', '.join(skipped)}"
        checks.append(Check(name="not recomputed", ok=True, detail=detail))
    return VerificationReport(
        ok=bool(checks) and all(item.ok for item in checks),
        checks=tuple(checks),
        demo=bool(facts.get("demo")),
        signer=str(facts.get("signer", "")),
        ephemeral_key=bool(facts.get("ephemeral")),
        not_recomputed=tuple(skipped),
    )


def _verify(
    archive: zipfile.ZipFile,
    step: Callable[[str, Callable[[], str]], bool],
    facts: dict[str, object],
    skipped: list[str],
    trusted_key: bytes | None,
) -> None:
    statement: JsonObject = {}

    def signature() -> str:
        payload, by = open_envelope(read_entry(archive, STATEMENT), trusted_key=trusted_key)
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
        statement.update(read)
        facts.update(signer=by.keyid, ephemeral=by.ephemeral)
        kind = "a key made for this pack (integrity, not origin)" if by.ephemeral else "a lasting key"
        return f"signed by {by.keyid}, {kind}"

    if not step("signature", signature) or not step("contents", lambda: _contents(archive, statement)):
        return
    runs: dict[str, _Run] = {}

    def plan() -> str:
        for prefix in ("run", "baseline"):
            if f"{prefix}/manifest.json" in archive.namelist():
                runs[prefix] = _Run(archive, prefix)
                _check_plan(runs[prefix])
        if "run" not in runs:
            raise CheckFailed("the pack lacks run/manifest.json")
        facts["demo"] = runs["run"].manifest.demo
        return f"{len(runs['run'].case_index)} draws as committed, {len(runs['run'].cases)} cases"

    def attempts() -> str:
        for run in runs.values():
            run.read_attempts(archive)
        return f"{runs['run'].attempts} attempts, each planned, none twice, outcomes follow from scores"

    if not step("plan", plan) or not step("attempts", attempts):
        return
    run = runs["run"]
    step("chain", lambda: _chain(archive, run.manifest))
    for name in sorted(archive.namelist()):
        if name.startswith("verdicts/"):
            check = partial(_verdict, archive, name, run, skipped)
            step(f"verdict {name.removeprefix('verdicts/')}", check)


def _contents(archive: zipfile.ZipFile, statement: JsonObject) -> str:
    subjects = statement.get("subject")
    if not isinstance(subjects, list):
        raise CheckFailed("the statement lists nothing")
    listed: set[str] = set()
    for item in subjects:
        if not isinstance(item, dict) or not isinstance(item.get("digest"), dict):
            raise CheckFailed("the statement lists something that is no entry")
        name, wanted = str(item.get("name")), item["digest"].get("sha256")  # type: ignore[union-attr]
        listed.add(name)
        state = hashlib.sha256()
        try:
            with archive.open(name) as stream:
                while piece := stream.read(1 << 20):
                    state.update(piece)
        except KeyError:
            raise CheckFailed("this entry is listed and missing", where=name) from None
        except (
            zipfile.BadZipFile,
            OSError,
            EOFError,
            ValueError,
            RuntimeError,
            NotImplementedError,
        ) as error:
            raise CheckFailed("this entry is corrupt", where=name) from error
        except Exception as error:  # zlib's own error type is not exported under one name
            raise CheckFailed("this entry is corrupt", where=name) from error
        if state.hexdigest() != wanted:
            raise CheckFailed("this entry was changed after the pack was signed", where=name)
    unlisted = set(archive.namelist()) - listed - {STATEMENT}
    if unlisted:
        raise CheckFailed(f"the pack holds entries that nobody signed: {', '.join(sorted(unlisted)[:3])}")
    return f"{len(listed)} entries, every byte as signed"


def _check_plan(run: _Run) -> None:
    manifest = run.manifest
    state = hashlib.sha256(b"safecase draw order 1\n")
    for case in run.cases:
        state.update(case.id.encode("utf-8", "surrogatepass") + b"\n")
    state.update(b"\n")
    state.update(b"".join(item.to_bytes(4, "little", signed=True) for item in run.case_index))
    state.update(b"".join(item.to_bytes(4, "little", signed=True) for item in run.repeat))
    state.update(b"".join(item.to_bytes(8, "little", signed=True) for item in run.seeds))
    if "sha256:" + state.hexdigest() != manifest.draw_order_digest:
        raise CheckFailed(
            "the draw order is not the one that the manifest committed to", where=f"{run.prefix}/draws.csv"
        )
    cases = digest_bytes("\n".join(case.digest for case in run.cases).encode())
    if digest({"cases": cases, "draw_order": manifest.draw_order_digest}) != manifest.plan_digest:
        raise CheckFailed(
            "the cases are not those that the manifest committed to", where=f"{run.prefix}/cases.jsonl"
        )
    if len(run.case_index) != manifest.planned:
        raise CheckFailed("the plan is not as long as the manifest says", where=f"{run.prefix}/draws.csv")


def _chain(archive: zipfile.ZipFile, manifest: RunManifest) -> str:
    predecessors = []
    current = manifest
    names = set(archive.namelist())
    while current.predecessor_run_id:
        name = f"chain/{current.predecessor_run_id}.json"
        if name not in names:
            break
        try:
            current = RunManifest.model_validate_json(read_entry(archive, name))
        except ValidationError as error:
            raise CheckFailed("this manifest of the chain does not read", where=name) from error
        predecessors.append(current)
        if len(predecessors) > len(names):
            raise CheckFailed("the chain of runs goes in a circle", where=name)
    count = check_chain(manifest, predecessors)
    return f"{count} earlier runs linked" if count else "no earlier run in the pack"


