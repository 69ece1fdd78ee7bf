"""Taxonomy references as people write them, resolved so that a stored one never floats."""

from __future__ import annotations

from functools import lru_cache

from safecase.model.errors import InputError
from safecase.model.taxonomy import TaxonomyReference


@lru_cache(maxsize=4096)
def resolve_reference(text: str) -> TaxonomyReference:
    """The reference with its catalogue's version filled in; raises InputError with the nearest id."""
    from safecase.catalog import CatalogueError, UnknownReferenceError, resolve

    try:
        reference = TaxonomyReference.parse(text)
    except ValueError as error:
        raise InputError(str(error)) from None
    try:
        entry = resolve(text)
    except UnknownReferenceError as error:
        near = error.suggestions[0] if error.suggestions else None
        raise InputError(
            f"no catalogue holds '{text}'", hint=f"did you mean '{near}'?" if near else None
        ) from None
    except CatalogueError as error:
        raise InputError(str(error)) from None
    return reference.model_copy(update={"version": entry.version, "id": entry.id})
