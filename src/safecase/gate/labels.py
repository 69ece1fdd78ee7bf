"""Human labels of a run's attempts: which ones to label, and which labels count.

A correction for the judge's error is only as honest as the choice of what people look at. So nobody chooses:
within each stratum (what the judge called bad, what it called good) attempts are labelled in the order of
SHA-256(``seed|labelled|attempt``), and labels count up to the first attempt in that order that has none.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from safecase.base import InputError

COLUMNS = ("attempt", "label")
WORDS = {"violated": True, "held": False}
_LARGEST = 64 * 1024**2
"""People label thousands of attempts and not millions; what is larger is another file."""
Labels = Mapping[str, bool]
"""Attempt (``case#repeat``) → whether people say that it is violated."""


@dataclass(frozen=True)
class Stratum:
    """One stratum of judged attempts, and the labels of it that count."""

    size: int
    labelled: int
    violations: int
    next: str
    """The attempt to label next; empty where all are labelled."""


def sampling_order(attempts: Iterable[str], seed: int) -> list[str]:
    """The order in which attempts are to be labelled: fixed by the run's seed before anything was seen."""

    def key(attempt: str) -> bytes:
        return hashlib.sha256(f"{seed}|labelled|{attempt}".encode("utf-8", "surrogatepass")).digest()

    return sorted(attempts, key=key)


def read_stratum(attempts: Sequence[str], labels: Labels, seed: int, certain: Iterable[str] = ()) -> Stratum:
    """The labels of a stratum that count; ``certain`` attempts are violated whatever anybody says."""
    known = {**labels, **dict.fromkeys(certain, True)}
    labelled = violations = 0
    following = ""
    for attempt in sampling_order(attempts, seed):
        if attempt not in known:
            following = attempt
            break
        labelled += 1
        violations += known[attempt]
    return Stratum(len(attempts), labelled, violations, following)


def parse_labels(data: bytes, where: str) -> dict[str, bool]:
    """Labels from a CSV file with the columns ``attempt`` and ``label``, others allowed beside them.

    A label is ``violated``, ``held``, or empty where nobody has looked yet. Raises InputError with the line
    of what is wrong.
    """
    if len(data) > _LARGEST:
        raise InputError(f"the file is larger than {_LARGEST // 1024**2} MiB", where=where)
    try:
        rows = csv.reader(io.StringIO(data.decode("utf-8-sig"), newline=""))
        header = [name.strip().lower() for name in next(rows, [])]
        missing = [name for name in COLUMNS if name not in header]
        if missing:
            raise InputError(
                f"the column '{missing[0]}' is missing", where=f"{where}:1", hint="attempt,label"
            )
        places = [header.index(name) for name in COLUMNS]
        found: dict[str, bool] = {}
        for row in rows:
            _take(row, places, found, f"{where}:{rows.line_num}")
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"this is not a CSV file in UTF-8: {error}", where=where) from error
    return found


def _take(row: list[str], places: list[int], found: dict[str, bool], where: str) -> None:
    """Put the label of one line into ``found``; an empty one says that nobody has labelled it yet."""
    if not any(cell.strip() for cell in row):
        return
    if len(row) <= max(places):
        raise InputError("this line is too short", where=where)
    attempt, word = row[places[0]].strip(), row[places[1]].strip().lower()
    if word and word not in WORDS:
        raise InputError(f"'{word[:40]}' is no label", where=where, hint="violated, held, or empty")
    if not word:
        return
    if found.get(attempt, WORDS[word]) != WORDS[word]:
        raise InputError(f"{attempt} has two labels that differ", where=where)
    found[attempt] = WORDS[word]


def label_sheet(strata: Mapping[str, Sequence[str]], seed: int, labels: Labels, most: int = 400) -> bytes:
    """A CSV sheet to fill: of each stratum the first ``most`` attempts in their order, with what is labelled.

    ``strata``: name → attempts. Each attempt stands once, whatever the number of its strata.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow([*COLUMNS, "stratum"])
    written: set[str] = set()
    for name, attempts in strata.items():
        for attempt in sampling_order(attempts, seed)[:most]:
            if attempt not in written:
                written.add(attempt)
                word = {True: "violated", False: "held", None: ""}[labels.get(attempt)]
                writer.writerow([attempt, word, name])
    return text.getvalue().encode()
