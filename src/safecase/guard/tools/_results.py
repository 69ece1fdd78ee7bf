"""Reading a tool's result as data (JSON, YAML, Python literals, never run), and what its fields vouch for."""

from __future__ import annotations

import ast
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Any

import orjson

_LONGEST_LITERAL = 50_000
"""Characters: the tree that Python's parser builds is far larger than the literal."""
_LONGEST_RESULT = 200_000
"""Characters: YAML is read slowly, and what lies beyond vouches for nothing, which errs on the safe side."""
_SHORT = 20_000
"""Characters of a result whose values are kept between calls, so that the cache stays small."""


def parsed_result(text: str) -> Any:
    """The data in a result, or the text itself where it is none. Work is bounded by the text's length."""
    stripped = text.strip()
    if not stripped:
        return text
    if stripped[0] in "{[":
        try:
            return orjson.loads(stripped)
        except orjson.JSONDecodeError:
            pass
        if len(stripped) <= _LONGEST_LITERAL:
            try:
                return ast.literal_eval(stripped)
            except (ValueError, SyntaxError, MemoryError, RecursionError):
                return text
        return text
    if (
        stripped.startswith("- ")
        or ": " in stripped.splitlines()[0]
        or stripped.splitlines()[0].endswith(":")
    ):
        from ruamel.yaml import YAML
        from ruamel.yaml.error import YAMLError

        try:
            # Aliases are refused by the size of what may be read, not followed without end.
            return None if "&" in stripped and "*" in stripped else YAML(typ="safe").load(stripped)
        except (YAMLError, ValueError, RecursionError):
            return text
    return text


def trusted_values(result: str, fields: Iterable[str]) -> tuple[str, ...]:
    """The values of the fields that a tool's own system fills in, of a result in JSON, YAML or plain form.

    ``*`` names every field, keys included; of plain text each line counts, and what follows a colon in it.
    """
    wanted = frozenset(fields)
    if not wanted:
        return ()
    return (_short_values if len(result) <= _SHORT else _values)(result, wanted)


def _values(result: str, wanted: frozenset[str]) -> tuple[str, ...]:
    return tuple(_read_values(result, wanted))


# A host that keeps no session puts the whole conversation again at each call.
_short_values = lru_cache(maxsize=256)(_values)


def _read_values(result: str, wanted: frozenset[str]) -> Iterator[str]:
    parsed = parsed_result(result[:_LONGEST_RESULT])
    if "*" not in wanted:
        yield from _fields(parsed, wanted)
        return
    if not isinstance(parsed, str):
        yield from _everything(parsed)
        return
    for line in parsed.splitlines()[:5000]:
        yield line
        yield line.lstrip("-* ").strip()
        if ":" in line:
            yield line.partition(":")[2].strip()


def _everything(value: Any) -> Iterator[str]:
    """All texts of a value, keys included."""
    if isinstance(value, dict):
        for key, item in value.items():
            yield str(key)
            yield from _everything(item)
    elif isinstance(value, list):
        for item in value[:5000]:
            yield from _everything(item)
    else:
        yield str(value)


def _fields(value: Any, wanted: frozenset[str]) -> Iterator[str]:
    """All texts under the wanted keys, at whatever depth."""
    if isinstance(value, dict):
        for key, item in value.items():
            if str(key) in wanted:
                yield from _everything(item)
            else:
                yield from _fields(item, wanted)
    elif isinstance(value, list):
        for item in value[:5000]:
            yield from _fields(item, wanted)
