"""The JSON form of a catalog: read with suspicion, written so that equal content has equal bytes."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from safecase.catalog.errors import CatalogError
from safecase.catalog.types import Catalog, CatalogEntry, EntryLink

FORMAT = "safecase-catalog/1"
MAX_BYTES = 32 * 1024 * 1024
"""Far above any catalog (ATLAS, the largest that ships, has 120 KB): what is larger is another file."""
MAX_ENTRIES = 5_000
"""Entries of a catalog and items of a list; far above any, and low enough that checking stays quick."""
MAX_TEXT = 1_000
"""Characters of an id, a title or a note: each is one line of a table."""


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """The file's text as UTF-8; raises CatalogError where it is absent, too large or not text."""
    try:
        with path.open("rb") as stream:
            data = stream.read(limit + 1)
    except OSError as error:
        raise CatalogError(f"{path}: cannot be read: {error.strerror or error}") from None
    if len(data) > limit:
        raise CatalogError(f"{path}: is larger than {limit // (1024 * 1024)} MB, so it is not a catalog")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise CatalogError(f"{path}: is not UTF-8 text (byte {error.start})") from None


def text(value: Any, what: str, where: str, *, optional: bool = False) -> str:
    """``value`` as one short printable line, or CatalogError."""
    if value is None and optional:
        return ""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise CatalogError(f"{where}: {what} must be text, not {type(value).__name__}")
    line = " ".join(str(value).split())
    if not line and not optional:
        raise CatalogError(f"{where}: {what} is empty")
    if len(line) > MAX_TEXT:
        raise CatalogError(f"{where}: {what} is longer than {MAX_TEXT} characters")
    if not line.isprintable():
        raise CatalogError(f"{where}: {what} holds control or unpaired characters")
    return line


def mapping(value: Any, what: str, where: str) -> Mapping[str, Any]:
    """``value`` as a mapping, or CatalogError."""
    if not isinstance(value, Mapping):
        raise CatalogError(f"{where}: {what} must be a mapping, not {type(value).__name__}")
    return value


def sequence(value: Any, what: str, where: str) -> list[Any]:
    """``value`` as a list (None is the empty one), or CatalogError."""
    if value is None:
        return []
    if not isinstance(value, list | tuple):
        raise CatalogError(f"{where}: {what} must be a list, not {type(value).__name__}")
    if len(value) > MAX_ENTRIES:
        raise CatalogError(f"{where}: {what} has more than {MAX_ENTRIES} items")
    return list(value)


def finish(catalog: Catalog, where: str) -> Catalog:
    """Check what must hold of any catalog: entries, unique ids, parents that exist."""
    if not catalog.entries:
        raise CatalogError(f"{where}: holds no entries")
    if len(catalog.entries) > MAX_ENTRIES:
        raise CatalogError(f"{where}: holds more than {MAX_ENTRIES} entries")
    seen: set[str] = set()
    for entry in catalog.entries:
        if entry.id in seen:
            raise CatalogError(f"{where}: the id {entry.id} stands twice")
        seen.add(entry.id)
    for entry in catalog.entries:
        for parent in entry.parents:
            if parent not in seen:
                raise CatalogError(f"{where}: {entry.id} names the parent {parent}, which is not there")
    return catalog


def from_json(content: str, where: str) -> Catalog:
    """Read a catalog in this project's JSON form; raises CatalogError on anything else."""
    try:
        raw = json.loads(content)
    except (ValueError, RecursionError) as error:
        raise CatalogError(f"{where}: is not JSON: {str(error)[:200]}") from None
    head = mapping(raw, "the file", where)
    if head.get("format") != FORMAT:
        raise CatalogError(f"{where}: format is not '{FORMAT}'")
    framework = text(head.get("framework"), "framework", where)
    version = text(head.get("version"), "version", where)
    entries = []
    for index, item in enumerate(sequence(head.get("entries"), "entries", where)):
        place = f"{where}: entry {index + 1}"
        fields = mapping(item, "the entry", place)
        links = []
        for link in sequence(fields.get("links"), "links", place):
            target = mapping(link, "a link", place)
            links.append(
                EntryLink(
                    relation=text(target.get("relation"), "relation", place),
                    framework=text(target.get("framework"), "framework", place),
                    id=text(target.get("id"), "id", place),
                    version=text(target.get("version"), "version", place, optional=True),
                    note=text(target.get("note"), "note", place, optional=True),
                )
            )
        attributes = mapping(fields.get("attributes", {}), "attributes", place)
        entries.append(
            CatalogEntry(
                framework=framework,
                version=version,
                id=text(fields.get("id"), "id", place),
                name=text(fields.get("name"), "name", place),
                kind=text(fields.get("kind"), "kind", place),
                parents=tuple(
                    text(parent, "a parent", place)
                    for parent in sequence(fields.get("parents"), "parents", place)
                ),
                links=tuple(links),
                attributes=MappingProxyType(
                    {text(key, "a key", place): text(value, key, place) for key, value in attributes.items()}
                ),
            )
        )
    return finish(
        Catalog(
            framework=framework,
            version=version,
            title=text(head.get("title"), "title", where),
            source=text(head.get("source"), "source", where),
            licence=text(head.get("licence"), "licence", where),
            notice=text(head.get("notice"), "notice", where, optional=True),
            released=text(head.get("released"), "released", where, optional=True),
            status=text(head.get("status", "published"), "status", where),
            aliases=tuple(
                text(alias, "an alias", where) for alias in sequence(head.get("aliases"), "aliases", where)
            ),
            interpretation=head.get("interpretation") is True,
            entries=tuple(entries),
        ),
        where,
    )


def to_json(catalog: Catalog) -> str:
    """The JSON form of a catalog, one entry per line, fields without a value left out."""
    head = {
        "format": FORMAT,
        "framework": catalog.framework,
        "version": catalog.version,
        "aliases": list(catalog.aliases),
        "title": catalog.title,
        "source": catalog.source,
        "released": catalog.released,
        "status": catalog.status,
        "licence": catalog.licence,
        "notice": catalog.notice,
        "interpretation": catalog.interpretation,
    }
    lines = ",\n".join(f"  {json.dumps(_entry(entry), ensure_ascii=False)}" for entry in catalog.entries)
    body = json.dumps(head, ensure_ascii=False, indent=1)
    return f'{body[:-2]},\n "entries": [\n{lines}\n ]\n}}\n'


def _entry(entry: CatalogEntry) -> dict[str, Any]:
    links = [
        {
            key: value
            for key, value in (
                ("relation", link.relation),
                ("framework", link.framework),
                ("id", link.id),
                ("version", link.version),
                ("note", link.note),
            )
            if value
        }
        for link in entry.links
    ]
    fields: dict[str, Any] = {"id": entry.id, "name": entry.name, "kind": entry.kind}
    if entry.parents:
        fields["parents"] = list(entry.parents)
    if links:
        fields["links"] = links
    if entry.attributes:
        fields["attributes"] = dict(entry.attributes)
    return fields
