"""What the workspace files in a pack declare: the risks that coverage is held against, and the rules."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import ValidationError

from safecase.evidence.archive import read_entry
from safecase.model.errors import ProblemLevel
from safecase.model.gate import Gate

FOLDER = "workspace/"
SEVERITIES = ("sev1", "sev2", "sev3", "sev4")
_LARGEST_FILE = 32 * 1024**2


@dataclass(frozen=True)
class PackedWorkspace:
    """Risks and gates as the workspace files in the pack have them."""

    severities: Mapping[str, str] | None = None
    """Risk → severity; None where no file declares a risk."""
    gates: Mapping[str, str | None] = field(default_factory=dict)
    """Gate → content digest; None where the gate does not read."""
    unreadable: tuple[str, ...] = ()
    """Files that are no workspace YAML."""


def workspace_names(archive: zipfile.ZipFile) -> list[str]:
    """The workspace's YAML files in a pack."""
    return sorted(
        name for name in archive.namelist() if name.startswith(FOLDER) and name.endswith((".yaml", ".yml"))
    )


def read_workspace(archive: zipfile.ZipFile) -> PackedWorkspace:
    """Read risks and gates from the YAML files of a pack. Raises CheckFailed for corrupt entries."""
    from safecase.workspace.yaml_reader import LocatedDocument, read_yaml_text

    severities: dict[str, str] = {}
    gates: dict[str, str | None] = {}
    unreadable: list[str] = []
    for name in workspace_names(archive):
        document = LocatedDocument(name)
        data = read_entry(archive, name, limit=_LARGEST_FILE)
        try:
            read_yaml_text(data.decode("utf-8-sig"), document)
        except UnicodeDecodeError:
            unreadable.append(name)
            continue
        if any(problem.level is ProblemLevel.ERROR for problem in document.problems):
            unreadable.append(name)
        for item in _entries(document.data.get("risks")):
            if item.get("severity") in SEVERITIES:
                severities[str(item.get("id"))] = str(item["severity"])
        for item in _entries(document.data.get("gates")):
            try:
                gate = Gate.model_validate(item)
            except ValidationError:
                gates[str(item.get("id"))] = None
            else:
                gates[gate.id] = gate.digest
    return PackedWorkspace(severities or None, gates, tuple(unreadable))


def _entries(value: object) -> list[dict[str, object]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
