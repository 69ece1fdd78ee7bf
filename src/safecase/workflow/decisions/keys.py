"""The keys with which people sign decisions: made, adopted, listed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safecase.base import InfrastructureError, InputError, WorkspaceError, fingerprint, read_public_key
from safecase.records import find_person, held_keys, make_key
from safecase.workflow._project import Project
from safecase.workspace import load_workspace, workspace_files

_LONGEST_FILE = 1 << 20
"""A .pub file is a line; a private key taken for one must not be read into a message."""


@dataclass(frozen=True)
class AddedKey:
    """A key that stands in the workspace now."""

    line: str
    file: Path
    """The file of the workspace that names it."""
    private: Path | None = None
    """Where its private half is, if it was made here."""


@dataclass(frozen=True)
class KeyRow:
    """One key of one person, or a person without."""

    person: str
    fingerprint: str = ""
    held: str = ""
    """Where this computer holds the private half, if it does."""


def new_person_key(project: Project, person: str) -> AddedKey:
    """Make an Ed25519 key for a person and name it in the workspace.

    Raises InputError where there is one already, or the person cannot be found in a file of the workspace.
    """
    find_person(project.workspace.people, person)
    private, line = make_key(person, workspace=project.workspace.root)
    try:
        file = _write_key(project, person, line)
    except (InputError, InfrastructureError):
        private.unlink()
        raise
    return AddedKey(line, file, private)


def add_key(project: Project, person: str, public_key: str) -> AddedKey:
    """Name a key that a person has already. ``public_key``: a ``.pub`` file, or its text.

    Raises InputError where that is no public key, or one that somebody has already.
    """
    find_person(project.workspace.people, person)
    path = Path(public_key).expanduser()
    text = public_key
    if not public_key.startswith("ed25519:") and len(public_key.split()) == 1:
        try:
            with path.open("rb") as stream:
                text = stream.read(_LONGEST_FILE).decode("utf-8", "replace")
        except OSError as error:
            raise InputError(f"cannot read the key: {error.strerror}", where=str(path)) from error
    if "PRIVATE KEY" in text:
        raise InputError("this is a private key", where=str(path), hint=f"give {path}.pub")
    words = text.split()
    read_public_key(text)
    line = text.strip() if len(words) == 1 else " ".join(words[:2])
    return AddedKey(line, _write_key(project, person, line))


def list_keys(project: Project) -> tuple[KeyRow, ...]:
    """The keys of all people, and which of them this computer holds."""
    held = held_keys()
    rows = []
    for person in project.workspace.people.persons:
        found = [read_public_key(text) for text in person.keys]
        rows += [KeyRow(person.id, fingerprint(key), str(held.get(key, ""))) for key in found]
        if not found:
            rows.append(KeyRow(person.id))
    return tuple(rows)


def _write_key(project: Project, person: str, line: str) -> Path:
    """Name the key under the person, and leave every other byte of the file as it is."""
    blob = read_public_key(line)
    for other in project.workspace.people.persons:
        if any(read_public_key(text) == blob for text in other.keys):
            raise InputError(f"{other.id} has this key already")
    root = project.workspace.root
    for file in workspace_files(root):
        text = file.read_bytes().decode("utf-8")
        changed = _with_key(text, person, line)
        if changed is None:
            continue
        try:
            file.write_bytes(changed.encode())
            people = load_workspace(root).people
            if line in find_person(people, person).keys:
                return file
            raise InputError("the key was not found where it was written", where=str(file))
        except (WorkspaceError, InputError) as error:
            file.write_bytes(text.encode())
            raise InputError(
                f'cannot write the key into the person\'s entry; write it yourself: keys: ["{line}"]',
                where=str(file),
            ) from error
        except OSError as error:
            raise InfrastructureError(f"cannot write: {error.strerror}", where=str(file)) from error
    raise InputError(
        f"no file of the workspace holds the person {person} in so many words", hint=f'keys: ["{line}"]'
    )


def _with_key(text: str, person: str, line: str) -> str | None:
    """The YAML with one more key for the person; None where they are not in it."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        root = YAML(typ="rt", pure=True).compose(text)
    except (YAMLError, ValueError):
        return None
    node = _person_node(root, person)
    if node is None:
        return None
    fields = {str(key.value): value for key, value in node.value}
    quoted = f'"{line}"'
    if "keys" in fields:
        known = fields["keys"]
        if not known.flow_style or known.id != "sequence":
            first = known.value[0].start_mark if known.id == "sequence" and known.value else None
            if first is None:
                return None
            place, indent = first.index - 2, " " * (first.column - 2)
            return f"{text[:place]}- {quoted}\n{indent}{text[place:]}"
        place = known.end_mark.index - 1
        comma = ", " if known.value else ""
        return f"{text[:place]}{comma}{quoted}{text[place:]}"
    if node.flow_style:
        place = node.end_mark.index - 1
        return f"{text[:place].rstrip()}, keys: [{quoted}]{text[place:]}"
    # Behind the id, which people look for in front.
    first = node.value[min(1, len(node.value) - 1)][0].start_mark
    return f"{text[: first.index]}keys: [{quoted}]\n{' ' * first.column}{text[first.index :]}"


def _person_node(root: Any, person: str) -> Any:
    """The mapping of one person in a tree of YAML nodes."""
    for key, people in _pairs(root):
        if key != "people":
            continue
        for name, persons in _pairs(people):
            for node in persons.value if name == "persons" and persons.id == "sequence" else ():
                if any(field == "id" and str(value.value) == person for field, value in _pairs(node)):
                    return node
    return None


def _pairs(node: Any) -> list[tuple[str, Any]]:
    if node is None or node.id != "mapping":
        return []
    return [(str(key.value), value) for key, value in node.value]
