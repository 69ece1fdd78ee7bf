"""One typed registry for every kind of plug-in: lazy, freezable, helpful about misspellings."""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Mapping
from importlib.metadata import entry_points
from typing import Generic, TypeVar

from safecase.base.choose import did_you_mean
from safecase.base.errors import InputError

Item = TypeVar("Item")


class Registry(Generic[Item]):
    """Named factories of one kind.

    Built-in items are declared as ``name → "module:attribute"`` and imported on first use, so that
    starting the program costs nothing. Outside packages add theirs through the entry-point group
    ``safecase.<kind>``; a name that is taken cannot be taken again.
    """

    def __init__(self, kind: str, builtin: Mapping[str, str] | None = None) -> None:
        self.kind = kind
        self._lock = threading.RLock()
        self._lazy: dict[str, str] = dict(builtin or {})
        self._loaded: dict[str, Item] = {}
        self._frozen = False
        self._entry_points_read = False

    def register(self, name: str) -> Callable[[Item], Item]:
        """Decorator that adds an item under ``name``; raises InputError where the name is taken."""

        def add(item: Item) -> Item:
            with self._lock:
                if self._frozen:
                    raise InputError(f"the registry of {self.kind}s is frozen; '{name}' came too late")
                if name in self._loaded or (name in self._lazy and not self._is_lazy_target(name, item)):
                    raise InputError(f"there is a {self.kind} named '{name}' already")
                self._loaded[name] = item
            return item

        return add

    def _is_lazy_target(self, name: str, item: Item) -> bool:
        module = getattr(item, "__module__", "")
        return self._lazy[name].partition(":")[0] == module

    def freeze(self) -> None:
        """Refuse further registrations."""
        self._frozen = True

    def names(self) -> tuple[str, ...]:
        """Every known name, sorted."""
        self._read_entry_points()
        return tuple(sorted({*self._lazy, *self._loaded}))

    def __contains__(self, name: str) -> bool:
        return name in self.names()

    def get(self, name: str) -> Item:
        """The item called ``name``; raises InputError with the nearest name where there is none."""
        with self._lock:
            if name in self._loaded:
                return self._loaded[name]
            self._read_entry_points()
            target = self._lazy.get(name)
            if target is None:
                raise InputError(
                    f"there is no {self.kind} named '{name}'",
                    hint=did_you_mean(name, self.names()) or f"known: {', '.join(self.names())}",
                )
            module, _, attribute = target.partition(":")
            item: Item = getattr(importlib.import_module(module), attribute)
            self._loaded[name] = item
            return item

    def _read_entry_points(self) -> None:
        with self._lock:
            if self._entry_points_read:
                return
            self._entry_points_read = True
            for point in entry_points(group=f"safecase.{self.kind.replace(' ', '_')}"):
                self._lazy.setdefault(point.name, point.value)
