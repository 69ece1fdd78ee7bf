"""What the workspace files in a pack declare: the risks that coverage is held against, and the rules."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from safecase.base import ProblemLevel, canonical_json
from safecase.model import Gate, Severity
from safecase_verify import WORKSPACE, CheckFailed, PackedWorkspace, Progress, read_entry

if TYPE_CHECKING:
    from safecase.workspace import RawGate

FOLDER = "workspace/"
_SEVERITIES = tuple(Severity)
_LARGEST_FILE = 32 * 1024**2
"""Bounds the memory that a hostile pack can take; YAML that people write is smaller by far."""


def workspace_names(names: Iterable[str]) -> list[str]:
    """The workspace's YAML files among the entries of a pack."""
    return sorted(name for name in names if name.startswith(FOLDER) and name.endswith((".yaml", ".yml")))


def resolve_workspace(files: Mapping[str, bytes]) -> PackedWorkspace:
    """Risks and gates as YAML files of a pack declare them."""
    from safecase.workspace import LocatedDocument, RawGate, read_yaml_text

    severities: dict[str, Any] = {}
    written: dict[str, RawGate] = {}
    unreadable: list[str] = []
    for name in workspace_names(files):
        document = LocatedDocument(name)
        try:
            read_yaml_text(files[name].decode("utf-8-sig"), document)
        except UnicodeDecodeError:
            unreadable.append(name)
            continue
        if any(problem.level is ProblemLevel.ERROR for problem in document.problems):
            unreadable.append(name)
        for item in _entries(document.data.get("risks")):
            if item.get("severity") in _SEVERITIES:
                severities[str(item.get("id"))] = str(item["severity"])
        for number, item in enumerate(_entries(document.data.get("gates"))):
            written[str(item.get("id"))] = RawGate(item, document, ("gates", number))
    gates = {name: _digest(gate, written) for name, gate in written.items()}
    templated = tuple(sorted(name for name in written if _reaches_template(name, written)))
    return PackedWorkspace(1, severities or None, gates, templated, tuple(unreadable))


def render_workspace(workspace: PackedWorkspace) -> bytes:
    """`workspace.json` as a pack holds it."""
    return canonical_json(asdict(workspace))


def check_workspace(progress: Progress) -> str:
    """Hold what the pack says of its workspace against the files themselves. Raises CheckFailed.

    A template of a gate may be worded otherwise by the version that made the pack; that is told.
    """
    names = workspace_names(progress.archive.namelist())
    files = {name: read_entry(progress.archive, name, limit=_LARGEST_FILE) for name in names}
    if WORKSPACE not in progress.archive.namelist():
        if names:
            raise CheckFailed("the pack does not say what its workspace declares", where=WORKSPACE)
        return "none in the pack"
    said, found = progress.workspace, resolve_workspace(files)
    differs = [name for name, digest in found.gates.items() if said.gates.get(name) != digest]
    progress.skipped.extend(
        f"whether the gate {name} is what its template says: that may be another version's"
        for name in differs
        if name in found.templated
    )
    wrong = [name for name in differs if name not in found.templated]
    same = (said.risks, said.templated, said.unreadable) == (found.risks, found.templated, found.unreadable)
    if wrong or not same or said.gates.keys() != found.gates.keys():
        blamed = f"the gate {wrong[0]}" if wrong else "its risks and gates"
        raise CheckFailed(f"the workspace's files say otherwise of {blamed}", where=WORKSPACE)
    return f"{len(names)} files, and what the pack says of them"


def _digest(gate: RawGate, written: dict[str, RawGate]) -> str | None:
    """The digest of a gate with all that it inherits; None where it does not read."""
    from safecase.workspace import resolve_gate

    try:
        return Gate.model_validate(resolve_gate(gate, written)).digest
    except (ValidationError, TypeError, AttributeError):
        return None


def _reaches_template(name: str, written: dict[str, RawGate]) -> bool:
    seen: set[str] = set()
    while name in written and name not in seen:
        seen.add(name)
        above = written[name].value.get("extends")
        if not isinstance(above, str):
            return False
        name = above
    return name not in seen


def _entries(value: object) -> list[dict[str, Any]]:
    """The mappings of a YAML list; what else stands there declares nothing."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
