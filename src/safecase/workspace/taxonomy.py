"""Taxonomy references as people write them, resolved so that a stored one never floats."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

from safecase.base import InputError
from safecase.model import TaxonomyReference

if TYPE_CHECKING:
    from safecase.catalog import CatalogStore

CATALOGS = "catalogs"
"""Folder of a workspace's own catalogs: newer editions of the official ones."""


def workspace_catalogs(root: Path) -> CatalogStore:
    """The catalogs that ship, and those in the workspace's own folder where it has one."""
    from safecase.catalog import BUILTIN, CatalogStore

    folder = root / CATALOGS
    return CatalogStore([folder]) if folder.is_dir() else BUILTIN


# A workspace's own store is made anew at each load, so that what one load resolved is not stale in the next.
@lru_cache(maxsize=4096)
def resolve_reference(text: str, catalogs: CatalogStore | None = None) -> TaxonomyReference:
    """The reference with its catalog's version filled in; raises InputError with the nearest id.

    ``catalogs``: None for those that ship.
    """
    from safecase.catalog import BUILTIN, CatalogError, UnknownReferenceError

    try:
        reference = TaxonomyReference.parse(text)
    except ValueError as error:
        raise InputError(str(error)) from None
    try:
        entry = (catalogs or BUILTIN).resolve(text)
    except UnknownReferenceError as error:
        near = error.suggestions[0] if error.suggestions else None
        raise InputError(
            f"no catalog holds '{text}'", hint=f"did you mean '{near}'?" if near else None
        ) from None
    except CatalogError as error:
        hint = "`safecase catalog update FILE` reads an official edition" if reference.version else None
        raise InputError(str(error), hint=hint) from None
    return reference.model_copy(update={"version": entry.version, "id": entry.id})
