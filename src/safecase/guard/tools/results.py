"""Reading a tool's result as data: JSON, YAML or a Python literal, none of them executed."""

from __future__ import annotations

import ast
from typing import Any

import orjson

_LONGEST_LITERAL = 50_000


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
