"""A workspace's data as the vocabulary's types, every mistake noted at its place in the file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from safecase.base import mistakes
from safecase.workspace.yaml_reader import LocatedDocument, Path_

Model = TypeVar("Model", bound=BaseModel)


def validate_at(
    model: type[Model], data: Mapping[str, Any], document: LocatedDocument, path: Path_, *, what: str
) -> Model | None:
    """``data`` as ``model``; every mistake is noted in ``document`` and None returned."""
    try:
        return model.model_validate(dict(data))
    except ValidationError as error:
        for item in mistakes(error, model):
            place = (*path, *item.path)
            if item.code == "unknown-key":
                document.problem(
                    place, item.code, f"{what} has no '{item.path[-1]}'", hint=item.hint, key=True
                )
            elif item.code == "missing-key":
                document.problem(path, item.code, f"{what} lacks '{item.place}'")
            elif item.code == "wrong-word":
                document.problem(place, item.code, item.message, hint=item.hint)
            else:
                document.problem(place, item.code, f"{what}: {item}")
        return None
