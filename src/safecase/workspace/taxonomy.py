"""Taxonomy references as people write them, resolved so that a stored one never floats."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path

from safecase.model.errors import InputError
from safecase.model.taxonomy import TaxonomyReference

CATALOGUES = "catalogues"
"""Folder of a workspace's own catalogues: newer editions of the official ones."""


def resolve_reference(text: str, folder: Path | None = None) -> TaxonomyReference:
    """The reference with its catalogue's version filled in; raises InputError with the nearest id.

    ``folder`` holds catalogues beside those that ship.
    """
    if folder is None:
        return _resolved(text, "", 0)
    return _resolved(
        text, str(folder), max((item.stat().st_mtime_ns for item in folder.glob("*.json")), default=0)
    )


@lru_cache(maxsize=4096)
def _resolved(text: str, folder: str, stamp: int) -> TaxonomyReference:
    from safecase.catalog import CatalogueError, CatalogueStore, UnknownReferenceError

    del stamp

    try:
        reference = TaxonomyReference.parse(text)
    except ValueError as error:
        raise InputError(str(error)) from None
    try:
        entry = CatalogueStore([folder] if folder else []).resolve(text)
    except UnknownReferenceError as error:
        near = error.suggestions[0] if error.suggestions else None
        raise InputError(
            f"no catalogue holds '{text}'", hint=f"did you mean '{near}'?" if near else None
        ) from None
    except CatalogueError as error:
        hint = "`safecase catalogue update FILE` reads an official edition" if reference.version else None
        raise InputError(str(error), hint=hint) from None
    return reference.model_copy(update={"version": entry.version, "id": entry.id})
