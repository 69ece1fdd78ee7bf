"""The built-in suites: YAML data in the workspace's own format, written for this project."""

from __future__ import annotations

from functools import lru_cache
from importlib.resources import files
from pathlib import Path

_DATA = "suites"
_RISKS = "risks.yaml"


@lru_cache(maxsize=1)
def builtin_suite_names() -> tuple[str, ...]:
    """The names of the built-in suites, sorted; each is a file."""
    folder = files("safecase.workspace.library") / _DATA
    names = (item.name for item in folder.iterdir())
    return tuple(
        sorted(name.removesuffix(".yaml") for name in names if name.endswith(".yaml") and name != _RISKS)
    )


def suite_path(name: str) -> Path:
    """The file of a built-in suite; raises KeyError for a name that is none."""
    if name not in builtin_suite_names():
        raise KeyError(name)
    return Path(str(files("safecase.workspace.library") / _DATA / f"{name}.yaml"))


def risks_path() -> Path:
    """The file of the standard risks, in the workspace's own format."""
    return Path(str(files("safecase.workspace.library") / _DATA / _RISKS))
