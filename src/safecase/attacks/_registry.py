"""Converters by name, and chains of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib import import_module

from safecase.base import InputError, PluginTable

MAXIMUM_OUTPUT = 2_000_000
"""Characters: chains multiply lengths, and what is longer a guard blocks unread, so that it tries nothing."""


@dataclass(frozen=True)
class TextConverter:
    """A deterministic rewriting of a text; ``revert`` undoes it where that is possible."""

    name: str
    version: str
    description: str
    apply: Callable[[str], str]
    revert: Callable[[str], str] | None = None

    def convert(self, text: str) -> str:
        """The rewritten text; raises InputError where it would grow beyond reason."""
        made = self.apply(text)
        if len(made) > MAXIMUM_OUTPUT:
            raise InputError(
                f"converter '{self.name}' makes a text of {len(made)} characters", hint="shorten the chain"
            )
        return made


class ConverterRegistry(PluginTable[TextConverter]):
    """Converters by name. A built-in file holds a family of them: each of its TextConverter objects."""

    def register(
        self,
        name: str,
        *,
        version: str,
        description: str = "",
        revert: Callable[[str], str] | None = None,
    ) -> Callable[[Callable[[str], str]], Callable[[str], str]]:
        """Decorator that makes a function from text to text a converter; raises InputError where the name
        is taken. ``description``: empty takes the function's own docstring, its first line."""

        def keep(apply: Callable[[str], str]) -> Callable[[str], str]:
            told = description or (apply.__doc__ or "").strip().partition("\n")[0]
            converter = TextConverter(name, version, told, apply, revert)
            self.add(name, converter, module=apply.__module__)
            return apply

        return keep

    def adopt(self, name: str, found: object, *, where: str) -> TextConverter:
        """A converter from outside: an object of that name, or a decorated function. Raises InputError where
        it is neither."""
        if isinstance(found, TextConverter):
            if found.name != name:
                raise InputError(f"the converter calls itself '{found.name}'", where=where)
            return found
        for converter in self._items.values():
            if converter.apply is found:
                return converter
        raise InputError(
            f"{type(found).__name__} is no converter",
            where=where,
            hint='decorate a function from text to text: @CONVERTERS.register("name", version="1")',
        )

    def _collect(self, module: str) -> None:
        for value in vars(import_module(module)).values():
            if isinstance(value, TextConverter):
                self.add(value.name, value, module=module)


CONVERTERS = ConverterRegistry("converter", families=["safecase.attacks"], group="safecase.converter")
"""Every converter by name; outside packages add theirs through the entry-point group
``safecase.converter``."""


def apply_chain(names: Sequence[str], text: str) -> str:
    """Apply converters one after the other, the first name first; raises InputError for unknown names."""
    for name in names:
        text = CONVERTERS.get(name).convert(text)
    return text
