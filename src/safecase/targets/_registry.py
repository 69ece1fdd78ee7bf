"""The registry of target kinds, and the one way to build a target from a workspace's declaration."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from safecase.base import InputError, JsonObject, KindRegistry, Record, suggest
from safecase.model import Target, TargetConfiguration

KEY_OPTIONS = frozenset({"api_key", "key", "token", "api_token", "secret", "password", "authorization"})
"""Option names under which people put a key; none is an option of any kind."""


@dataclass(frozen=True)
class TargetContext:
    """What a target is told beside its options."""

    configuration: TargetConfiguration
    """The workspace's declaration: the id under which it stands, and the limits of calling it."""
    root: Path
    """The workspace folder, against which files and modules are looked up."""


class OptionProblem(Record):
    """A mistake in a target's options: where in them, what, and the mend."""

    path: tuple[str | int, ...]
    message: str
    hint: str | None = None

    @property
    def option(self) -> str:
        """The place as people write it: ``response.text``."""
        return ".".join(str(step) for step in self.path)

    def __str__(self) -> str:
        mend = f" ({self.hint})" if self.hint else ""
        return f"option '{self.option}': {self.message}{mend}" if self.path else f"{self.message}{mend}"


TARGETS: KindRegistry[Target, TargetContext] = KindRegistry(
    "target kind",
    offers=[Target],
    packages=["safecase.targets", "safecase.targets.demo"],
    group="safecase.target",
)
"""Every target kind, one file each. Outside packages add theirs through the entry-point group
``safecase.target``. Building one opens nothing and reads no key."""


def parse_options(kind: str, options: JsonObject) -> tuple[Record | None, tuple[OptionProblem, ...]]:
    """The options as the kind's own type, or None with every mistake in them.

    Raises InputError where the kind is unknown.
    """
    model = TARGETS.get(kind).parameters
    try:
        return model.model_validate(options), ()
    except ValidationError as error:
        return None, tuple(_problem(item, model, kind) for item in error.errors(include_url=False))


def options_schema(kind: str) -> JsonObject:
    """JSON Schema of the kind's options, for editors."""
    schema: JsonObject = TARGETS.get(kind).parameters.model_json_schema()
    return schema


def build_target(configuration: TargetConfiguration, root: Path) -> Target:
    """Build the target that a workspace declares; nothing is opened until ``start``.

    ``root`` is the workspace folder, against which files and modules are looked up. Raises InputError
    that names each wrong option, with the nearest known name.
    """
    where = f"target '{configuration.id}'"
    try:
        kind = TARGETS.get(configuration.kind)
        options, problems = parse_options(configuration.kind, configuration.options)
    except InputError as error:
        raise InputError(error.message, where=where, hint=error.hint) from None
    if options is None:
        raise InputError("; ".join(str(problem) for problem in problems), where=where)
    return kind.create(options, TargetContext(configuration, root))


def _problem(error: Mapping[str, object], model: type[Record], kind: str) -> OptionProblem:
    location = error["loc"]
    path = tuple(location) if isinstance(location, tuple) else ()
    code = error["type"]
    if code == "extra_forbidden":
        name = str(path[-1])
        if name.lower() in KEY_OPTIONS:
            return OptionProblem(
                path=path,
                message="keys never stand in files",
                hint="name the environment variable that holds the key in 'api_key_env'",
            )
        known = _fields_at(model, path[:-1])
        return OptionProblem(
            path=path,
            message=f"{kind} has no such option",
            hint=suggest(name, known),
        )
    if code == "missing":
        return OptionProblem(path=path, message="this option is required")
    return OptionProblem(path=path, message=str(error["msg"]).removeprefix("Value error, "))


def _fields_at(model: type[Record], path: tuple[str | int, ...]) -> tuple[str, ...]:
    """Field names of the options type that stands at ``path`` below ``model``."""
    for step in path:
        field = model.model_fields.get(str(step))
        annotation = field.annotation if field else None
        if not (isinstance(annotation, type) and issubclass(annotation, Record)):
            return ()
        model = annotation
    return tuple(model.model_fields)
