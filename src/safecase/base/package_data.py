"""Word lists and catalogues that come with the package."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from safecase.base.yaml_nodes import load_own_yaml


def package_yaml(package: str, name: str) -> Any:
    """What stands in ``data/name`` of a package; aliases and tags of YAML build nothing."""
    text = files(package).joinpath("data", name).read_text(encoding="utf-8")
    return load_own_yaml(text)
