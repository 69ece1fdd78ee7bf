"""The registry of target kinds, and the one way to build a target from a workspace's declaration."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, Protocol, TypeVar

from pydantic import ValidationError

from safecase.base import InputError, JsonObject, Record, Registry, did_you_mean
from safecase.model import Target, TargetConfiguration

OptionsT = TypeVar("OptionsT", bound=Record)

KEY_OPTIONS = frozenset({"api_key", "key", "token", "api_token", "secret", "password", "authorization"})
"""Option names under which people put a key; none is an option of any kind."""


class TargetFactory(Protocol):
    """What a target kind registers: its name, its options, and how to make a target."""

    @property
    def kind(self) -> str:
        """The kind as the workspace writes it."""

    @property
    def options_model(self) -> type[Record]:
        """The type that checks ``options``; unknown options are errors."""

    def create(self, configuration: TargetConfiguration, options: Record, root: Path) -> Target:
        """A target, not yet started. Opens nothing and reads no key."""


@dataclass(frozen=True)
class Factory(Generic[OptionsT]):
    """A TargetFactory over a constructor ``(configuration, options, root) → target``."""

    kind: str
    options_model: type[OptionsT]
    build: Callable[[TargetConfiguration, OptionsT, Path], Target]

    def create(self, configuration: TargetConfiguration, options: Record, root: Path) -> Target:
        """A target, not yet started. Raises TypeError where ``options`` is another kind's."""
        if not isinstance(options, self.options_model):
            raise TypeError(f"{self.kind} takes {self.options_model.__name__}, got {type(options).__name__}")
        return self.build(configuration, options, root)


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


TARGETS: Registry[TargetFactory] = Registry(
    "target kind",
    {
        kind: f"safecase.targets.{kind}:FACTORY"
        for kind in (
            "openai_chat",
            "openai_responses",
            "anthropic_messages",
            "google_gemini",
            "http_json",
            "python_callable",
            "agent",
            "replay",
            "transformers",
        )
    }
    | {"demo": "safecase.targets.demo.demo:FACTORY"},
)
"""Every target kind. Outside packages add theirs through the entry-point group ``safecase.target_kind``."""


def parse_options(kind: str, options: JsonObject) -> tuple[Record | None, tuple[OptionProblem, ...]]:
    """The options as the kind's own type, or None with every mistake in them.

    Raises InputError where the kind is unknown.
    """
    model = TARGETS.get(kind).options_model
    try:
        return model.model_validate(options), ()
    except ValidationError as error:
        return None, tuple(_problem(item, model, kind) for item in error.errors(include_url=False))


def options_schema(kind: str) -> JsonObject:
    """JSON Schema of the kind's options, for editors."""
    schema: JsonObject = TARGETS.get(kind).options_model.model_json_schema()
    return schema


def build_target(configuration: TargetConfiguration, root: Path) -> Target:
    """Build the target that a workspace declares; nothing is opened until ``start``.

    ``root`` is the workspace folder, against which files and modules are looked up. Raises InputError
    that names each wrong option, with the nearest known name.
    """
    where = f"target '{configuration.id}'"
    try:
        factory = TARGETS.get(configuration.kind)
        options, problems = parse_options(configuration.kind, configuration.options)
    except InputError as error:
        raise InputError(error.message, where=where, hint=error.hint) from None
    if options is None:
        raise InputError("; ".join(str(problem) for problem in problems), where=where)
    return factory.create(configuration, options, root)


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
            hint=did_you_mean(name, known) or f"known: {', '.join(known)}",
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
