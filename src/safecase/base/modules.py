"""Which kinds of a thing a package holds: one file each, read from the folder without importing any."""

from __future__ import annotations

from importlib.util import find_spec
from pkgutil import iter_modules


def module_names(package: str) -> tuple[str, ...]:
    """The modules of ``package``, a dotted name, whose files carry no leading underscore; sorted.

    Only the package itself is imported. Raises ModuleNotFoundError where there is no such package.
    """
    spec = find_spec(package)
    if spec is None:
        raise ModuleNotFoundError(f"there is no package {package}", name=package)
    found = (item.name for item in iter_modules(spec.submodule_search_locations))
    return tuple(sorted(name for name in found if not name.startswith("_")))
