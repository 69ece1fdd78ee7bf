"""Finding catalogs and entries: what ships with the package, and what a user has added beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from importlib import resources
from pathlib import Path

from safecase.catalog._serialise import from_json, read_text, to_json
from safecase.catalog.errors import CatalogError, UnknownReferenceError, nearest
from safecase.catalog.types import Catalog, CatalogEntry, ReferenceLike

DEFAULT_VERSIONS = {
    "atlas": "5.6.1",
    "owasp-llm": "2025",
    "owasp-agentic": "2026",
    "nist-ai-rmf": "1.0",
    "iso-42001": "2023",
    "eu-ai-act": "2024",
}
"""Framework → version used where a reference names none. A user's catalog never moves this."""

_EDITION = re.compile(r"^(LLM\d{2}):(\d{4})$", re.IGNORECASE)
"""An OWASP id that carries its edition, which then must agree with the version asked for."""


@lru_cache(maxsize=1)
def _builtin_files() -> dict[tuple[str, str], str]:
    folder = resources.files("safecase.catalog") / "data"
    names = sorted(item.name for item in folder.iterdir() if item.name.endswith(".json"))
    pairs = {}
    for name in names:
        framework, separator, version = name[: -len(".json")].rpartition("-")
        if separator:
            pairs[framework, version] = name
    return pairs


@lru_cache(maxsize=64)
def _load_builtin(name: str) -> Catalog:
    content = (resources.files("safecase.catalog") / "data" / name).read_text(encoding="utf-8")
    return from_json(content, name)


@lru_cache(maxsize=64)
def _load_user(path: Path, _stamp: tuple[int, int]) -> Catalog:
    return from_json(read_text(path), str(path))


class CatalogStore:
    """The built-in catalogs, and those of ``folders`` (``*.json`` in this project's form).

    A user's file with the (framework, version) of a built-in one takes its place.
    """

    def __init__(self, folders: Iterable[str | Path] = ()) -> None:
        self._folders = tuple(Path(folder) for folder in folders)

    def _user_catalogs(self) -> dict[tuple[str, str], Catalog]:
        found: dict[tuple[str, str], Catalog] = {}
        for folder in self._folders:
            if not folder.is_dir():
                raise CatalogError(f"{folder}: is not a folder of catalogs")
            for path in sorted(folder.glob("*.json")):
                stamp = path.stat()
                catalog = _load_user(path, (stamp.st_mtime_ns, stamp.st_size))
                found[catalog.framework, catalog.version] = catalog
        return found

    def available(self) -> tuple[tuple[str, str], ...]:
        """Every (framework, version) that can be loaded, sorted."""
        return tuple(sorted({*_builtin_files(), *self._user_catalogs()}))

    def frameworks(self) -> tuple[str, ...]:
        """Every framework name, sorted."""
        return tuple(sorted({framework for framework, _ in self.available()}))

    def default_version(self, framework: str) -> str:
        """The version used where a reference names none. Raises CatalogError for an unknown framework."""
        if framework in DEFAULT_VERSIONS:
            return DEFAULT_VERSIONS[framework]
        versions = [version for name, version in self.available() if name == framework]
        if not versions:
            known = self.frameworks()
            hint = nearest(framework, known, 1)
            mend = f"did you mean {hint[0]}?" if hint else f"known: {', '.join(known)}"
            raise CatalogError(f"there is no catalog named '{framework}'; {mend}")
        return versions[-1]

    def load(self, framework: str, version: str | None = None) -> Catalog:
        """One catalog; without ``version`` the default one.

        Raises CatalogError where the framework or the version is unknown, naming what there is.
        """
        wanted = version or self.default_version(framework)
        user = self._user_catalogs()
        if (framework, wanted) in user:
            return user[framework, wanted]
        if (framework, wanted) in _builtin_files():
            return _load_builtin(_builtin_files()[framework, wanted])
        versions = [name for known, name in self.available() if known == framework]
        if not versions:
            self.default_version(framework)
        for name in versions:
            candidate = user.get((framework, name)) or _load_builtin(_builtin_files()[framework, name])
            if wanted in candidate.aliases:
                return candidate
        raise CatalogError(
            f"there is no version '{wanted}' of the catalog '{framework}'; known: {', '.join(versions)}"
        )

    def resolve(self, reference: str | ReferenceLike) -> CatalogEntry:
        """The entry that a reference names.

        Text forms: ``atlas:AML.T0051``, ``atlas@5.6.1:AML.T0051``, ``owasp-llm:LLM01:2025`` (the edition
        chooses the version), ``owasp-llm:LLM01`` (default edition). Ids are matched without regard to
        case. Raises UnknownReferenceError with suggestions, or CatalogError for a malformed reference.
        """
        framework, version, identifier = split_reference(reference)
        edition = _EDITION.match(identifier)
        if edition and framework == "owasp-llm":
            if version and version != edition.group(2):
                raise CatalogError(
                    f"'{identifier}' is of edition {edition.group(2)}, but version {version} was asked for"
                )
            version = edition.group(2)
        catalog = self.load(framework, version or None)
        for candidate in (identifier, f"{identifier}:{catalog.version}"):
            entry = catalog.get(candidate)
            if entry is not None:
                return entry
        folded = {known.casefold(): known for known in catalog.ids()}
        for candidate in (identifier.casefold(), f"{identifier.casefold()}:{catalog.version}"):
            if candidate in folded:
                return catalog.entries[catalog.ids().index(folded[candidate])]
        raise UnknownReferenceError(
            f"'{identifier}' is not in {catalog.title} {catalog.version}",
            self._suggest(catalog, identifier),
        )

    @staticmethod
    def _suggest(catalog: Catalog, identifier: str) -> tuple[str, ...]:
        by_name = {entry.name: entry.id for entry in catalog}
        ids = nearest(identifier, catalog.ids())
        named = tuple(by_name[name] for name in nearest(identifier, by_name))
        best = dict.fromkeys((*named, *ids) if " " in identifier else (*ids, *named))
        return tuple(f"{catalog.framework}:{found}" for found in list(best)[:3])

    def crosswalk(
        self, source: str, target: str, *, version: str | None = None
    ) -> dict[str, tuple[str, ...]]:
        """Id in ``source`` → ids in ``target``, from the links that the source documents cite.

        Works both ways: where ``source`` cites nothing of ``target``, the links of ``target`` are turned
        round. ``version`` is that of the citing side. Entries without a link are left out.
        """
        forward = _links(self.load(source, version if self._cites(source, target, version) else None), target)
        if forward:
            return forward
        turned: dict[str, list[str]] = {}
        for identifier, others in _links(self.load(target, version), source).items():
            for other in others:
                turned.setdefault(other, []).append(identifier)
        return {key: tuple(value) for key, value in sorted(turned.items())}

    def _cites(self, source: str, target: str, version: str | None) -> bool:
        """Whether a catalog relates to the target framework at all; one that cannot be loaded does not."""
        try:
            catalog = self.load(source, version)
        except CatalogError:
            return False
        return any(link.framework == target for entry in catalog for link in entry.links)


def _links(catalog: Catalog, target: str) -> dict[str, tuple[str, ...]]:
    """Entry → the entries of the target framework that it relates to; those without any left out."""
    table = {entry.id: entry.linked("related", target) for entry in catalog}
    return {identifier: others for identifier, others in table.items() if others}


def split_reference(reference: str | ReferenceLike) -> tuple[str, str, str]:
    """(framework, version or "", id) of a reference; raises CatalogError on a malformed one."""
    if not isinstance(reference, str):
        return reference.framework, reference.version, reference.id
    head, separator, identifier = reference.strip().partition(":")
    if not separator or not head or not identifier:
        shown = reference if len(reference) <= 80 else reference[:77] + "..."
        raise CatalogError(
            f"{shown!r} is not a taxonomy reference; write framework:id, for example atlas:AML.T0051"
        )
    framework, _, version = head.partition("@")
    return framework.lower(), version, identifier


BUILTIN = CatalogStore()
"""The catalogs that ship, and no others."""


def available() -> tuple[tuple[str, str], ...]:
    """Every built-in (framework, version), sorted."""
    return BUILTIN.available()


def load(framework: str, version: str | None = None) -> Catalog:
    """A built-in catalog; see :meth:`CatalogStore.load`."""
    return BUILTIN.load(framework, version)


def resolve(reference: str | ReferenceLike) -> CatalogEntry:
    """An entry of the built-in catalogs; see :meth:`CatalogStore.resolve`."""
    return BUILTIN.resolve(reference)


def crosswalk(source: str, target: str, *, version: str | None = None) -> dict[str, tuple[str, ...]]:
    """Crosswalk between built-in catalogs; see :meth:`CatalogStore.crosswalk`."""
    return BUILTIN.crosswalk(source, target, version=version)


def save(catalog: Catalog, folder: str | Path) -> Path:
    """Write a catalog into a user's folder as ``framework-version.json`` and return the path.

    The file appears whole or not at all. Raises CatalogError where the names are not safe as a file
    name or the folder cannot be written.
    """
    stem = f"{catalog.framework}-{catalog.version}"
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,120}", stem):
        raise CatalogError(f"'{stem}' cannot be a file name; use letters, digits, dot and hyphen")
    directory = Path(folder)
    path = directory / f"{stem}.json"
    partial = directory / f".{stem}.json.partial"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        partial.write_text(to_json(catalog), encoding="utf-8")
        partial.replace(path)
    except OSError as error:
        raise CatalogError(f"{path}: cannot be written: {error.strerror or error}") from None
    return path
