"""Packages: what those of the house hold, and those from outside as an installer leaves them."""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping
from importlib import import_module
from pathlib import Path


def module_names(package: str) -> tuple[str, ...]:
    """The public modules of a package, sorted; raises ModuleNotFoundError where there is no such package."""
    found = pkgutil.iter_modules(import_module(package).__path__)
    return tuple(sorted(item.name for item in found if not item.ispkg and not item.name.startswith("_")))


def write_distribution(
    site: Path, name: str, points: Mapping[str, Mapping[str, str]], *, version: str = "1.0"
) -> None:
    """The metadata of an installed distribution, with its entry points by their group and their name."""
    metadata = site / f"{name}-{version}.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
    groups = [
        f"[{group}]\n" + "".join(f"{point} = {value}\n" for point, value in named.items())
        for group, named in points.items()
    ]
    (metadata / "entry_points.txt").write_text("\n".join(groups))
