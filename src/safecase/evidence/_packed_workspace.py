"""What the workspace files in a pack declare: the risks that coverage is held against, and the rules."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import ValidationError

from safecase.base import CheckFailed, ProblemLevel, Record, canonical_json
from safecase.model import Control, ExceptionPolicy, Gate, Risk, Severity, System
from safecase_verify import WORKSPACE, Progress, read_entry

if TYPE_CHECKING:
    from zipfile import ZipFile

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
    controls: tuple[Control, ...] = ()
    policy: ExceptionPolicy = field(default_factory=ExceptionPolicy)

    def render(self) -> bytes:
        """`workspace.json`: what a reader without YAML needs of this."""
        return canonical_json(
            {
                "schema_version": 1,
                "risks": self.severities,
                "gates": self.gates,
                "templated": sorted(self.templated),
                "unreadable": self.unreadable,
            }
        )


def is_workspace_file(name: str) -> bool:
    """Whether an entry is a workspace's YAML file."""
    return name.startswith(FOLDER) and name.endswith((".yaml", ".yml"))


def check_workspace(progress: Progress) -> str:
    """Hold what the pack says of its workspace against the files themselves. Raises CheckFailed.

    A template of a gate may be worded otherwise by the version that made the pack; that is told.
    """
    names = sorted(filter(is_workspace_file, progress.archive.namelist()))
    if WORKSPACE not in progress.archive.namelist():
        if names:
            raise CheckFailed("the pack does not say what its workspace declares", where=WORKSPACE)
        return "none in the pack"
    said = progress.workspace
    found = packed_workspace(progress.archive)
    differs = [name for name, digest in found.gates.items() if said.gates.get(name) != digest]
    progress.skipped.extend(
        f"whether the gate {name} is what its template says: that may be another version's"
        for name in differs
        if name in found.templated
    )
    wrong = [name for name in differs if name not in found.templated]
    same = (
        {**(said.risks or {})} == {**(found.severities or {})}
        and {*said.templated} == found.templated
        and said.unreadable == found.unreadable
    )
    if wrong or not same or said.gates.keys() != found.gates.keys():
        blamed = f"the gate {wrong[0]}" if wrong else "its risks and gates"
        raise CheckFailed(f"the workspace's files say otherwise of {blamed}", where=WORKSPACE)
    return f"{len(names)} files, and what the pack says of them"


def packed_workspace(archive: ZipFile) -> PackedWorkspace:
    """System, risks and gates from the YAML files of a pack. Raises CheckFailed, as `parse_workspace`."""
    names = sorted(filter(is_workspace_file, archive.namelist()))
    return parse_workspace((name, read_entry(archive, name, limit=_LARGEST_FILE)) for name in names)


def parse_workspace(files: Iterable[tuple[str, bytes]]) -> PackedWorkspace:
    """System, risks and gates from names and contents of YAML files.

    Raises CheckFailed where they hold more than people write.
    """
    from safecase.workspace import LocatedDocument, RawGate, read_yaml_text

    severities: dict[str, str] = {}
    risks: list[Risk] = []
    controls: list[Control] = []
    policy = ExceptionPolicy()
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
        for item in _entries(document.data.get("controls")):
            controls += _valid(Control, item)
        people = document.data.get("people")
        for longest in _valid(
            ExceptionPolicy, people.get("exceptions") if isinstance(people, dict) else None
        ):
            policy = longest
        for found in _valid(System, document.data.get("system")):
            system = found
        for number, item in enumerate(_entries(document.data.get("gates"))):
            written[str(item.get("id"))] = RawGate(item, document, ("gates", number))
    gates = {name: _digest(gate, written) for name, gate in written.items()}
    templated = frozenset(name for name in written if _reaches_template(name, written))
    return PackedWorkspace(
        severities=severities or None,
        gates=gates,
        templated=templated,
        unreadable=tuple(unreadable),
        system=system,
        risks=tuple(risks),
        controls=tuple(controls),
        policy=policy,
    )


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
