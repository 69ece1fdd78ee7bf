"""Registries of plug-ins: built-ins found by file, those of installed packages by entry point.

A registry keeps items of one sort by name. Three things put a name into it:

- **a file of the house**: the registry is given packages; each of their files without a leading ``_`` is one
  item, named like the file. Listing names reads folders and imports nothing.
- **an installed package**, by an entry point of the registry's group.
- **code that ran**: whoever runs a decorated class has the item, in a notebook's cell for instance.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from typing import TYPE_CHECKING, Generic, Literal, TypeVar

from safecase.base.choose import suggest
from safecase.base.errors import InputError

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

Item = TypeVar("Item")


@dataclass(frozen=True)
class Origin:
    """Where an item came from."""

    kind: Literal["built in", "installed", "registered", "workspace"]
    detail: str = ""
    """Name and version of the distribution, the module that registered it, or the workspace's file."""

    def __str__(self) -> str:
        return self.detail or self.kind


class PluginTable(Generic[Item]):
    """Named items of one sort; what each registry can do. Safe to use from many threads.

    Modules are imported without holding the table's lock: a thread that imports a plug-in by itself holds
    Python's import lock and would wait for ours, while we would wait for its.
    """

    def __init__(
        self, noun: str, *, packages: Sequence[str] = (), families: Sequence[str] = (), group: str = ""
    ) -> None:
        """``noun``: what an item is called in messages. ``packages``: each file is one item. ``families``:
        packages whose files hold several items each, so that all of them are imported to know the names.
        ``group``: the entry-point group of outside packages; empty: nobody can add from outside."""
        self.noun = noun
        self.group = group
        self._packages = tuple(packages)
        self._families = tuple(families)
        self._lock = threading.RLock()
        self._items: dict[str, Item] = {}
        self._modules: dict[str, str] = {}
        self._frozen = False
        self._files: Mapping[str, str] | None = None
        self._points: Mapping[str, EntryPoint] | None = None
        self._passed_over: tuple[str, ...] = ()
        self._families_loaded = False

    def names(self) -> tuple[str, ...]:
        """Every known name, sorted. Imports nothing but families."""
        self._load_families()
        return tuple(sorted({*self._built_in(), *self._installed(), *self._items}))

    def __contains__(self, name: str) -> bool:
        return name in self._items or name in self._built_in() or name in self.names()

    def get(self, name: str) -> Item:
        """The item called ``name``, imported on first use.

        Raises InputError with the nearest name where there is none, and where it does not load.
        """
        found = self._items.get(name)
        if found is None and name in self._built_in():
            module = self._built_in()[name]
            import_module(module)
            found = self._items.get(name)
            if found is None:
                found = self._defined(name, module)
            if found is None:
                raise InputError(f"{self._built_in()[name]} registers no {self.noun} named '{name}'")
        if found is None:
            self._load_families()
            found = self._items.get(name)
        if found is None and name in self._installed():
            found = self._load_installed(name, self._installed()[name])
        if found is None:
            raise InputError(f"there is no {self.noun} named '{name}'", hint=suggest(name, self.names()))
        return found

    def origin(self, name: str) -> Origin:
        """Where the item called ``name`` came from; raises InputError where there is none."""
        if name in self._built_in() or self._is_built_in(self._modules.get(name, "")):
            return Origin("built in")
        if name in self._installed():
            return Origin("installed", _distribution(self._installed()[name]))
        if name in self._modules:
            return Origin("registered", self._modules[name])
        raise InputError(f"there is no {self.noun} named '{name}'", hint=suggest(name, self.names()))

    def passed_over(self) -> tuple[str, ...]:
        """One sentence for each entry point whose name was taken already."""
        self._load_families()
        self._installed()
        return self._passed_over

    def freeze(self) -> None:
        """Refuse further registrations; what is listed still loads."""
        # Listed first: afterwards only files and entry points that are known may put their item in.
        self.names()
        self._frozen = True

    def add(self, name: str, item: Item, *, module: str) -> None:
        """Keep ``item`` under ``name``; ``module`` is where it is defined.

        Raises InputError where the name belongs to a built-in or installed item, or the registry is frozen.
        What code of this process registered may be replaced: a notebook's cell runs more than once.
        """
        built_in = self._is_built_in(module)
        if not built_in:
            self._refuse_taken(name, module)
        with self._lock:
            if built_in and name in self._items and self._modules[name] != module:
                raise InputError(f"{self._modules[name]} and {module} both register the {self.noun} '{name}'")
            self._items[name] = item
            self._modules[name] = module

    def adopt(self, name: str, found: object, *, where: str) -> Item:
        """``found``, which is not ours, as the item ``name``; raises InputError where it is none."""
        raise InputError(f"'{name}' registers no {self.noun}", where=where)

    def _defined(self, name: str, module: str) -> Item | None:
        """The item of an imported file that nothing registered; None where it holds none."""
        return None

    def _collect(self, module: str) -> None:
        """Take what an imported family holds; nothing where its items register themselves."""

    def _refuse_taken(self, name: str, module: str) -> None:
        if name in self._built_in() or self._is_built_in(self._modules.get(name, "")):
            raise InputError(f"there is a {self.noun} named '{name}' already; it is built in")
        point = self._installed().get(name)
        if point is not None and point.module.partition(".")[0] != module.partition(".")[0]:
            raise InputError(
                f"there is a {self.noun} named '{name}' already; it comes from {_distribution(point)}"
            )
        if self._frozen and point is None:
            raise InputError(f"the registry of {self.noun}s is frozen; '{name}' came too late")

    def _is_built_in(self, module: str) -> bool:
        return module.rpartition(".")[0] in {*self._packages, *self._families}

    def _built_in(self) -> Mapping[str, str]:
        """Name → module, by the files of the packages."""
        files = self._files
        if files is None:
            files = {}
            for package in self._packages:
                for stem in _public_files(package):
                    if stem in files:
                        raise InputError(f"two files are the {self.noun} '{stem}': {files[stem]}, {package}")
                    files[stem] = f"{package}.{stem}"
            self._files = files
        return files

    def _load_families(self) -> None:
        if self._families_loaded:
            return
        for package in self._families:
            for stem in _public_files(package):
                import_module(f"{package}.{stem}")
                self._collect(f"{package}.{stem}")
        self._families_loaded = True

    def _installed(self) -> Mapping[str, EntryPoint]:
        """Name → entry point of outside packages, built-in names left out and told."""
        points = self._points
        if points is None:
            # Half of the time that `--help` may take, so only where somebody asks.
            from importlib.metadata import entry_points

            points, told = {}, []
            found = entry_points(group=self.group) if self.group else ()
            for point in sorted(found, key=lambda item: (item.name, _distribution(item))):
                if point.name in self._built_in() or self._is_built_in(self._modules.get(point.name, "")):
                    told.append(f"{self.noun} '{point.name}' of {_distribution(point)}: the name is built in")
                elif point.name in points:
                    other = _distribution(points[point.name])
                    told.append(f"{self.noun} '{point.name}' of {_distribution(point)}: {other} has the name")
                else:
                    points[point.name] = point
            self._points, self._passed_over = points, tuple(told)
        return points

    def _load_installed(self, name: str, point: EntryPoint) -> Item:
        where = f"entry point '{name}' of {_distribution(point)}"
        try:
            found: object = point.load()
        except (Exception, SystemExit) as error:  # noqa: BLE001 - foreign code may fail in any way
            words = str(error) if isinstance(error, InputError) else f"{type(error).__name__}: {error}"
            raise InputError(
                f"the {self.noun} '{name}' does not load: {words}",
                where=where,
                hint="mend or uninstall the package",
            ) from None
        item = self._items.get(name)
        if item is None:
            item = self.adopt(name, found, where=where)
            with self._lock:
                item = self._items.setdefault(name, item)
                self._modules.setdefault(name, point.module)
        return item


class Registry(PluginTable[Item]):
    """A registry whose items are plain objects or classes, each kept as it is.

    A file of the house decorates its item, or defines it under the name that the registry looks for:

    METRICS: Registry[Metric] = Registry("metric", packages=["safecase.gate.metrics"], attribute="METRIC",
                                         accepts=lambda found: found if isinstance(found, Metric) else None)
    """

    def __init__(
        self,
        noun: str,
        *,
        packages: Sequence[str] = (),
        families: Sequence[str] = (),
        group: str = "",
        attribute: str = "",
        accepts: Callable[[object], Item | None] = lambda found: None,
    ) -> None:
        """``attribute``: what a built-in file calls its item, where it registers none. ``accepts``: what such
        a file or an outside package offers as an item, or None where it is none."""
        super().__init__(noun, packages=packages, families=families, group=group)
        self._attribute = attribute
        self._accepts = accepts

    def register(self, name: str) -> Callable[[Item], Item]:
        """Decorator that keeps an item under ``name``; raises InputError where the name is taken."""

        def keep(item: Item) -> Item:
            self.add(name, item, module=item.__module__)
            return item

        return keep

    def adopt(self, name: str, found: object, *, where: str) -> Item:
        """``found`` as an item; raises InputError where it is none."""
        item = self._accepts(found)
        if item is None:
            raise InputError(f"this is no {self.noun}", where=where)
        return item

    def _defined(self, name: str, module: str) -> Item | None:
        item = self._accepts(vars(import_module(module)).get(self._attribute))
        if item is not None:
            self.add(name, item, module=module)
        return item


def _distribution(point: EntryPoint) -> str:
    """Name and version of the package that offers an entry point, for messages."""
    return f"{point.dist.name} {point.dist.version}" if point.dist else point.module


def _public_files(package: str) -> Iterator[str]:
    """The modules of a package whose names do not begin with ``_``, without importing the package."""
    import pkgutil

    spec = find_spec(package)
    if spec is None or spec.submodule_search_locations is None:
        raise InputError(f"there is no package {package}")
    for found in pkgutil.iter_modules(list(spec.submodule_search_locations)):
        if not found.ispkg and not found.name.startswith("_"):
            yield found.name
