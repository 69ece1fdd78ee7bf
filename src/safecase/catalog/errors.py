"""What goes wrong in a catalog: bad input, told in one message."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence

from safecase.base import InputError


class CatalogError(InputError):
    """A catalog file cannot be read, or a catalog was asked for that nobody has."""


class UnknownReferenceError(CatalogError):
    """A reference names an entry that stands in no catalog.

    ``suggestions`` holds up to three nearest known references, best first.
    """

    def __init__(self, message: str, suggestions: Sequence[str] = ()) -> None:
        self.suggestions = tuple(suggestions)
        hint = f"; did you mean {' or '.join(self.suggestions)}?" if self.suggestions else ""
        super().__init__(message + hint)


def nearest(word: str, known: Iterable[str], limit: int = 3) -> tuple[str, ...]:
    """Up to ``limit`` of ``known`` that look like ``word``, ignoring case, best first."""
    by_folded = {item.casefold(): item for item in known}
    matches = difflib.get_close_matches(word.casefold(), list(by_folded), n=limit, cutoff=0.6)
    return tuple(by_folded[match] for match in matches)
