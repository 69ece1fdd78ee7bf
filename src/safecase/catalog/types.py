"""What a catalog holds: frozen records, addressed by (framework, version, id)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType
from typing import Protocol


def _no_attributes() -> Mapping[str, str]:
    return MappingProxyType({})


class ReferenceLike(Protocol):
    """Anything with a framework, a version (may be empty) and an id."""

    @property
    def framework(self) -> str:
        """Catalog name such as ``atlas``."""

    @property
    def version(self) -> str:
        """Version of the catalog; empty means the default one."""

    @property
    def id(self) -> str:
        """Id of the entry inside the catalog."""


@dataclass(frozen=True, slots=True)
class EntryLink:
    """A relation from one entry to another, maybe in another framework.

    Relations: ``achieves`` (technique → tactic), ``mitigates`` (mitigation → technique), ``employs``
    (case study → technique), ``related`` (as cited by the source), ``succeeds`` and ``succeeded_by``
    (editions of one list).
    """

    relation: str
    framework: str
    id: str
    version: str = ""
    """Empty: the default version of that framework."""
    note: str = ""


@dataclass(frozen=True, slots=True)
class CatalogEntry:
    """One tactic, technique, mitigation, case study, category, clause... of one catalog version."""

    framework: str
    version: str
    id: str
    name: str
    kind: str
    parents: tuple[str, ...] = ()
    """Ids in the same catalog: a sub-technique's technique, a category's function."""
    links: tuple[EntryLink, ...] = ()
    attributes: Mapping[str, str] = field(default_factory=_no_attributes, hash=False)

    @property
    def reference(self) -> str:
        """``framework@version:id``, which resolves to this very entry."""
        return f"{self.framework}@{self.version}:{self.id}"

    def linked(self, relation: str, framework: str | None = None) -> tuple[str, ...]:
        """Ids that this entry points at by ``relation``, each once, in source order."""
        found = (
            link.id
            for link in self.links
            if link.relation == relation and framework in (None, link.framework)
        )
        return tuple(dict.fromkeys(found))


@dataclass(frozen=True)
class Catalog:
    """One version of one framework, with where it came from and what its licence asks for."""

    framework: str
    version: str
    title: str
    source: str
    licence: str
    entries: tuple[CatalogEntry, ...]
    notice: str = ""
    released: str = ""
    status: str = "published"
    aliases: tuple[str, ...] = ()
    """Other version strings under which this version is known."""
    interpretation: bool = False
    """True where the titles are our own words and not those of the source."""

    @cached_property
    def _by_id(self) -> Mapping[str, CatalogEntry]:
        return {entry.id: entry for entry in self.entries}

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[CatalogEntry]:
        return iter(self.entries)

    def __contains__(self, identifier: object) -> bool:
        return identifier in self._by_id

    def get(self, identifier: str) -> CatalogEntry | None:
        """The entry with exactly this id, or None."""
        return self._by_id.get(identifier)

    def ids(self) -> tuple[str, ...]:
        """Every id in source order."""
        return tuple(self._by_id)

    def counts(self) -> dict[str, int]:
        """Kind → number of entries, counted from the data."""
        return dict(Counter(entry.kind for entry in self.entries))

    def children(self, identifier: str) -> tuple[CatalogEntry, ...]:
        """Entries that name ``identifier`` as their parent."""
        return tuple(entry for entry in self.entries if identifier in entry.parents)
