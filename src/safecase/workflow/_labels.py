"""Human labels of a run's attempts, from the workspace to the gate and into the pack."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from safecase.base import InputError
from safecase.engine import RunFolder, write_file
from safecase.gate import COLUMNS, parse_labels, sheet_for
from safecase.model import Gate, GateRule
from safecase.workflow._project import Project

# Far above any sheet that people fill in: a larger file was named by mistake.
_LARGEST = 64 * 1024**2


def _label_files(project: Project, gates: Iterable[Gate]) -> dict[str, bytes]:
    """File, as a rule names it → its bytes, for the label files that are there."""
    found: dict[str, bytes] = {}
    root = project.workspace.root.resolve()
    for rule in _asking(gates):
        name = rule.judge_correction.labels
        path = (root / name).resolve()
        if not path.is_relative_to(root):
            raise InputError("the labels lie outside of the workspace", where=name)
        try:
            if path.is_file():
                if path.stat().st_size > _LARGEST:
                    raise InputError(f"the file is larger than {_LARGEST // 1024**2} MiB", where=name)
                found[name] = path.read_bytes()
        except OSError as error:
            raise InputError(f"the labels cannot be read: {error.strerror}", where=name) from error
    return found


def read_labels(project: Project, gates: Iterable[Gate]) -> dict[str, dict[str, bool]]:
    """File → attempt → whether people say that it is violated. Raises InputError with a mistake's line."""
    return {name: parse_labels(data, name) for name, data in _label_files(project, gates).items()}


def packed_labels(project: Project, gates: Iterable[Gate]) -> dict[str, bytes]:
    """The labels as a pack carries them: attempts and labels alone, and not who gave them."""
    found = {}
    for name, labels in read_labels(project, gates).items():
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(COLUMNS)
        writer.writerows((attempt, "violated" if bad else "held") for attempt, bad in labels.items())
        found[f"labels/{name}"] = text.getvalue().encode()
    return found


def write_sheets(folder: RunFolder, gate: Gate, labels: dict[str, dict[str, bool]]) -> None:
    """Write ``labels-GATE-RULE.csv`` into the run's folder for each rule that asks for labels."""
    for rule in _asking([gate]):
        known = labels.get(rule.judge_correction.labels, {})
        sheet = sheet_for(rule, folder.plan, folder.columns(), known)
        write_file(folder.path / f"labels-{gate.id}-{rule.id}.csv", sheet)


def _asking(gates: Iterable[Gate]) -> list[GateRule]:
    """The rules that ask for human labels."""
    rules = [rule for gate in gates for rule in gate.rules]
    return [rule for rule in rules if rule.judge_correction.labels]
