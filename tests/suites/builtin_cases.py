"""The cases of the built-in suites."""

from __future__ import annotations

from functools import cache

from safecase.base import ProblemLevel
from safecase.model import Case
from safecase.workspace._suite_builder import build_suite
from safecase.workspace.library._builtin_suites import builtin_suite_names, suite_path
from safecase.workspace.library._media_files import with_media
from safecase.workspace.yaml_reader import read_yaml


@cache
def builtin_cases() -> tuple[Case, ...]:
    """Every case of the built-in suites, with its media read."""
    found: list[Case] = []
    for name in builtin_suite_names():
        document = read_yaml(suite_path(name), name)
        (declared,) = document.data["suites"]
        built = build_suite(declared, document, ("suites", 0), suite_path(name).parent)
        assert built is not None, document.problems
        assert not [item for item in document.problems if item.level is ProblemLevel.ERROR], document.problems
        found.extend(with_media(case) for case in built.suite.cases)
    return tuple(found)
