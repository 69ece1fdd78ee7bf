"""What somebody probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

_LISTED = 40
"""Names that a hint lists: every registry of the package fits, a table of a thousand columns does not."""


def did_you_mean(word: str, known: Iterable[str]) -> str | None:
    """``did you mean 'x'?`` for the nearest of ``known``, or None where nothing is near.

    For what is known by the hundred, case ids for instance; `suggest` is for what fits on a line.
    """
    # 0.6: a letter wrong in a short word, or an ending missing in a long one.
    matches = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean '{matches[0]}'?" if matches else None


def suggest(word: str, known: Iterable[str], *, label: str = "known") -> str:
    """``did you mean 'x'?`` for the nearest of ``known``, or what there is: ``known: a, b``."""
    names = list(known)
    listed = ", ".join(names[:_LISTED]) + (
        f" and {len(names) - _LISTED} more" if len(names) > _LISTED else ""
    )
    return did_you_mean(word, names) or f"{label}: {listed or 'none'}"
