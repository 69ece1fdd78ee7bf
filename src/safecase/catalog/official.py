"""Reading the official files, so that a user can update a catalog: ATLAS.yaml and OWASP's markdown.

Two layouts of ATLAS exist. Up to format 5 (``dist/ATLAS.yaml``): ``matrices[]`` with lists of tactics,
techniques and mitigations, and ``case-studies`` beside them. From format 6 (``dist/v6/ATLAS-YYYY.MM.yaml``):
mappings by id at the top level, and ``relationships`` by source id (``achieves``, ``specializes``,
``mitigates``, ``employs``, ``sequences``). Only ids, names and relations are kept.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

from safecase.catalog._serialise import MAX_TEXT, finish, mapping, read_text, sequence, text
from safecase.catalog.errors import CatalogError
from safecase.catalog.store import save
from safecase.catalog.types import Catalog, CatalogEntry, EntryLink

_ATLAS_ID = re.compile(r"^AML\.(TA\d{4}|T\d{4}(\.\d{3})?|M\d{4}|CS\d{4})$")
"""Tactic, technique with its sub-technique, mitigation, case study, as ATLAS numbers them."""
_OWASP_HEADING = re.compile(r"^#{1,3}\s*(LLM\d{2}):(\d{4})\s*[-:–]?\s*(\S.*?)\s*$")
"""``## LLM01:2025 Prompt Injection``, at whatever level and with whatever dash the edition uses."""
_OWASP_FILE = re.compile(r"^LLM(0[1-9]|10)_[A-Za-z]+\.md$")
_CITED_ATLAS = re.compile(r"AML\.(?:TA\d{4}|T\d{4}(?:\.\d{3})?|M\d{4})")
"""Ids inside prose; case studies are left out, because an entry links to what attackers do."""
_POINTER = re.compile(r"^[\w./-]+\.yaml$")
_ATLAS_NOTICE = (
    "Copyright MITRE. Licensed under the Apache License, Version 2.0. "
    "Ids, names and relations only; descriptions are left out."
)
_KINDS = {"tactics": "tactic", "techniques": "technique", "mitigations": "mitigation"}


def read_atlas(path: str | Path) -> Catalog:
    """Read an official ATLAS file of either layout. Raises CatalogError with file and cause."""
    source = Path(path)
    content = read_text(source)
    where = str(source)
    if _POINTER.match(content.strip()):
        raise CatalogError(f"{where}: only points at {content.strip()}; give that file instead")
    document = mapping(_parse_yaml(content, where), "the file", where)
    if "matrices" in document:
        return _read_matrices(document, where)
    if "techniques" in document and "relationships" in document:
        return _read_collection(document, where)
    raise CatalogError(f"{where}: is no ATLAS file: it has neither 'matrices' nor 'relationships'")


def read_owasp_llm(folder: str | Path) -> Catalog:
    """Read titles and cited ATLAS ids from a folder of OWASP's ``LLM01_*.md`` ... ``LLM10_*.md``.

    Raises CatalogError where the folder holds none, where editions mix, or where an id repeats.
    """
    directory = Path(folder)
    if not directory.is_dir():
        raise CatalogError(f"{directory}: is not a folder")
    found: dict[str, tuple[str, tuple[str, ...], str]] = {}
    editions: set[str] = set()
    for path in sorted(directory.glob("LLM*.md")):
        if not _OWASP_FILE.match(path.name):
            continue
        content = read_text(path, 4 * 1024 * 1024)
        heading = next(filter(None, map(_OWASP_HEADING.match, content.splitlines())), None)
        if heading is None:
            raise CatalogError(f"{path}: has no heading such as '## LLM01:2025 Prompt Injection'")
        identifier, edition, title = heading.groups()
        if identifier in found:
            raise CatalogError(f"{path}: {identifier} stands in {found[identifier][2]} already")
        editions.add(edition)
        cited = tuple(dict.fromkeys(_CITED_ATLAS.findall(content)))
        found[identifier] = (text(title, "title", str(path)), cited, path.name)
    if not found:
        raise CatalogError(f"{directory}: holds no files such as LLM01_PromptInjection.md")
    if len(editions) > 1:
        raise CatalogError(f"{directory}: mixes the editions {', '.join(sorted(editions))}")
    edition = editions.pop()
    entries = tuple(
        CatalogEntry(
            framework="owasp-llm",
            version=edition,
            id=f"{identifier}:{edition}",
            name=title,
            kind="category",
            links=tuple(EntryLink("related", "atlas", other) for other in cited),
        )
        for identifier, (title, cited, _) in sorted(found.items())
    )
    return finish(
        Catalog(
            framework="owasp-llm",
            version=edition,
            title="OWASP Top 10 for LLM Applications",
            source="OWASP project repository, markdown headings",
            licence="CC-BY-SA-4.0 (source document)",
            notice="Ids, titles and cited ATLAS ids only; no text of the source is included.",
            entries=entries,
        ),
        str(directory),
    )


def import_release(official: str | Path, folder: str | Path) -> Path:
    """Read an official file (ATLAS) or folder (OWASP) and write it into a user's catalog folder.

    Returns the written path, which :class:`~safecase.catalog.store.CatalogStore` reads.
    """
    source = Path(official)
    return save(read_owasp_llm(source) if source.is_dir() else read_atlas(source), folder)


def _parse_yaml(content: str, where: str) -> Any:
    # Aliases become shared objects, so they cost no memory; the limits on list lengths bound the walk.
    from ruamel.yaml import YAML
    from ruamel.yaml.error import YAMLError

    try:
        return YAML(typ="safe").load(content)
    except YAMLError as error:
        raise CatalogError(f"{where}: is not valid YAML: {' '.join(str(error).split())[:300]}") from None
    except (RecursionError, ValueError) as error:
        raise CatalogError(f"{where}: cannot be read as YAML: {str(error)[:200]}") from None


def _atlas_id(value: Any, where: str) -> str:
    identifier = text(value, "an id", where)
    if not _ATLAS_ID.match(identifier):
        raise CatalogError(f"{where}: '{identifier[:60]}' is no ATLAS id such as AML.T0051")
    return identifier


def _attributes(item: Mapping[str, Any], where: str) -> Mapping[str, str]:
    """What ATLAS says beside the common fields, under one name whatever its edition calls it."""
    kept: dict[str, str] = {}
    reference = item.get("attack-reference") or item.get("ATT&CK-reference")
    if isinstance(reference, Mapping) and reference.get("id"):
        kept["attack_reference"] = text(reference["id"], "attack-reference", where)
    for ours, theirs in (
        ("maturity", "maturity"),
        ("type", "case-study-type"),
        ("type", "type"),
        ("date", "incident-date"),
        ("date", "date"),
    ):
        value = item.get(theirs)
        if value is not None and len(str(value)) <= MAX_TEXT:
            kept.setdefault(ours, text(str(value).lower(), theirs, where))
    return MappingProxyType(kept)


def _read_matrices(document: Mapping[str, Any], where: str) -> Catalog:
    version = text(document.get("version"), "version", where)
    entries: list[CatalogEntry] = []
    for matrix in sequence(document.get("matrices"), "matrices", where):
        fields = mapping(matrix, "a matrix", where)
        for key, kind in _KINDS.items():
            for raw in sequence(fields.get(key), key, where):
                item = mapping(raw, f"an item of {key}", where)
                entries.append(_flat_entry(item, kind, version, where))
    for raw in sequence(document.get("case-studies"), "case-studies", where):
        item = mapping(raw, "a case study", where)
        steps = [
            mapping(step, "a step", where) for step in sequence(item.get("procedure"), "procedure", where)
        ]
        links = tuple(
            EntryLink("employs", "atlas", _atlas_id(step["technique"], where))
            for step in steps
            if step.get("technique")
        )
        entries.append(_entry(item, "case_study", version, where, links=links))
    return _catalog(version, entries, where)


def _flat_entry(item: Mapping[str, Any], kind: str, version: str, where: str) -> CatalogEntry:
    parents: tuple[str, ...] = ()
    links: list[EntryLink] = []
    if kind == "technique":
        if item.get("subtechnique-of"):
            parents, kind = (_atlas_id(item["subtechnique-of"], where),), "subtechnique"
        links = [
            EntryLink("achieves", "atlas", _atlas_id(tactic, where))
            for tactic in sequence(item.get("tactics"), "tactics", where)
        ]
    elif kind == "mitigation":
        for target in sequence(item.get("techniques"), "techniques", where):
            identifier = target.get("id") if isinstance(target, Mapping) else target
            links.append(EntryLink("mitigates", "atlas", _atlas_id(identifier, where)))
    return _entry(item, kind, version, where, parents=parents, links=tuple(links))


def _read_collection(document: Mapping[str, Any], where: str) -> Catalog:
    collection = mapping(document.get("collection"), "collection", where)
    version = text(collection.get("version"), "collection.version", where)
    relations: dict[tuple[str, str], list[str]] = {}
    order: dict[str, int] = {}
    for source, groups in mapping(document.get("relationships"), "relationships", where).items():
        for relation, items in mapping(groups, f"relationships of {source}", where).items():
            for raw in sequence(items, f"{relation} of {source}", where):
                item = mapping(raw, f"a relation of {source}", where)
                target = text(item.get("target"), "target", where)
                relations.setdefault((str(source), str(relation)), []).append(target)
                if relation == "sequences" and isinstance(item.get("position"), int):
                    order[target] = item["position"]

    def links(identifier: str, relation: str) -> tuple[EntryLink, ...]:
        return tuple(
            EntryLink(relation, "atlas", _atlas_id(target, where))
            for target in relations.get((identifier, relation), ())
        )

    entries: list[CatalogEntry] = []
    tactics = mapping(document.get("tactics"), "tactics", where)
    for identifier in sorted(tactics, key=lambda key: (order.get(key, len(order)), str(key))):
        item = mapping(tactics[identifier], str(identifier), where)
        entries.append(_entry(item, "tactic", version, where, identifier=identifier))
    for identifier, raw in mapping(document.get("techniques"), "techniques", where).items():
        parents = tuple(
            _atlas_id(target, where) for target in relations.get((str(identifier), "specializes"), ())
        )
        kind = "subtechnique" if parents else "technique"
        item = mapping(raw, str(identifier), where)
        entries.append(
            _entry(
                item,
                kind,
                version,
                where,
                identifier=identifier,
                parents=parents,
                links=links(str(identifier), "achieves"),
            )
        )
    for key, kind, relation in (
        ("mitigations", "mitigation", "mitigates"),
        ("case-studies", "case_study", "employs"),
    ):
        for identifier, raw in mapping(document.get(key, {}), key, where).items():
            item = mapping(raw, str(identifier), where)
            entries.append(
                _entry(
                    item, kind, version, where, identifier=identifier, links=links(str(identifier), relation)
                )
            )
    return _catalog(version, entries, where)


def _entry(
    item: Mapping[str, Any],
    kind: str,
    version: str,
    where: str,
    *,
    identifier: Any = None,
    parents: tuple[str, ...] = (),
    links: tuple[EntryLink, ...] = (),
) -> CatalogEntry:
    """An entry of ATLAS in our form."""
    name = _atlas_id(item.get("id") if identifier is None else identifier, where)
    return CatalogEntry(
        framework="atlas",
        version=version,
        id=name,
        name=text(item.get("name"), f"name of {name}", where),
        kind=kind,
        parents=parents,
        links=links,
        attributes=_attributes(item, f"{where}: {name}"),
    )


def _catalog(version: str, entries: list[CatalogEntry], where: str) -> Catalog:
    return finish(
        Catalog(
            framework="atlas",
            version=version,
            title="MITRE ATLAS",
            source=f"mitre-atlas/atlas-data, {Path(where).name}",
            licence="Apache-2.0",
            notice=_ATLAS_NOTICE,
            entries=tuple(entries),
        ),
        where,
    )
