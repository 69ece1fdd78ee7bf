"""Which kinds of a thing a package holds: one file each, read from the folder without importing any."""

from __future__ import annotations

import os
from importlib.util import find_spec
from pkgutil import iter_modules


def module_names(package: str) -> tuple[str, ...]:
    """The modules of ``package``, a dotted name, whose files carry no leading underscore; sorted.

    Nothing below the outermost package is imported: a low room may ask what a high one holds. Raises
    ModuleNotFoundError where there is no such package, or nothing in it.
    """
    outermost, *inner = package.split(".")
    spec = find_spec(outermost)
    places = spec.submodule_search_locations if spec else None
    folders = [os.path.join(place, *inner) for place in places or ()]
    found = sorted(item.name for item in iter_modules(folders) if not item.name.startswith("_"))
    if not found:
        raise ModuleNotFoundError(f"there is no package {package} that holds a module", name=package)
    return tuple(found)
