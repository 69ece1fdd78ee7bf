"""The shorthands of a case: prompt, system, turns, flat expectations, taxonomy as text."""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import product
from typing import Any

from safecase.base import InputError
from safecase.model import Case, Combination, TaxonomyReference
from safecase.workspace._validation import validate_at
from safecase.workspace.taxonomy import resolve_reference
from safecase.workspace.yaml_reader import LocatedDocument, Path_

SHORTHANDS = ("prompt", "system", "turns")
_PLACEHOLDER = re.compile(r"\$(?:\$|\{([A-Za-z_][A-Za-z0-9_.-]*)\}|(?=[^{$])|$)")
MAXIMUM_EXPANSIONS = 100_000
"""Cases of one template: two long lists and a slip make millions, which would fill the memory before anybody
is told."""


def build_case(data: Mapping[str, Any], document: LocatedDocument, path: Path_) -> Case | None:
    """A case from its mapping, shorthands included; mistakes are noted in ``document``."""
    fields = dict(data)
    prompt, system, turns = (fields.pop(name, None) for name in SHORTHANDS)
    if "messages" in fields and (prompt is not None or turns is not None):
        document.problem(path, "two-scripts", "a case has either 'messages' or 'prompt' or 'turns'")
        return None
    messages: list[Any] = (
        list(fields.get("messages") or []) if isinstance(fields.get("messages"), list) else []
    )
    if prompt is not None:
        messages.append({"role": "user", "content": prompt})
    if isinstance(turns, list):
        messages.extend({"role": "user", "content": turn} for turn in turns)
    if system is not None:
        messages.insert(0, {"role": "system", "content": system})
    if prompt is not None or turns is not None or system is not None:
        fields["messages"] = messages
    fields["expect"] = [_expectation(item) for item in _listed(fields.get("expect"))]
    if not fields["expect"]:
        fields.pop("expect")
    if "taxonomy" in fields:
        fields["taxonomy"] = read_taxonomy(_listed(fields["taxonomy"]), document, (*path, "taxonomy"))
    if "id" in fields and not isinstance(fields["id"], str):
        fields["id"] = str(fields["id"])
    fields.setdefault("family", fields.get("id"))
    name = fields.get("id")
    return validate_at(Case, fields, document, path, what=f"case '{name}'" if name else "this case")


def _listed(value: Any) -> list[Any]:
    """A value as a list: one item may be written without brackets."""
    if value is None:
        return []
    return list(value) if isinstance(value, list) else [value]


def _expectation(item: Any) -> Any:
    """The shorthands of an expectation: a scorer's name, or its parameters beside it."""
    if isinstance(item, str):
        return {"scorer": item}
    if isinstance(item, dict) and "parameters" not in item:
        return {
            "scorer": item.get("scorer"),
            "parameters": {key: value for key, value in item.items() if key != "scorer"},
        }
    return item


def read_taxonomy(items: list[Any], document: LocatedDocument, path: Path_) -> list[TaxonomyReference]:
    """References from text, each resolved against its catalog; unknown ids are noted."""
    found = []
    for index, item in enumerate(items):
        if isinstance(item, TaxonomyReference):
            found.append(item)
            continue
        try:
            found.append(resolve_reference(str(item), document.catalogs))
        except InputError as error:
            document.problem((*path, index), "unknown-taxonomy", error.message, hint=error.hint)
    return found


def substitute(value: Any, values: Mapping[str, str]) -> Any:
    """Replace ``${name}`` in every string of ``value``; ``$$`` is a dollar.

    Raises KeyError for names that ``values`` does not hold.
    """
    if isinstance(value, str):
        if "$" not in value:
            return value
        return _PLACEHOLDER.sub(lambda match: _replacement(match, values), value)
    if isinstance(value, list):
        return [substitute(item, values) for item in value]
    if isinstance(value, dict):
        return {key: substitute(item, values) for key, item in value.items()}
    return value


def _replacement(match: re.Match[str], values: Mapping[str, str]) -> str:
    """What a placeholder stands for; ``$$`` and a lone sign are a dollar."""
    if match[0] == "$$":
        return "$"
    name = match[1]
    if name is None:
        return "$"
    return values[name]


def expand_template(data: Mapping[str, Any], document: LocatedDocument, path: Path_) -> list[dict[str, Any]]:
    """The cases of a template, as mappings: one per combination of its parameters."""
    fields = dict(data)
    parameters = fields.pop("parameters", None) or {}
    combine = fields.pop("combine", Combination.PRODUCT)
    identifier = str(fields.get("id", ""))
    if not identifier:
        document.problem(path, "missing-key", "this template lacks 'id'")
        return []
    if not isinstance(parameters, dict) or not all(
        isinstance(item, list) and item for item in parameters.values()
    ):
        document.problem(
            (*path, "parameters"), "wrong-value", "'parameters' maps each name to a list of values", key=True
        )
        return []
    if combine not in list(Combination):
        document.problem(
            (*path, "combine"),
            "wrong-word",
            f"'{combine}' is not a combination",
            hint=" or ".join(Combination),
        )
        return []
    columns = list(parameters.values())
    total = 1
    for column in columns:
        total = total * len(column) if combine == Combination.PRODUCT else len(column)
    if combine == Combination.ZIP and len({len(column) for column in columns}) > 1:
        document.problem((*path, "parameters"), "wrong-value", "zip needs lists of equal length", key=True)
        return []
    if total > MAXIMUM_EXPANSIONS:
        document.problem(
            path, "too-many", f"the template makes {total} cases; at most {MAXIMUM_EXPANSIONS} are made"
        )
        return []
    rows = product(*columns) if combine == Combination.PRODUCT else zip(*columns, strict=True)
    width = len(str(total))
    made = []
    for number, row in enumerate(rows if columns else [()], start=1):
        values = _values(dict(zip(parameters, row, strict=True)))
        try:
            case = {key: substitute(item, values) for key, item in fields.items()}
        except KeyError as error:
            document.problem(
                path,
                "unknown-parameter",
                f"the template has no parameter {error}",
                hint=f"known: {', '.join(values)}",
            )
            return []
        case["id"] = f"{identifier}-{number:0{width}d}"
        case.setdefault("family", identifier)
        made.append(case)
    return made


def _values(row: Mapping[str, Any]) -> dict[str, str]:
    """A row's values as text, nested ones under ``name.key``."""
    values: dict[str, str] = {}
    for name, value in row.items():
        if isinstance(value, dict):
            values.update({f"{name}.{key}": str(item) for key, item in value.items()})
        else:
            values[name] = "" if value is None else str(value)
    return values
