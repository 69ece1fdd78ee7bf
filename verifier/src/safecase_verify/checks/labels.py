"""Human labels of attempts as a pack carries them, read and counted by code of its own."""

from __future__ import annotations

import hashlib
import zipfile
from collections.abc import Mapping, Sequence
from csv import DictReader, Error

from safecase_verify.errors import CheckFailed
from safecase_verify.reading.archive import read_entry
from safecase_verify.reading.raw_run import RawRun
from safecase_verify.reading.records import GateRule

FOLDER = "labels/"
_LARGEST = 64 * 1024**2
"""As much as the gate reads (`gate.labels`): what it took must be readable here."""


def label_counts(draws: Sequence[int], run: RawRun, labels: Mapping[str, bool]) -> tuple[int, int, int]:
    """(attempts, labelled, violated) of a stratum.

    Labels count along the order that the run's seed gives, up to the first attempt without one: nobody can
    pick what is looked at. An attempt that ended in an error counts as violated without a label.
    """
    ordered = []
    for draw in draws:
        name = f"{run.case(draw).id}#{run.repeat[draw]}"
        text = f"{run.seed}|labelled|{name}".encode("utf-8", "surrogatepass")
        ordered.append((hashlib.sha256(text).hexdigest(), draw, name))
    labelled = violated = 0
    for _, draw, name in sorted(ordered):
        verdict = True if run.outcome[draw] == "error" else labels.get(name)
        if verdict is None:
            break
        labelled, violated = labelled + 1, violated + verdict
    return len(draws), labelled, violated


def packed_labels(archive: zipfile.ZipFile, rules: Sequence[GateRule]) -> dict[str, dict[str, bool]]:
    """File → labels, for files that rules name and the pack holds. Raises CheckFailed if one is broken."""
    held = set(archive.namelist())
    wanted = {rule.judge_correction.labels for rule in rules} - {""}
    return {file: _read(archive, FOLDER + file) for file in sorted(wanted) if FOLDER + file in held}


def _read(archive: zipfile.ZipFile, name: str) -> dict[str, bool]:
    """Attempt → whether people say that it is violated. Raises CheckFailed where labels contradict each
    other."""
    try:
        lines = read_entry(archive, name, limit=_LARGEST).decode("utf-8-sig").splitlines(keepends=True)
        rows = DictReader(lines)
        rows.fieldnames = [field.strip().lower() for field in rows.fieldnames or ()]
        found: dict[str, bool] = {}
        for row in rows:
            attempt, label = (row.get("attempt") or "").strip(), (row.get("label") or "").strip().lower()
            if not label:
                continue
            violated = label == "violated"
            if label not in ("violated", "held") or found.setdefault(attempt, violated) != violated:
                place = f"{name}:{rows.line_num}"
                raise CheckFailed("this label is none, or contradicts another", where=place)
    except (UnicodeDecodeError, Error) as error:
        raise CheckFailed("these labels do not read", where=name) from error
    return found
