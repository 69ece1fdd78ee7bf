"""Predicates over JSON values: how a suite says what a tool's argument or the end state must be."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from safecase.base import InputError, JsonValue, suggest
from safecase.scorers._transcripts import json_text
from safecase.scorers.rules._pattern_safety import compile_safe

Predicate = Callable[[Any], bool]
MISSING = object()
"""Stands for a path that leads nowhere."""

_NAMES = (
    "equals", "not_equals", "contains", "not_contains", "matches", "not_matches", "in", "not_in",
    "above", "below", "any", "exists", "length", "any_item", "every_item",
)  # fmt: skip


def read_path(value: Any, path: str) -> Any:
    """The value at a dotted path (``items.0.name``, ``items.*.name``), or MISSING.

    ``*`` stands for every member of a list or object and gives the list of what was found. A key that holds
    dots itself is found too, where the object has it.
    """
    if path in {"", "$"}:
        return value
    return _walk(value, path.removeprefix("$.").split("."))


def _walk(value: Any, parts: list[str]) -> Any:
    """The value at a path, or MISSING; ``*`` stands for all members, and keys may hold points."""
    for index, part in enumerate(parts):
        if part == "*":
            members = (
                value if isinstance(value, list) else list(value.values()) if isinstance(value, dict) else []
            )
            found = [_walk(member, parts[index + 1 :]) for member in members]
            return [item for item in found if item is not MISSING] or MISSING
        if isinstance(value, dict):
            rest = ".".join(parts[index:])
            if rest in value:
                return value[rest]
            if part not in value:
                return MISSING
            value = value[part]
        elif isinstance(value, list) and part.lstrip("-").isdigit():
            if not -len(value) <= int(part) < len(value):
                return MISSING
            value = value[int(part)]
        else:
            return MISSING
    return value


def parse_predicate(source: JsonValue, where: str) -> tuple[Predicate, str]:
    """A predicate and its wording, from ``{equals: 3}``, ``{in: [a, b]}``, or a plain value (equals).

    Several names in one mapping must all hold. Raises InputError naming ``where``.
    """
    if not isinstance(source, Mapping) or not source:
        return _equals(source), f"equals {json_text(source)}"
    unknown = [name for name in source if name not in _NAMES]
    if unknown:
        raise InputError(
            f"there is no predicate '{unknown[0]}'",
            where=where,
            hint=suggest(unknown[0], _NAMES),
        )
    parts = [_build_named(name, value, f"{where}.{name}") for name, value in source.items()]
    words = " and ".join(
        "anything" if name == "any" else f"{name.replace('_', ' ')} {json_text(value)}"
        for name, value in source.items()
    )
    return lambda value: all(part(value) for part in parts), words


def _build_named(name: str, expected: JsonValue, where: str) -> Predicate:
    if name.startswith("not_"):
        positive = _build_named(name.removeprefix("not_"), expected, where)
        return lambda value: not positive(value)
    if name == "equals":
        return _equals(expected)
    if name == "contains":
        return lambda value: _contains(value, expected)
    if name == "matches":
        if not isinstance(expected, str):
            raise InputError("matches needs a regular expression", where=where)
        pattern = compile_safe(expected, re.IGNORECASE, where=where)
        return lambda value: value is not MISSING and pattern.search(_text(value)) is not None
    if name == "in":
        if not isinstance(expected, list):
            raise InputError("in needs a list", where=where)
        members = [_equals(item) for item in expected]
        return lambda value: any(member(value) for member in members)
    if name in {"above", "below"}:
        if isinstance(expected, bool) or not isinstance(expected, int | float):
            raise InputError(f"{name} needs a number", where=where)
        bound = float(expected)
        if name == "above":
            return lambda value: (number := _number(value)) is not None and number > bound
        return lambda value: (number := _number(value)) is not None and number < bound
    if name in {"any_item", "every_item"}:
        inner, _ = parse_predicate(expected, where)
        quantifier = any if name == "any_item" else all
        return lambda value: isinstance(value, list) and quantifier(inner(item) for item in value)
    if name == "length":
        inner, _ = parse_predicate(expected, where)
        return lambda value: isinstance(value, list | dict | str) and inner(len(value))
    if not isinstance(expected, bool):
        raise InputError(f"{name} needs true or false", where=where)
    return lambda value: (value is not MISSING) is expected


def _equals(expected: Any) -> Predicate:
    """Equality as people mean it: words without regard to case, numbers whether or not they are quoted."""
    if isinstance(expected, str):
        folded = expected.strip().casefold()
        return lambda value: isinstance(value, str) and value.strip().casefold() == folded
    if isinstance(expected, bool) or expected is None:
        return lambda value: value is expected
    if isinstance(expected, int | float):
        return lambda value: (number := _number(value)) is not None and number == float(expected)
    return lambda value: bool(value == expected)


def _contains(value: Any, expected: Any) -> bool:
    """Whether a list has the item, an object the key, or the value's text the text."""
    if value is MISSING:
        return False
    if isinstance(value, list):
        equal = _equals(expected)
        return any(equal(item) or (isinstance(item, str) and _contains(item, expected)) for item in value)
    if isinstance(value, dict):
        return isinstance(expected, str) and (expected in value or _contains(_text(value), expected))
    return _text(expected).casefold() in _text(value).casefold()


def _text(value: Any) -> str:
    """All words of a value, keys included, in order; without recursion, because a model wrote it."""
    if isinstance(value, str):
        return value
    pieces: list[str] = []
    stack = [value]
    while stack:
        item = stack.pop()
        if isinstance(item, dict):
            for key, member in reversed(item.items()):
                stack += [member, str(key)]
        elif isinstance(item, list):
            stack.extend(reversed(item))
        elif item is not MISSING:
            pieces.append(item if isinstance(item, str) else str(item))
    return " ".join(pieces)


def _number(value: Any) -> float | None:
    """The number that a value is or spells, with separators or a currency sign; True is none."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value)
    if isinstance(value, str) and len(value) <= 40:
        try:
            return float(value.replace(",", "").strip().lstrip("$€£ "))
        except ValueError:
            return None
    return None
