"""Kinds: plug-ins that are built from parameters. Scorers, checks and targets are kinds.

One decorator declares a kind, on its class or on the function that builds it:

    @SCORERS.register("contains", version="1", parameters=ContainsParameters)
    class ContainsScorer(Registered):
        def __init__(self, parameters: ContainsParameters) -> None: ...

What is decorated is called with as much of ``(parameters, context)`` as it asks for.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar, overload, runtime_checkable

from safecase.base.errors import InputError
from safecase.base.records import Record
from safecase.base.registry import PluginTable

Made = TypeVar("Made")
Context = TypeVar("Context")
Parameters = TypeVar("Parameters", bound=Record)
Class = TypeVar("Class")


class NoParameters(Record):
    """The parameters of a kind that takes none."""


class Registered:
    """Base of classes that a registry names: both attributes are set by the decorator."""

    name: str
    version: str


@runtime_checkable
class _Versioned(Protocol):
    version: str


@dataclass(frozen=True)
class Kind(Generic[Made, Context]):
    """One kind: what it is called, what it takes, how it is built."""

    name: str
    version: str
    """Changes whenever a reading could change; empty where each one built has a version of its own."""
    parameters: type[Record]
    """The type that checks the parameters; unknown ones are errors."""
    build: Callable[..., Made]
    takes: int
    """How much of (parameters, context) ``build`` asks for."""
    noun: str
    offers: tuple[type, ...]
    """Protocols of which what is built must meet one."""

    def create(self, parameters: Record, context: Context) -> Made:
        """Build one. Raises InputError where ``parameters`` are another kind's, where the context lacks
        something, and where what is built lacks a part of the protocol."""
        if not isinstance(parameters, self.parameters):
            raise InputError(f"{self.noun} '{self.name}' was given the parameters of another {self.noun}")
        made = self.build(*(parameters, context)[: self.takes])
        if not isinstance(made, self.offers):
            lacking = min((missing(made, protocol) for protocol in self.offers), key=len)
            raise InputError(
                f"{self.noun} '{self.name}': {type(made).__name__} lacks {' and '.join(lacking)}",
                hint=f"a {self.noun} has {', '.join(members(self.offers[0]))}",
            )
        return made


class KindRegistry(PluginTable[Kind[Made, Context]]):
    """A registry of kinds; see the module."""

    def __init__(
        self,
        noun: str,
        *,
        offers: Sequence[type],
        packages: Sequence[str] = (),
        group: str = "",
    ) -> None:
        """``offers``: the runtime-checkable protocols of which what is built meets one."""
        super().__init__(noun, packages=packages, group=group)
        self._offers = tuple(offers)

    def register(
        self, name: str, *, version: str = "", parameters: type[Parameters]
    ) -> KindDecorator[Parameters, Context, Made]:
        """Decorator that declares a kind; raises InputError where the name is taken.

        A class gets ``name`` and ``version`` as attributes, so that they are said once.
        """

        def keep(build: Callable[..., Made]) -> None:
            if isinstance(build, type):
                for attribute, value in (("name", name), ("version", version)):
                    setattr(build, attribute, value)
            self.add(name, self._kind(name, version, parameters, build), module=build.__module__)

        return KindDecorator(keep)

    def adopt(self, name: str, found: object, *, where: str) -> Kind[Made, Context]:
        """The kind of a class or function from outside: the one that it was declared as, or a plain class
        without parameters that has what the protocol asks for.

        Raises InputError where it is neither.
        """
        for kind in self._items.values():
            if kind.build is found:
                return kind
        if not callable(found):
            raise InputError(
                f"{type(found).__name__} is no class of {self.noun}s", where=where,
                hint=f"name a class that has {', '.join(members(self._offers[0]))}",
            )  # fmt: skip
        if needed(found):
            raise InputError(
                f"the {self.noun} takes parameters, and nothing says of which type", where=where,
                hint="decorate it: register(name, version=..., parameters=...)",
            )  # fmt: skip
        version = found.version if isinstance(found, _Versioned) else ""
        return self._kind(name, str(version), NoParameters, found)

    def _kind(
        self, name: str, version: str, parameters: type[Record], build: Callable[..., Made]
    ) -> Kind[Made, Context]:
        """A kind from its factory, which takes parameters and context, parameters alone, or nothing."""
        takes = min(needed(build), 2)
        return Kind(name, version, parameters, build, takes, self.noun, self._offers)


class KindDecorator(Generic[Parameters, Context, Made]):
    """What `KindRegistry.register` gives: leaves what it decorates as it is."""

    def __init__(self, keep: Callable[[Callable[..., Made]], None]) -> None:
        self._keep = keep

    @overload
    def __call__(self, build: type[Class]) -> type[Class]: ...

    @overload
    def __call__(
        self, build: Callable[[Parameters, Context], Made]
    ) -> Callable[[Parameters, Context], Made]: ...

    @overload
    def __call__(self, build: Callable[[Parameters], Made]) -> Callable[[Parameters], Made]: ...

    def __call__(self, build: Callable[..., Any]) -> Callable[..., Any]:
        """Declare and return what is decorated."""
        self._keep(build)
        return build


def needed(build: Callable[..., object]) -> int:
    """How many arguments must be given by place."""
    by_place = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    return sum(
        item.kind in by_place and item.default is item.empty
        for item in inspect.signature(build).parameters.values()
    )


def members(protocol: type) -> list[str]:
    """What a protocol asks for, by name, in the order in which it is written."""
    found: dict[str, None] = {}
    for base in reversed(protocol.__mro__):
        written = [*vars(base).get("__annotations__", ()), *vars(base)]
        found |= dict.fromkeys(name for name in written if not name.startswith("_"))
    return list(found)


def missing(made: object, protocol: type) -> list[str]:
    """Of what a protocol asks for, what ``made`` does not have."""
    return [f"'{name}'" for name in members(protocol) if not hasattr(made, name)]
