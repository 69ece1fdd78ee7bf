"""What a facade promises: each name is there, explained, on the API page, and costs nothing until used."""

from __future__ import annotations

import importlib
import inspect
import json
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

import safecase
from safecase.base import SafecaseError

SOURCE = Path(safecase.__file__).parent
FACADES = sorted(
    ".".join(path.parent.relative_to(SOURCE.parent).parts)
    for path in SOURCE.rglob("__init__.py")
    if "lazy_exports(__name__)" in path.read_text(encoding="utf-8")
)
HEAVY = ("numpy", "scipy", "pydantic", "pyarrow", "aiohttp", "orjson", "typer", "rich", "jinja2")
API_PAGE = (Path(__file__).resolve().parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


def public_names(facade: ModuleType) -> list[str]:
    names: list[str] = facade.__all__
    return names


@pytest.mark.parametrize("name", FACADES)
def test_every_public_name_is_there_and_explained(name: str) -> None:
    facade = importlib.import_module(name)
    names = public_names(facade)
    assert names
    for item in names:
        value = getattr(facade, item)
        if inspect.isclass(value) or inspect.isroutine(value):
            assert inspect.getdoc(value), f"{name}.{item} has no docstring"


@pytest.mark.parametrize("name", FACADES)
def test_every_public_name_stands_on_the_api_page(name: str) -> None:
    assert f"## {name}\n" in API_PAGE
    section = API_PAGE.split(f"## {name}\n")[1].split("\n## ")[0]
    assert [item for item in public_names(importlib.import_module(name)) if f"`{item}`" not in section] == []


@pytest.mark.parametrize("name", FACADES)
def test_no_public_name_is_shadowed_by_a_file(name: str) -> None:
    """Importing a module sets it on its package: a name that is both would change its meaning."""
    folder = SOURCE.parent.joinpath(*name.split("."))
    beside = {path.stem for path in folder.iterdir()}
    assert beside & set(public_names(importlib.import_module(name))) == set()


@pytest.mark.parametrize("name", FACADES)
def test_a_name_that_is_not_listed_is_not_there(name: str) -> None:
    with pytest.raises(AttributeError, match="nobody_lists_this"):
        importlib.import_module(name).nobody_lists_this  # noqa: B018


def test_importing_every_room_loads_nothing_but_facades() -> None:
    """Time is not asserted; what takes it is: modules that are loaded."""
    program = (
        "import json, sys\n"
        f"for name in {FACADES!r}: __import__(name)\n"
        f"heavy = {(*HEAVY, 'safecase')!r}\n"
        "print(json.dumps([name for name in sys.modules if name.partition('.')[0] in heavy]))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    loaded = set(json.loads(done.stdout))
    packages = {".".join(name.split(".")[:place]) for name in FACADES for place in range(1, 4)}
    assert loaded <= packages | {"safecase", "safecase.base.facade", "safecase.base.version"}


def subclasses(kind: type[BaseException]) -> set[str]:
    found = set()
    for child in kind.__subclasses__():
        if child.__module__.startswith("safecase."):
            found |= {child.__name__} | subclasses(child)
    return found


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        if any(base in text for base in ("SafecaseError", "Error)", "(CheckFailed)")):
            importlib.import_module(".".join(path.relative_to(SOURCE.parent).with_suffix("").parts))
    drawn = sys.modules["safecase.base.errors"].__doc__ or ""
    depth: dict[int, str] = {}
    parents: dict[str, str] = {}
    for line in drawn.splitlines():
        word = next((part for part in line.split() if part[0].isalpha()), "")
        if word.endswith(("Error", "Failed", "Denied", "Needed", "Failure")):
            place = line.index(word)
            depth = {at: name for at, name in depth.items() if at < place}
            if depth:
                parents[word] = depth[max(depth)]
            depth[place] = word
    known = subclasses(SafecaseError)
    assert set(parents) == known

    for name, parent in parents.items():
        child = find(SafecaseError, name)
        assert child is not None
        assert parent in {base.__name__ for base in child.__bases__}, f"{name} is drawn under {parent}"


def find(kind: type[BaseException], name: str) -> type[BaseException] | None:
    for child in kind.__subclasses__():
        found = child if child.__name__ == name else find(child, name)
        if found is not None:
            return found
    return None
