"""Is what a page quotes what the program prints? Numbers, ids and line breaks may differ, words may not."""

from __future__ import annotations

import re

_RUN = re.compile(r"\b\d{8}T\d{6}Z-[0-9a-f]{6}\b")
_KEY = re.compile(r"\b[0-9a-f]{16}\b")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_PLURAL = re.compile(r"(?<=# )([a-z]+?)s?\b")
_VERB = re.compile(r"(?<=# )were\b")
"""Each run has an order of its own, so one may be seen where another run saw none."""


def shape(text: str) -> str:
    """The text with white space as single blanks, each number as #, and no plural behind a number."""
    text = _KEY.sub("KEY", _RUN.sub("RUN", text))
    text = " ".join(_NUMBER.sub("#", text).split())
    return _PLURAL.sub(r"\1", _VERB.sub("was", text))


def sentences(quoted: str) -> list[str]:
    """The entries of a quotation: a line that is indented goes on with the one above."""
    entries: list[str] = []
    for line in quoted.splitlines():
        if line[:1].isspace() and entries:
            entries[-1] += " " + line.strip()
        elif line.strip():
            entries.append(line)
    return entries


def missing_sentences(quoted: str, printed: str) -> list[str]:
    """The entries of the quotation whose shape no line has that was printed; … stands for anything."""
    there = [shape(line) for line in printed.splitlines()]
    missing = []
    for entry in sentences(quoted):
        parts = [re.escape(shape(part)) for part in re.split(r"…|\.\.\.", entry)]
        if not any(re.fullmatch(r"\s*.*?\s*".join(parts), line) for line in there):
            missing.append(entry)
    return missing


def tree_names(tree: str) -> list[str]:
    """The paths of a drawn folder: each line's names up to two blanks; folders end with a slash."""
    names = []
    for line in tree.splitlines():
        if line.strip():
            head = re.split(r"\s{2,}", line.strip(), maxsplit=1)[0]
            names += [name.strip() for name in head.split(", ")]
    return names
