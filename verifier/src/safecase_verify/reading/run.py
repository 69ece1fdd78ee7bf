"""A run as a pack holds it: the plan held against what was committed, each attempt against the plan."""

from __future__ import annotations

import hashlib
import math
import re
import sys
import zipfile
from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeAlias

from safecase_verify.checks.attempts import check_error, check_script, check_time
from safecase_verify.checks.draw_order import check_draw_order
from safecase_verify.checks.nonce import check_seed
from safecase_verify.errors import CheckFailed
from safecase_verify.reading._fields import read_record
from safecase_verify.reading.archive import BROKEN_BYTES, count_parts, read_entry
from safecase_verify.reading.canonical import canonical_json, digest, digest_bytes, read_json
from safecase_verify.reading.frames import ZstdError, unpacked_pieces
from safecase_verify.reading.raw_run import OUTCOMES, DrawColumn, RawRun
from safecase_verify.reading.records import Case, RunManifest, read_manifest

MASKED_CASES = "masked_cases.json"
"""Case id → digest of the case as it was run, for cases whose text is masked in the pack."""
ATTEMPT_FIELDS = frozenset(
    {
        "draw", "case_id", "case_digest", "repeat", "seed", "outcome", "scores", "error", "transcript",
        "started_at", "latency_ms", "usage", "cached",
    }
)  # fmt: skip
_CODES = {name: code for code, name in enumerate(OUTCOMES) if code}
_SHOWN_DIGITS = 16
"""Hex digits of a case's digest that the ledger keeps."""
_LARGEST_LINE = 64 * 1024 * 1024
"""As long as a line of a data set may be (`workspace._datasets`)."""
_MOST_CASE_BYTES = 512 * 1024 * 1024
"""Cases are held in memory all at once; attempts are not."""
_FREE_BYTES = 1024**3
"""Attempts may unpack to this much whatever their packed size."""
_MOST_SWELLING = 1_000
"""Attempts may unpack to so many times their size, beyond what is free."""
_INT32 = 2**31
"""Indices and repeats are kept in arrays of 32 bits, and seeds are drawn below this."""
_MOST_DRAWS = 50_000_000
"""At 16 bytes a draw, 0.8 GB: more than a run has, and what memory can hold."""
_FREE_CASES, _LEAST_CASE = 10_000, 24
"""Cases are objects of some kilobytes each, so that their number is bounded by the bytes that they are
packed in: one whose words are its own takes hundreds. So many are free."""
_MOST_PARTS = 300_000
"""Fields, lists and objects of one case or attempt; a conversation of a thousand turns has 20,000."""
_FREE_DRAWS, _LEAST_DRAW = 100_000, 2
"""A draw has a seed of 31 random bits, which nothing packs into fewer than four bytes."""
_LONGEST_DRAW = 64
"""Bytes of a line that are read: three numbers of ten digits with their commas have 33."""
_PIECE_LINES, _PIECE_BYTES = 200, 4 * 1024 * 1024
"""Attempts that are worked on at a time."""
_DRAW = re.compile(rb"([0-9]{1,10}),([0-9]{1,10}),([0-9]{1,10})\n")


Look: TypeAlias = Callable[[bytes, int], Counter[str]]
"""(an attempt's line, index of its case) → what is to be told of it, counted. Raises CheckFailed."""
Row: TypeAlias = tuple[int, str, float, float | None, bool]
"""Draw, outcome, milliseconds, cost, cached."""
InOrder: TypeAlias = Callable[..., Iterable[Any]]


class _Reading:
    """The work on a piece of the attempts: lines with the number of the first, to rows and what is told."""

    def __init__(self, run: PackedRun, name: str, made_at: datetime, look: Look | None) -> None:
        self._run, self._name, self._made_at, self._look = run, name, made_at, look

    def __call__(self, piece: tuple[int, list[bytes]]) -> tuple[list[Row], Counter[str]]:
        first, lines = piece
        rows: list[Row] = []
        told: Counter[str] = Counter()
        for number, line in enumerate(lines, start=first):
            try:
                if count_parts(line) > _MOST_PARTS:
                    raise CheckFailed("this attempt has more parts than attempts have")
                row = self._run.check_attempt(read_json(line), self._made_at)
                if self._look is not None:
                    told.update(self._look(line, self._run.case_index[row[0]]))
            except (ValueError, TypeError, LookupError, AttributeError, RecursionError) as error:
                raise CheckFailed("this attempt does not read", where=f"{self._name}:{number}") from error
            except CheckFailed as error:
                raise CheckFailed(error.message, where=f"{self._name}:{number}") from error
            rows.append(row)
        return rows, told


def packed_attempts(archive: zipfile.ZipFile, prefix: str) -> Iterator[bytes]:
    """The attempts of a run as a pack has them, one a line. Raises CheckFailed where they do not read."""
    return _lines(archive, f"{prefix}/attempts.jsonl.zst")


def _pieces(lines: Iterable[bytes]) -> Iterator[tuple[int, list[bytes]]]:
    """Lines in pieces, each with the number of its first; a piece has few lines, or few bytes."""
    piece: list[bytes] = []
    first, size = 1, 0
    for line in lines:
        piece.append(line)
        size += len(line)
        if len(piece) >= _PIECE_LINES or size >= _PIECE_BYTES:
            yield first, piece
            first, piece, size = first + len(piece), [], 0
    if piece:
        yield first, piece


class PackedRun:
    """A run of a pack. Raises CheckFailed where it does not read or is not what was committed."""

    def __init__(self, archive: zipfile.ZipFile, prefix: str) -> None:
        self.prefix = prefix
        place = f"{prefix}/manifest.json"
        try:
            self.manifest = read_manifest(read_json(read_entry(archive, place)), place)
        except ValueError as error:
            raise CheckFailed(f"this does not read: {first_line(error)}", where=place) from error
        self.masked = _masked(archive, prefix)
        self.nonce = ""
        """Who gave the number that the order follows from, in words; `check_plan` finds it out."""
        self.sent: list[str] = []
        """`sent_digest` of each case; empty where its text is masked."""
        cases, digests = [], []
        self._scripts: list[list[tuple[str, Any]]] = []
        place = f"{prefix}/cases.jsonl"
        _count_cases(archive, place, self.manifest)
        for number, line in enumerate(_case_lines(archive, place), start=1):
            try:
                raw = read_json(line)
                case = read_record(Case, raw, f"{place}:{number}")
                self._scripts.append([(item["role"], item["content"]) for item in raw["messages"]])
                digests.append(self.masked.get(case.id) or digest(raw))
                self.sent.append("" if case.id in self.masked else sent_digest(raw))
            except (ValueError, TypeError, LookupError) as error:
                raise CheckFailed(
                    f"this does not read: {first_line(error)}", where=f"{place}:{number}"
                ) from error
            cases.append(case)
        self.cases, self.digests = tuple(cases), tuple(digests)
        self._check_masked()
        self.case_index, self.repeat, self.seeds = _draws(archive, prefix, self.manifest.planned)
        self._outcome: dict[int, str] = {}
        self._latency = array("d", bytes(8 * len(self.case_index)))
        self._cost = array("d", bytes(8 * len(self.case_index)))
        self._unpriced = bytearray(len(self.case_index))
        self._cached = bytearray(len(self.case_index))
        self._made = bytearray(len(self.case_index))

    @property
    def attempts(self) -> int:
        """Attempts read."""
        return len(self._outcome)

    def _check_masked(self) -> None:
        """Only what comes from production is masked: any other case stands in the pack as it was run."""
        sources = {case.id: case.source for case in self.cases}
        for name in self.masked:
            if sources.get(name) != "production":
                raise CheckFailed(
                    f"the case {name[:80]} is said to be masked, and does not come from production",
                    where=f"{self.prefix}/{MASKED_CASES}",
                )

    def check_plan(self) -> None:
        """Hold cases and draw order against the manifest's digests, and the order against its seed."""
        manifest, place = self.manifest, f"{self.prefix}/draws.csv"
        if len({case.id for case in self.cases}) != len(self.cases):
            raise CheckFailed("a case stands twice", where=f"{self.prefix}/cases.jsonl")
        if max(self.case_index) >= len(self.cases):
            raise CheckFailed("the draw order names a case that cannot be", where=place)
        state = hashlib.sha256(b"safecase draw order 1\n")
        for case in self.cases:
            state.update(case.id.encode("utf-8", "surrogatepass") + b"\n")
        state.update(b"\n")
        for column in (self.case_index, self.repeat, self.seeds):
            state.update(_little_endian(column))
        if "sha256:" + state.hexdigest() != manifest.draw_order_digest:
            raise CheckFailed("the draw order is not the one that the manifest committed to", where=place)
        cases = digest_bytes("\n".join(self.digests).encode())
        if cases != manifest.cases_digest:
            raise CheckFailed(
                "the cases are not those that were fixed before the order", where=f"{self.prefix}/cases.jsonl"
            )
        if digest({"cases": cases, "draw_order": manifest.draw_order_digest}) != manifest.plan_digest:
            raise CheckFailed(
                "the cases are not those that the manifest committed to", where=f"{self.prefix}/cases.jsonl"
            )
        check_draw_order(
            self.cases,
            self.case_index,
            self.repeat,
            self.seeds,
            seed=manifest.seed,
            repeats=manifest.repeats,
            order=self.order,
            one_per_family=manifest.one_per_family,
            place=place,
        )
        self.nonce = check_seed(manifest, f"{self.prefix}/manifest.json")

    @property
    def order(self) -> str:
        """The name of the draw order."""
        return self.manifest.draw_order

    def read_attempts(
        self,
        archive: zipfile.ZipFile,
        made_at: datetime,
        *,
        look: Look | None = None,
        in_order: InOrder = map,
    ) -> Counter[str]:
        """Read and check every attempt, piece by piece; what ``look`` says of them, counted.

        ``made_at``: when the pack was made. ``in_order``: does the work on the pieces, like `map`.
        """
        name = f"{self.prefix}/attempts.jsonl.zst"
        work = _Reading(self, name, made_at, look)
        said: Counter[str] = Counter()
        last = -1
        for rows, told in in_order(work, _pieces(_lines(archive, name))):
            for draw, outcome, latency, cost, cached in rows:
                if draw <= last:
                    place = f"{name}:{self.attempts + 1}"
                    raise CheckFailed("this attempt stands twice or out of order", where=place)
                last = draw
                code = _CODES[outcome]
                # The very words of the table, so that a million of them take no room.
                self._outcome[draw] = OUTCOMES[code]
                self._made[draw] = code
                self._latency[draw] = latency
                self._cost[draw] = cost or 0.0
                self._unpriced[draw] = cost is None
                self._cached[draw] = cached
            said.update(told)
        return said

    def missing(self) -> int:
        """Planned draws without an attempt in front of the last attempt."""
        return self._made.rstrip(b"\0").count(0)

    @property
    def made(self) -> bytearray:
        """One byte a planned draw: 0 where none was made, else the place of its outcome in `OUTCOMES`."""
        return self._made

    def check_attempt(self, attempt: dict[str, Any], made_at: datetime) -> Row:
        """Hold one attempt against the plan, its case and the times; what is computed on.

        Raises CheckFailed, without the place; ValueError, TypeError or LookupError where it does not read.
        """
        draw, outcome, cost = attempt["draw"], attempt["outcome"], attempt["usage"]["cost_usd"]
        latency, cached = attempt["latency_ms"], attempt["cached"]
        if (
            attempt.keys() != ATTEMPT_FIELDS
            or type(draw) is not int
            or type(cached) is not bool
            or outcome not in _CODES
            or not (cost is None or (type(cost) in (int, float) and math.isfinite(cost)))
            or type(latency) not in (int, float)
        ):
            raise ValueError("a field is not what it must be")
        if not 0 <= draw < len(self.case_index):
            raise CheckFailed("this attempt was not planned")
        index = self.case_index[draw]
        planned = (self.cases[index].id, self.repeat[draw], self.seeds[draw], self.digests[index])
        if (attempt["case_id"], attempt["repeat"], attempt["seed"], attempt["case_digest"]) != planned:
            raise CheckFailed("this attempt is of another case than was planned")
        check_time(datetime.fromisoformat(attempt["started_at"]), self.manifest.created_at, made_at)
        outcomes = [score["outcome"] for score in attempt["scores"]]
        check_error(outcomes, attempt["error"] is not None)
        if (_combined(outcomes) if outcomes else "error") != outcome:
            raise CheckFailed("this attempt's outcome does not follow from its scores")
        if not (math.isfinite(latency) and latency >= 0):
            raise CheckFailed("this attempt took a time that cannot be")
        said = [(message["role"], message["content"]) for message in attempt["transcript"]["messages"]]
        check_script(self._scripts[index], said)
        return draw, outcome, latency, cost, cached

    def _price(self, draw: int) -> float | None:
        """What a draw cost; None where the price is not known, which is not nothing."""
        return None if self._unpriced[draw] else self._cost[draw]

    def _is_cached(self, draw: int) -> bool:
        return bool(self._cached[draw])

    def raw(self) -> RawRun:
        """The run for recomputation."""
        by_digest = {
            digest(raw): card
            for raw, card in zip(self.manifest.raw["scorer_cards"], self.manifest.scorer_cards, strict=True)
        }
        return RawRun(
            cases=self.cases,
            case_index=self.case_index,
            repeat=self.repeat,
            outcome=self._outcome,
            latency_ms=DrawColumn(self._made, self._latency.__getitem__),
            cost_usd=DrawColumn(self._made, self._price),
            cached=DrawColumn(self._made, self._is_cached),
            seed=self.manifest.seed,
            uniform=self.order == "uniform",
            open_families=frozenset(self.manifest.open_families),
            digests=self.digests,
            cards=tuple(
                (item.name, item.card_digest, by_digest[item.card_digest])
                for item in self.manifest.scorers
                if item.card_digest in by_digest
            ),
        )


def _draws(archive: zipfile.ZipFile, prefix: str, planned: int) -> tuple[array[int], array[int], array[int]]:
    """Case, repeat and seed of each planned draw, read line by line; at most ``planned`` of them."""
    name = f"{prefix}/draws.csv"
    columns = (array("i"), array("i"), array("q"))
    try:
        most = _FREE_DRAWS + archive.getinfo(name).compress_size // _LEAST_DRAW
        with archive.open(name) as entry:
            if entry.readline(_LONGEST_DRAW) != b"case_index,repeat,seed\n":
                raise CheckFailed("this draw order does not read", where=f"{name}:1")
            for number, line in enumerate(iter(lambda: entry.readline(_LONGEST_DRAW), b""), start=2):
                match = _DRAW.fullmatch(line)
                values = tuple(map(int, match.groups())) if match else (_INT32,)
                if max(values) >= _INT32:
                    raise CheckFailed(
                        "the draw order names a case, repeat or seed that cannot be", where=f"{name}:{number}"
                    )
                # Stopped while reading: the manifest is not believed to bound the memory.
                if number - 1 > most:
                    raise CheckFailed("this entry holds more draws than so few bytes can", where=name)
                if number - 1 > min(planned, _MOST_DRAWS):
                    raise CheckFailed("the plan is longer than the manifest says", where=f"{name}:{number}")
                for column, value in zip(columns, values, strict=True):
                    column.append(value)
    except KeyError:
        raise CheckFailed(f"the pack lacks {name}") from None
    except BROKEN_BYTES as error:
        raise CheckFailed("this entry of the pack is corrupt", where=name) from error
    if len(columns[0]) != planned:
        raise CheckFailed("the plan is not as long as the manifest says", where=name)
    return columns


def _masked(archive: zipfile.ZipFile, prefix: str) -> dict[str, str]:
    """Case → digest of the case as it was run, where its text is masked in the pack."""
    place = f"{prefix}/{MASKED_CASES}"
    if place not in archive.namelist():
        return {}
    found = read_json(read_entry(archive, place))
    if not isinstance(found, dict) or not all(isinstance(item, str) and item for item in found.values()):
        raise CheckFailed("this does not read", where=place)
    return found


def sent_digest(case: Mapping[str, Any]) -> str:
    """What the ledger keeps of a case: the beginning of a digest over what it sends, in small letters."""
    fields = {name: case[name] for name in ("messages", "documents", "tools", "environment")}
    words = canonical_json(fields).decode("utf-8", "replace").lower().replace("\\n", " ").split()
    return hashlib.sha256(" ".join(words).encode()).hexdigest()[:_SHOWN_DIGITS]


def _combined(outcomes: list[str]) -> str:
    """The outcome that scores make: one violation decides; without one, what is missing leaves it open."""
    if not _CODES.keys() >= set(outcomes):
        raise ValueError("a score has no outcome")
    return next((kind for kind in ("violated", "error", "undetermined") if kind in outcomes), "held")


def _little_endian(column: array[int]) -> bytes:
    """The column's bytes, the lowest of each number first, whatever machine this is."""
    if sys.byteorder == "big":
        column = array(column.typecode, column)
        column.byteswap()
    return column.tobytes()


def first_line(error: Exception) -> str:
    """The first line of what a reader objects to, shortened: the rest is the writer's own text."""
    return (str(error).splitlines() or [type(error).__name__])[0][:200]


def _count_cases(archive: zipfile.ZipFile, name: str, manifest: RunManifest) -> None:
    """Count the lines before any becomes a case. Raises CheckFailed where there are more than can be."""
    try:
        most = _FREE_CASES + archive.getinfo(name).compress_size // _LEAST_CASE
        count = 0
        with archive.open(name) as entry:
            while piece := entry.read(1 << 20):
                count += piece.count(b"\n")
                if count > most:
                    raise CheckFailed(
                        "this entry holds more cases than so few bytes can describe", where=name
                    )
    except KeyError:
        raise CheckFailed(f"the pack lacks {name}") from None
    # Of a family one member is tried, and the others are there for the choice.
    if count > manifest.planned and not manifest.one_per_family:
        raise CheckFailed("there are more cases than attempts were planned", where=name)


def _case_lines(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """The lines of an entry, one at a time, all of them together no larger than cases can be."""
    left = _MOST_CASE_BYTES
    try:
        with archive.open(name) as entry:
            while line := entry.readline(_LARGEST_LINE):
                left -= len(line)
                if left < 0 or len(line) >= _LARGEST_LINE:
                    raise CheckFailed("this entry of the pack is too large to read", where=name)
                if line != b"\n":
                    if count_parts(line) > _MOST_PARTS:
                        raise CheckFailed("this entry holds a case of more parts than cases have", where=name)
                    yield line
    except KeyError:
        raise CheckFailed(f"the pack lacks {name}") from None


def _lines(archive: zipfile.ZipFile, name: str) -> Iterator[bytes]:
    """The lines of a compressed entry, unpacked piece by piece within bounds. Raises CheckFailed beyond
    them."""
    try:
        with archive.open(name) as entry:
            rest = b""
            left = max(_FREE_BYTES, _MOST_SWELLING * archive.getinfo(name).compress_size)
            for chunk in unpacked_pieces(entry):
                left -= len(chunk)
                if left < 0:
                    raise CheckFailed("this entry unpacks to far more than it holds", where=name)
                *lines, rest = (rest + chunk).split(b"\n")
                yield from lines
                if len(rest) > _LARGEST_LINE:
                    raise CheckFailed("this entry holds a line that is too long to read", where=name)
            if rest:
                raise CheckFailed("this entry is cut short", where=name)
    except KeyError:
        raise CheckFailed(f"the pack lacks {name}") from None
    except (ZstdError, *BROKEN_BYTES) as error:
        raise CheckFailed("this entry of the pack is corrupt", where=name) from error
