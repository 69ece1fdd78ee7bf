"""The registry of target kinds, and the one way to build a target from a workspace's declaration."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from safecase.base import InputError, JsonObject, KindRegistry, Mistake, Record, mistakes
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
        return None, tuple(_problem(item, kind) for item in mistakes(error, model))


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


def _problem(item: Mistake, kind: str) -> OptionProblem:
    """One mistake in a target's options, in words for the file; a key among them is a fault of its own."""
    name = str(item.path[-1]) if item.path else ""
    if item.code == "unknown-key" and name.lower() in KEY_OPTIONS:
        return OptionProblem(
            path=item.path,
            message="keys never stand in files",
            hint="name the environment variable that holds the key in 'api_key_env'",
        )
    if item.code == "unknown-key":
        return OptionProblem(path=item.path, message=f"{kind} has no such option", hint=item.hint)
    if item.code == "missing-key":
        return OptionProblem(path=item.path, message="this option is required")
    return OptionProblem(path=item.path, message=item.message, hint=item.hint)
