"""What a package of the house holds."""

from __future__ import annotations

import pkgutil
from importlib import import_module


def module_names(package: str) -> tuple[str, ...]:
    """The public modules of a package, sorted; raises ModuleNotFoundError where there is no such package."""
    found = pkgutil.iter_modules(import_module(package).__path__)
    return tuple(sorted(item.name for item in found if not item.ispkg and not item.name.startswith("_")))
