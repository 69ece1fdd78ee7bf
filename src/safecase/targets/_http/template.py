"""JSON templates with ``${name}``: values are put into the structure, never into JSON text.

A string that is nothing but ``${name}`` becomes the value itself, list or object included. Inside a
longer string only text and numbers may stand. ``$$`` is a dollar sign; nothing else is interpreted, and
what was put in is not looked at again.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any, TypeAlias

from safecase.base import InputError, JsonValue, suggest

_TOKEN = re.compile(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}")
_STRAY = re.compile(r"\$\{[^}]*\}?")

Fill: TypeAlias = Callable[[Mapping[str, Any]], Any]


def compile_template(value: JsonValue, *, scalars: Collection[str], structures: Collection[str]) -> Fill:
    """A function from variables to the filled structure; everything that can be checked is checked here.

    ``scalars`` may stand anywhere, ``structures`` (lists, objects) only as whole strings. Raises InputError
    for an unknown name, a structure inside a longer string, or a variable in a key.
    """
    if isinstance(value, str):
        return _string(value, scalars, structures)
    if isinstance(value, list):
        items = [compile_template(item, scalars=scalars, structures=structures) for item in value]
        return lambda variables: [item(variables) for item in items]
    if isinstance(value, dict):
        fields: dict[str, Fill] = {}
        for key, item in value.items():
            if _TOKEN.search(key):
                raise InputError(f"'{key}': variables cannot stand in keys")
            fields[key] = compile_template(item, scalars=scalars, structures=structures)
        return lambda variables: {key: item(variables) for key, item in fields.items()}
    return lambda variables: value


def names_in(value: JsonValue) -> frozenset[str]:
    """The variables that a template uses."""
    if isinstance(value, str):
        return frozenset(match.group(1) for match in _TOKEN.finditer(value) if match.group(1))
    if isinstance(value, list):
        return frozenset().union(*(names_in(item) for item in value))
    if isinstance(value, dict):
        return frozenset().union(*(names_in(item) for item in value.values()))
    return frozenset()


def _string(text: str, scalars: Collection[str], structures: Collection[str]) -> Fill:
    """How one text of a template is filled: a lone variable keeps its type, others are joined as text."""
    pieces: list[str | None] = []
    names: list[str] = []
    position = 0
    for match in _TOKEN.finditer(text):
        _refuse_stray(text[position : match.start()], text)
        pieces.append(text[position : match.start()])
        name = match.group(1)
        if name is None:
            pieces.append("$")
        else:
            if name not in scalars and name not in structures:
                known = sorted({*scalars, *structures})
                raise InputError(
                    f"'{text}': there is no variable '{name}'",
                    hint=suggest(name, known),
                )
            names.append(name)
            pieces.append(None)
        position = match.end()
    _refuse_stray(text[position:], text)
    pieces.append(text[position:])
    if names and text == f"${{{names[0]}}}":
        only = names[0]
        return lambda variables: variables[only]
    for name in names:
        if name in structures:
            raise InputError(f"'{text}': {name} is a structure and must stand alone: '${{{name}}}'")
    if not names:
        constant = "".join(piece for piece in pieces if piece is not None)
        return lambda variables: constant
    return lambda variables: _join(pieces, names, variables)


def _join(pieces: list[str | None], names: list[str], variables: Mapping[str, Any]) -> str:
    """The text with its variables filled in; None marks their places."""
    following = iter(names)
    return "".join(str(variables[next(following)]) if piece is None else piece for piece in pieces)


def _refuse_stray(piece: str, text: str) -> None:
    stray = _STRAY.search(piece)
    if stray is not None:
        raise InputError(f"'{text}': '{stray.group()}' is no variable", hint="write $$ for a dollar sign")
