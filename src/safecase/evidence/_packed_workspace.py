"""What the workspace files in a pack declare: the risks that coverage is held against, and the rules."""

from __future__ import annotations

import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from safecase.base import CheckFailed, ProblemLevel, Record
from safecase.model import Gate, Risk, Severity, System
from safecase_verify.reading.archive import read_entry

if TYPE_CHECKING:
    from safecase.workspace import RawGate

FOLDER = "workspace/"
Read = TypeVar("Read", bound=Record)
_SEVERITIES = tuple(Severity)
_PARTS = (b"\n", b",", b": ", b"[", b"{")
_SUITES = re.compile(rb"^suites:[ \t]*(?:#[^\n]*)?\n(?:(?:[ \t#-][^\n]*)?\n)*", re.MULTILINE)
_MOST_PARTS = 150_000
"""Lines, commas and colons of all files, suites left out: a hundred risks with their rules have 5,000."""
_LARGEST_FILE = 32 * 1024**2
"""Bounds the memory that a hostile pack can take; YAML that people write is smaller by far."""


@dataclass(frozen=True)
class PackedWorkspace:
    """Risks and gates as the workspace files in the pack have them."""

    severities: Mapping[str, str] | None = None
    """Risk → severity; None where no file declares a risk."""
    gates: Mapping[str, str | None] = field(default_factory=dict)
    """Gate → content digest; None where the gate does not read."""
    templated: frozenset[str] = frozenset()
    """Gates that extend a built-in template, which another version of safecase may word otherwise."""
    unreadable: tuple[str, ...] = ()
    """Files that are no workspace YAML."""
    system: System | None = None
    risks: tuple[Risk, ...] = ()


def is_workspace_file(name: str) -> bool:
    """Whether an entry is a workspace's YAML file."""
    return name.startswith(FOLDER) and name.endswith((".yaml", ".yml"))


def workspace_names(archive: zipfile.ZipFile) -> list[str]:
    """The workspace's YAML files in a pack."""
    return sorted(filter(is_workspace_file, archive.namelist()))


def read_workspace(archive: zipfile.ZipFile) -> PackedWorkspace:
    """Read system, risks and gates from the YAML files of a pack. Raises CheckFailed for corrupt entries, and
    where they hold more than people write."""
    return parse_workspace(
        (name, read_entry(archive, name, limit=_LARGEST_FILE)) for name in workspace_names(archive)
    )


def parse_workspace(files: Iterable[tuple[str, bytes]]) -> PackedWorkspace:
    """The same from names and contents."""
    from safecase.workspace import LocatedDocument, RawGate, read_yaml_text

    severities: dict[str, str] = {}
    risks: list[Risk] = []
    system: System | None = None
    written: dict[str, RawGate] = {}
    unreadable: list[str] = []
    left = _MOST_PARTS
    for name, data in files:
        # Each part of YAML becomes an object of a kilobyte, so that their number is bounded beforehand.
        data = _without_suites(data)
        left -= sum(map(data.count, _PARTS))
        if left < 0:
            raise CheckFailed("the workspace in the pack holds more than people write", where=name)
        document = LocatedDocument(name)
        try:
            read_yaml_text(data.decode("utf-8-sig"), document)
        except UnicodeDecodeError:
            unreadable.append(name)
            continue
        if any(problem.level is ProblemLevel.ERROR for problem in document.problems):
            unreadable.append(name)
        for item in _entries(document.data.get("risks")):
            if item.get("severity") in _SEVERITIES:
                severities[str(item.get("id"))] = str(item["severity"])
            risks += _valid(Risk, item)
        for found in _valid(System, document.data.get("system")):
            system = found
        for number, item in enumerate(_entries(document.data.get("gates"))):
            written[str(item.get("id"))] = RawGate(item, document, ("gates", number))
    gates = {name: _digest(gate, written) for name, gate in written.items()}
    templated = frozenset(name for name in written if _reaches_template(name, written))
    return PackedWorkspace(severities or None, gates, templated, tuple(unreadable), system, tuple(risks))


def _without_suites(data: bytes) -> bytes:
    """A file without its suites, which are what is long in a workspace; the rest stays on its lines.

    The cases of a run stand in the pack by themselves. Where something outside refers into the suites they
    stay.
    """
    found = _SUITES.search(data)
    if found is None or b"&" in found.group():
        return data
    return data[: found.start()] + b"\n" * found.group().count(b"\n") + data[found.end() :]


def _valid(kind: type[Read], value: object) -> list[Read]:
    """The record that a value is, in a list; an empty one where it is none."""
    try:
        return [kind.model_validate(value)]
    except ValidationError:
        return []


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
