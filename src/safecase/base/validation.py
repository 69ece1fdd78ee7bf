"""From pydantic's complaints to what a person needs: the place, the mistake, what was probably meant."""

from __future__ import annotations

import enum
import types
import typing
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from safecase.base.choose import suggest

Step = str | int

_TOLD = 5
"""Mistakes that one line tells: a file of another format has hundreds, all for the same reason."""


@dataclass(frozen=True)
class Mistake:
    """One mistake in given data."""

    path: tuple[Step, ...]
    """Where it stands, as steps from the top: field names and list indices."""
    code: str
    """``unknown-key``, ``missing-key``, ``wrong-word`` or ``wrong-value``."""
    message: str
    """What is wrong, without the place; starts with a small letter."""
    hint: str | None = None

    @property
    def place(self) -> str:
        """The path as people write it: ``response.text``."""
        return ".".join(str(step) for step in self.path)

    def __str__(self) -> str:
        return self.tell()

    def tell(self, noun: str = "") -> str:
        """The mistake in one clause; ``noun``: what a value of the data is called, where it has a name."""
        mend = f" ({self.hint})" if self.hint else ""
        if self.code == "unknown-key":
            return f"there is no {noun or 'field'} '{self.place}'{mend}"
        if self.code == "missing-key":
            return f"needs the {noun or 'field'} '{self.place}'"
        place = f"{noun} '{self.place}'" if noun else self.place
        return f"{place}: {self.message}{mend}" if self.path else f"{self.message}{mend}"


def mistakes(error: ValidationError, model: type[BaseModel]) -> tuple[Mistake, ...]:
    """Every mistake that ``model`` found, in order, with the nearest known name or word as hint."""
    return tuple(
        _mistake(item, model)
        for item in error.errors(include_url=False)
        # A default that is worked out from another field is no mistake of its own when that field is wrong.
        if item["type"] != "default_factory_not_called"
    )


def describe(error: ValidationError, model: type[BaseModel], *, noun: str = "") -> str:
    """The first mistakes in one line; ``noun``: what a value of the data is called."""
    found = mistakes(error, model)
    more = f"; and {len(found) - _TOLD} more" if len(found) > _TOLD else ""
    return "; ".join(item.tell(noun) for item in found[:_TOLD]) + more


def _mistake(item: Any, model: type[BaseModel]) -> Mistake:
    """One of pydantic's errors in words for a person who wrote a file."""
    path = tuple(step for step in item["loc"] if not _is_branch(step))
    kind = item["type"]
    if kind == "extra_forbidden":
        known = field_names(model, path[:-1])
        hint = None if known is None else suggest(str(path[-1]), known)
        return Mistake(path, "unknown-key", "there is no such field", hint)
    if kind == "missing":
        return Mistake(path, "missing-key", "is required")
    if kind == "enum":
        words = str(item.get("ctx", {}).get("expected", "")).replace("'", "").replace(" or ", ", ")
        options = [word.strip() for word in words.split(",") if word.strip()]
        hint = suggest(str(item.get("input")), options, label="one of")
        return Mistake(path, "wrong-word", f"'{item.get('input')}' is not a {path[-1]}", hint)
    message = str(item["msg"]).removeprefix("Value error, ")
    return Mistake(path, "wrong-value", message[:1].lower() + message[1:])


def _is_branch(step: object) -> bool:
    """Pydantic names the branch of a union in the location; people did not write it."""
    return isinstance(step, str) and (step in ("str", "tuple", "constrained-str") or "[" in step)


def field_names(model: type[BaseModel], steps: tuple[Step, ...]) -> tuple[str, ...] | None:
    """The field names of the model that stands at ``steps`` below ``model``; None where none does."""
    current = model
    for step in steps:
        if isinstance(step, int):
            continue
        field = current.model_fields.get(step)
        inner = _inner_model(field.annotation) if field else None
        if inner is None:
            return None
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
