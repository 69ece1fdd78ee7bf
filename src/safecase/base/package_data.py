"""Word lists and catalogues that come with the package."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from safecase.base.yaml_nodes import load_own_yaml


def package_yaml(package: str, name: str) -> Any:
    """What stands in ``data/name`` of a package; aliases and tags of YAML build nothing."""
    text = files(package).joinpath("data", name).read_text(encoding="utf-8")
    return load_own_yaml(text)


def package_words(package: str, name: str) -> dict[str, frozenset[str]]:
    """The word lists of ``data/name``: list → its words, which stand there with spaces between them.

    A word of several parts is written with ``_`` in place of its spaces.
    """
    lists: dict[str, str] = package_yaml(package, name)["words"]
    return {key: frozenset(words.split()) for key, words in lists.items()}
