"""What a tool is, in the words that a policy decides by: risk, effects, reversibility, what matters."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from pydantic import Field, ValidationError

from safecase.model.base import Frozen, JsonObject
from safecase.model.errors import InputError

RiskTier = Literal["low", "medium", "high", "critical", "forbidden"]
SideEffect = Literal["write", "send", "pay", "delete", "execute", "share", "book", "configure"]


class Condition(Frozen):
    """A predicate over one argument, or over one field of the result."""

    argument: str
    """Dotted path."""
    operator: Literal["==", "!=", "<=", ">=", "in", "not in", "matches", "present", "absent"]
    value: str | float | bool | tuple[str | float, ...] | None = None
    message: str = ""


class ToolDeclaration(Frozen):
    """One tool as the policy sees it. What is not declared is denied."""

    name: str
    parameters: JsonObject = {}
    """JSON Schema of the arguments; empty: any object."""
    risk: RiskTier = "medium"
    side_effects: tuple[SideEffect, ...] = ()
    reversible: bool = True
    labels: tuple[str, ...] = ()
    """Data labels of what the tool can read or send: personal, financial..."""
    matters: tuple[str, ...] = ()
    """Arguments that decide where things go: recipient, amount, URL, path, command."""
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


class Journey(Frozen):
    """What an agent is there for: the least that it needs."""

    id: str
    tools: tuple[str, ...] = ()
    """Tools that it may use; ``*``: all declared ones."""


class ToolPolicyFile(Frozen):
    """Tools, journeys and Cedar policies of a system."""

    tools: tuple[ToolDeclaration, ...]
    journeys: tuple[Journey, ...] = (Journey(id="default", tools=("*",)),)
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
        first = error.errors()[0]
        raise InputError(f"{'.'.join(map(str, first['loc']))}: {first['msg']}", where=str(path)) from None
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
