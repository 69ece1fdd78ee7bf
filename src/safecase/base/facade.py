"""A room's public names: listed once, loaded when they are asked for.

A facade lists its names as imports under ``TYPE_CHECKING``, where type checkers, editors and
readers find them, and gives the same list to the interpreter by `lazy_exports`:

    if TYPE_CHECKING:
        from safecase.gate.verdict import evaluate_gate as evaluate_gate
    else:
        __getattr__, __dir__ = lazy_exports(__name__)

Importing a room then costs next to nothing: a module loads with the first of its names that somebody uses.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from importlib import import_module
from typing import Any

_IMPORT = re.compile(r"^    from ([\w.]+) import (?:\(([^)]*)\)|(.+))$", re.MULTILINE)


def lazy_exports(package: str) -> tuple[Callable[[str], Any], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` of the facade ``package``, over the imports that its source lists.

    ``__getattr__`` answers ``__all__`` too, so that a star import takes the same names. It raises
    AttributeError for names that the facade does not list.
    """
    listed: dict[str, tuple[str, str]] = {}

    def names() -> dict[str, tuple[str, str]]:
        if not listed:
            listed.update(_listed(package))
        return listed

    def load(name: str) -> Any:
        if name == "__all__":
            return sorted(names())
        if name.startswith("__") or name not in names():
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        module, attribute = names()[name]
        value = getattr(import_module(module), attribute)
        # Kept in the module, so that the next look at the name does not come here.
        setattr(sys.modules[package], name, value)
        return value

    def listing() -> list[str]:
        return sorted({*vars(sys.modules[package]), *names()})

    return load, listing


def _listed(package: str) -> dict[str, tuple[str, str]]:
    """Public name → module and name there, read from the facade's source."""
    spec = sys.modules[package].__spec__
    source = spec.loader.get_source(package) if spec and spec.loader else None  # type: ignore[attr-defined]
    if source is None:
        raise ImportError(f"the source of {package} is not there, and it lists the package's public names")
    found = {}
    for module, several, single in _IMPORT.findall(source):
        for item in (several or single.partition("#")[0]).split(","):
            attribute, _, name = item.strip().partition(" as ")
            if attribute:
                found[name.strip() or attribute] = (module, attribute)
    return found
