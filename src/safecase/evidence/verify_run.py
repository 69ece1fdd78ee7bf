"""A run as a pack holds it: the plan held against what was committed, each attempt against the plan."""

from __future__ import annotations

import csv
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator

import orjson
import zstandard
from pydantic import ValidationError

from safecase.evidence.archive import read_entry
from safecase.evidence.pack import MASKED_CASES
from safecase.evidence.recompute_population import RawRun
from safecase.model.attempt import Attempt, combine_outcomes
from safecase.model.base import digest, digest_bytes
from safecase.model.errors import CheckFailed
from safecase.model.run import RunManifest
from safecase.model.suite import Case
from safecase.model.vocabulary import OutcomeKind

_LARGEST_LINE = 64 * 1024 * 1024
_INT32 = 2**31


class PackedRun:
    """A run of a pack. Raises CheckFailed where it does not read or is not what was committed."""

    def __init__(self, archive: zipfile.ZipFile, prefix: str) -> None:
        self.prefix = prefix
        try:
            self.manifest = RunManifest.model_validate_json(read_entry(archive, f"{prefix}/manifest.json"))
            lines = read_entry(archive, f"{prefix}/cases.jsonl").split(b"\n")
            self.cases = tuple(Case.model_validate_json(line) for line in lines if line)
            text = read_entry(archive, f"{prefix}/draws.csv").decode("ascii")
            rows = [tuple(map(int, row)) for row in list(csv.reader(io.StringIO(text)))[1:]]
            self.case_index, self.repeat, self.seeds = zip(*rows, strict=True)
            self.masked: dict[str, str] = {}
            if f"{prefix}/{MASKED_CASES}" in archive.namelist():
                masked = orjson.loads(read_entry(archive, f"{prefix}/{MASKED_CASES}"))
                self.masked = {str(name): str(value) for name, value in masked.items()}
        except (ValidationError, ValueError, AttributeError, csv.Error) as error:
            raise CheckFailed(
                f"this run does not read: {str(error).splitlines()[0][:200]}", where=prefix
            ) from error
        self.digests = tuple(self.masked.get(case.id, case.digest) for case in self.cases)
        self.outcome: dict[int, str] = {}
        self._latency: dict[int, float] = {}
        self._cost: dict[int, float | None] = {}
        self._cached: dict[int, bool] = {}

    @property
    def attempts(self) -> int:
        """Attempts read."""
        return len(self.outcome)

    def check_plan(self) -> None:
        """Hold cases and draw order against the manifest's digests."""
        manifest, place = self.manifest, f"{self.prefix}/draws.csv"
        wanted = ((self.case_index, len(self.cases)), (self.repeat, _INT32), (self.seeds, _INT32))
        if any(not 0 <= value < limit for column, limit in wanted for value in column):
            raise CheckFailed("the draw order names a case, repeat or seed that cannot be", where=place)
        state = hashlib.sha256(b"safecase draw order 1\n")
        for case in self.cases:
            state.update(case.id.encode("utf-8", "surrogatepass") + b"\n")
        state.update(b"\n")
        for column, width in ((self.case_index, 4), (self.repeat, 4), (self.seeds, 8)):
            state.update(b"".join(value.to_bytes(width, "little") for value in column))
        if "sha256:" + state.hexdigest() != manifest.draw_order_digest:
            raise CheckFailed("the draw order is not the one that the manifest committed to", where=place)
        cases = digest_bytes("\n".join(self.digests).encode())
        if digest({"cases": cases, "draw_order": manifest.draw_order_digest}) != manifest.plan_digest:
            raise CheckFailed(
                "the cases are not those that the manifest committed to", where=f"{self.prefix}/cases.jsonl"
            )
        if len(self.case_index) != manifest.planned:
            raise CheckFailed("the plan is not as long as the manifest says", where=place)

    def read_attempts(self, archive: zipfile.ZipFile) -> None:
        """Read and check every attempt, one at a time."""
        name = f"{self.prefix}/attempts.jsonl.zst"
        last = -1
        for number, line in enumerate(_lines(archive, name), start=1):
            place = f"{name}:{number}"
            try:
                attempt = Attempt.model_validate_json(line)
            except ValidationError as error:
                raise CheckFailed("this attempt does not read", where=place) from error
            if attempt.draw <= last:
                raise CheckFailed("this attempt stands twice or out of order", where=place)
            last = attempt.draw
            self._check_attempt(attempt, place)
            self.outcome[attempt.draw] = attempt.outcome.value
            self._latency[attempt.draw] = attempt.latency_ms
            self._cost[attempt.draw] = attempt.usage.cost_usd
            self._cached[attempt.draw] = attempt.cached

    def _check_attempt(self, attempt: Attempt, place: str) -> None:
        draw = attempt.draw
        if draw >= len(self.case_index):
            raise CheckFailed("this attempt was not planned", where=place)
        index = self.case_index[draw]
        planned = (self.cases[index].id, self.repeat[draw], self.seeds[draw], self.digests[index])
        if (attempt.case_id, attempt.repeat, attempt.seed, attempt.case_digest) != planned:
            raise CheckFailed("this attempt is of another case than was planned", where=place)
        if attempt.scores:
            follows = combine_outcomes([score.outcome for score in attempt.scores])
        elif attempt.error is not None:
            follows = OutcomeKind.ERROR
        else:
            raise CheckFailed("this attempt has neither a score nor an error", where=place)
        if follows is not attempt.outcome:
            raise CheckFailed("this attempt's outcome does not follow from its scores", where=place)

    def raw(self) -> RawRun:
        """The run for recomputation."""
        by_digest = {digest(card): card for card in self.manifest.scorer_cards}
        return RawRun(
            cases=self.cases,
            case_index=self.case_index,
            repeat=self.repeat,
            outcome=self.outcome,
            latency_ms=self._latency,
            cost_usd=self._cost,
            cached=self._cached,
            seed=self.manifest.seed,
            uniform=self.manifest.settings.get("draw_order") == "uniform",
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
    except (zstandard.ZstdError, zlib.error, zipfile.BadZipFile, OSError, EOFError) as error:
        raise CheckFailed("this entry of the pack is corrupt", where=name) from error
