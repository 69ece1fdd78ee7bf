"""From pydantic's complaints to what a person needs: the place, the mistake, what was meant."""

from __future__ import annotations

import enum
import types
import typing
from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from safecase.base import suggest
from safecase.workspace.yaml_reader import LocatedDocument, Path_

Model = TypeVar("Model", bound=BaseModel)


def validated(
    model: type[Model], data: Mapping[str, Any], document: LocatedDocument, path: Path_, *, what: str
) -> Model | None:
    """``data`` as ``model``; every mistake is noted in ``document`` and None returned."""
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        for item in error.errors(include_url=False):
            location = tuple(step for step in item["loc"] if not _is_branch(step))
            place = (*path, *location)
            kind, given = item["type"], item.get("input")
            if kind == "extra_forbidden":
                name = str(location[-1])
                known = field_names(model, location[:-1])
                hint = suggest(name, known) if known else None
                document.problem(place, "unknown-key", f"{what} has no '{name}'", hint=hint, key=True)
            elif kind == "missing":
                document.problem(path, "missing-key", f"{what} lacks '{'.'.join(map(str, location))}'")
            elif kind == "enum":
                words = str(item.get("ctx", {}).get("expected", "")).replace("'", "").replace(" or ", ", ")
                options = [word.strip() for word in words.split(",") if word.strip()]
                hint = suggest(str(given), options, label="one of")
                document.problem(place, "wrong-word", f"'{given}' is not a {location[-1]}", hint=hint)
            else:
                message = str(item["msg"]).removeprefix("Value error, ")
                name = ".".join(str(step) for step in location)
                text = f"{what}: {name}: {message}" if name else f"{what}: {message}"
                document.problem(place, "wrong-value", text[:1].lower() + text[1:])
        return None


def _is_branch(step: object) -> bool:
    """Pydantic names the branch of a union in the location; people did not write it."""
    return isinstance(step, str) and (step in ("str", "tuple", "constrained-str") or "[" in step)


def field_names(model: type[BaseModel], steps: tuple[str | int, ...]) -> tuple[str, ...]:
    """The field names of the model that stands at ``steps`` below ``model``; empty where none does."""
    current = model
    for step in steps:
        if isinstance(step, int):
            continue
        field = current.model_fields.get(step)
        inner = _inner_model(field.annotation) if field else None
        if inner is None:
            return ()
        current = inner
    return tuple(info.alias or name for name, info in current.model_fields.items())


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if isinstance(annotation, type) and issubclass(annotation, enum.Enum):
        return None
    if typing.get_origin(annotation) in (tuple, list, typing.Union, types.UnionType):
        for inner in typing.get_args(annotation):
            found = _inner_model(inner)
            if found is not None:
                return found
    return None
