"""What a tool is, in the words that a policy decides by: risk, effects, reversibility, what matters."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError, model_validator

from safecase.base import InputError, JsonObject, Record, describe

RiskTier = Literal["low", "medium", "high", "critical", "forbidden"]
SideEffect = Literal["write", "send", "pay", "delete", "execute", "share", "book", "configure"]


class Condition(Record):
    """A predicate over one argument, or over one field of the result."""

    argument: str
    """Dotted path."""
    operator: Literal["==", "!=", "<=", ">=", "in", "not in", "matches", "present", "absent"]
    value: str | float | bool | tuple[str | float, ...] | None = None
    message: str = ""

    @model_validator(mode="after")
    def _can_be_judged(self) -> Condition:
        # A condition that can never fail would be a silent yes, one that can never hold a silent no.
        value = self.value
        if self.operator in ("in", "not in"):
            fits, wanted = isinstance(value, tuple), "a list"
        elif self.operator in ("<=", ">="):
            fits = isinstance(value, (int, float)) and not isinstance(value, bool)
            wanted = "a number"
        elif self.operator == "matches":
            fits, wanted = isinstance(value, str) and _is_pattern(value), "a regular expression (RE2)"
        elif self.operator in ("==", "!="):
            fits, wanted = value is not None and not isinstance(value, tuple), "one value"
        else:
            fits, wanted = value is None, "no value"
        if not fits:
            raise ValueError(f"'{self.argument} {self.operator}' needs {wanted}")
        return self


def _is_pattern(text: str) -> bool:
    import re2

    try:
        re2.compile(text)
    except re2.error:
        return False
    return True


class ToolDeclaration(Record):
    """One tool as the policy sees it. What is not declared is denied."""

    name: str
    parameters: JsonObject = {}
    """JSON Schema of the arguments; empty: any object."""
    risk: RiskTier = "medium"
    side_effects: tuple[SideEffect, ...] = ()
    reversible: bool = True
    labels: tuple[str, ...] = ()
    """Data labels of what the tool can read or send: personal, financial..."""
    matters: tuple[str, ...] | None = None
    """Arguments that decide where things go: recipient, amount, URL, path, command. Not said:
    all of them, for a tool with side effects."""
    intent: tuple[str, ...] = ()
    """Words of a request that call for the tool; a stem matches the words that begin with it. Empty: any
    request does."""
    trusted_fields: tuple[str, ...] = ()
    """Fields of the result that the tool's own system fills in, such as an id or a sender; ``*``: all of it.
    The rest is somebody's text."""
    source: tuple[str, ...] = ()
    """Arguments that name where the result comes from: a URL, a file."""
    requires_approval: bool = False
    calls_per_session: int | None = Field(default=None, ge=0)
    budget: dict[str, float] = {}
    """Argument → the most that its values may add up to in a session."""
    preconditions: tuple[Condition, ...] = ()
    postconditions: tuple[Condition, ...] = ()
    compensation: str = ""
    """Tool that undoes a call; it gets the same arguments and ``result``."""
    sandbox: str = ""
    """Profile of the host's sandbox that the call must run in."""

    def traced(self, arguments: JsonObject) -> tuple[str, ...]:
        """The arguments of a call that decide where things go."""
        if self.matters is not None:
            return tuple(name for name in self.matters if name in arguments)
        return tuple(arguments) if self.side_effects else ()

    def undeclared(self, arguments: JsonObject) -> str:
        """The first argument that the schema does not know; empty where it says that others may come."""
        known = self.parameters.get("properties")
        if not isinstance(known, dict) or "additionalProperties" in self.parameters:
            return ""
        if any(key in self.parameters for key in ("patternProperties", "allOf", "anyOf", "oneOf", "$ref")):
            return ""
        return next((name for name in arguments if name not in known), "")


class AgentJourney(Record):
    """What an agent is there for: the least that it needs."""

    id: str
    tools: tuple[str, ...] = ()
    """Tools that it may use; ``*``: all declared ones."""


class ToolPolicyFile(Record):
    """Tools, journeys and Cedar policies of a system."""

    tools: tuple[ToolDeclaration, ...]
    journeys: tuple[AgentJourney, ...] = (AgentJourney(id="default", tools=("*",)),)
    policies: str = ""
    """Cedar text; empty: the default policies."""
    policies_file: str = ""
    """File of Cedar text beside this one."""


def read_tool_policy(path: Path) -> ToolPolicyFile:
    """Read a policy file (YAML); raises InputError with the place of what is wrong."""
    from ruamel.yaml import YAML
    from ruamel.yaml.error import MarkedYAMLError, YAMLError

    try:
        data = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
        file = ToolPolicyFile.model_validate(data)
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot be read: {error}", where=str(path)) from None
    except MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise InputError(f"is no YAML: {error.problem}", where=f"{path}:{line}") from None
    except YAMLError as error:
        raise InputError(f"is no YAML: {error}", where=str(path)) from None
    except ValidationError as error:
        raise InputError(describe(error, ToolPolicyFile), where=str(path)) from None
    if file.policies_file:
        beside = (path.parent / file.policies_file).resolve()
        if not beside.is_relative_to(path.parent.resolve()):
            raise InputError("lies outside of the policy's folder", where=file.policies_file)
        try:
            text = beside.read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise InputError(f"cannot be read: {error}", where=str(beside)) from None
        file = file.model_copy(update={"policies": text})
    return file
