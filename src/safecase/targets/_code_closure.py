"""Which code decides an answer: what a file of the workspace imports, found without importing anything.

The walk is static: import statements wherever they stand, and imports by a literal name. Code that imports by
other means, or changes where modules are looked for, can reach any module of the workspace, so all count
for it. Data that code reads when it runs are no part of this; a component names them under ``files``.
"""

from __future__ import annotations

import ast
import hashlib
import importlib.machinery
import importlib.metadata
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from safecase.base import file_digest

_SUFFIXES = (".py", *importlib.machinery.EXTENSION_SUFFIXES, *importlib.machinery.BYTECODE_SUFFIXES)
_IMPORTERS = frozenset({"import_module", "__import__"})
"""Functions that import what their first argument names."""
_LOADERS = frozenset({"exec", "eval", "compile"})
"""Functions that run code from anywhere."""
_MACHINERY = frozenset({"importlib", "imp", "runpy", "pkgutil", "zipimport", "site", "builtins"})
"""Modules with such functions, whatever they are called where they are used."""
_HARMLESS = frozenset({"importlib.metadata", "importlib.resources", "importlib.abc"})
_WHERE_TO_LOOK = frozenset({"path", "meta_path", "path_hooks", "modules"})
_NO_CODE = frozenset({"__pycache__", "node_modules", "runs", "packs"})
_INSTALLED = frozenset({"site-packages", "dist-packages"})
_OWN = "safecase"
"""Its version stands in the manifest."""


@dataclass
class _Imports:
    """What one file imports: dotted names with the number of dots in front, and whether it goes further."""

    names: list[tuple[str, int]] = field(default_factory=list)
    dynamic: bool = False


def code_digest(root: Path, file: Path) -> str:
    """Digest over a file of the workspace ``root``, all it imports there, and versions of what is outside.

    Packages count as a whole. Equal content gives an equal digest wherever the workspace lies.
    """
    files, outside = _closure(root, file)
    state = hashlib.sha256()
    for path in sorted(files):
        name = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
        state.update(f"{name} {file_digest(path)}\n".encode())
    for name in sorted(outside):
        shadowed = bool(_resolve(root, file, name, 0)) or (root / name).is_dir()
        state.update(f"{name} {_outside_version(name, root, shadowed=shadowed)}\n".encode())
    return "sha256:" + state.hexdigest()


def _closure(root: Path, file: Path) -> tuple[set[Path], set[str]]:
    waiting = [file, *_package_of(root, file)]
    files: set[Path] = set()
    outside: set[str] = set()
    everything = False
    while waiting:
        path = waiting.pop()
        if path in files:
            continue
        files.add(path)
        found = _imports_of(path)
        if found.dynamic and not everything:
            everything = True
            waiting += _all_code(root)
        for name, level in found.names:
            waiting += _resolve(root, path, name, level)
            top = name.partition(".")[0]
            # Also where the workspace has a file of that name: what is installed goes before it.
            if not level and top not in sys.stdlib_module_names and top != _OWN:
                outside.add(top)
    return files, outside


def _imports_of(path: Path) -> _Imports:
    found = _Imports()
    if path.suffix != ".py":
        return found
    try:
        tree = ast.parse(path.read_bytes())
    except (SyntaxError, ValueError, RecursionError, OSError):
        return found  # whoever imports it says what is wrong with it; its bytes count all the same
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            found.names += [(item.name, 0) for item in node.names]
            found.dynamic |= any(
                _is_machinery(item.name) or (item.name == "sys" and item.asname is not None)
                for item in node.names
            )
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            names = [f"{base}.{item.name}" if base else item.name for item in node.names if item.name != "*"]
            found.names += [(base, node.level), *((name, node.level) for name in names)]
            found.dynamic |= not node.level and (
                any(map(_is_machinery, names or [base]))
                or (base == "sys" and any(item.name in _WHERE_TO_LOOK for item in node.names))
            )
        elif isinstance(node, ast.Call):
            _read_call(node, found)
        elif isinstance(node, ast.Attribute):
            of_sys = isinstance(node.value, ast.Name) and node.value.id == "sys"
            found.dynamic |= of_sys and node.attr in _WHERE_TO_LOOK
    return found


def _read_call(node: ast.Call, found: _Imports) -> None:
    called = node.func
    name = called.id if isinstance(called, ast.Name) else ""
    if isinstance(called, ast.Attribute):
        name = called.attr
    if name in _LOADERS:
        # `re.compile` and a model's `eval()` run no code from elsewhere.
        found.dynamic |= isinstance(called, ast.Name)
    elif name in _IMPORTERS:
        first = node.args[0] if node.args else None
        if isinstance(first, ast.Constant) and isinstance(first.value, str):
            dotted = first.value.lstrip(".")
            found.names.append((dotted, len(first.value) - len(dotted)))
        else:
            found.dynamic = True


def _is_machinery(name: str) -> bool:
    """Whether a module, or what is imported from one, can import by other means than a statement."""
    harmless = any(name == item or name.startswith(f"{item}.") for item in _HARMLESS)
    return name.partition(".")[0] in _MACHINERY and not harmless


def _resolve(root: Path, path: Path, name: str, level: int) -> list[Path]:
    """Files of the workspace behind a dotted name: the module, its package as a whole, or none."""
    folder = root
    if level:
        above = path.parents[level - 1] if level <= len(path.parents) else root
        folder = above if above.is_relative_to(root) else root
    elif not name:
        return []
    parts = name.split(".") if name else []
    found: list[Path] = []
    for number in range(1, len(parts) + 1):
        base = folder.joinpath(*parts[:number])
        found += [file for suffix in _SUFFIXES if (file := base.parent / (base.name + suffix)).is_file()]
        if (base / "__init__.py").is_file():
            return [*found, *_code_below(base)]
    # The folder of a package without __init__ counts once something in it is named.
    return [resolved for file in found if (resolved := file.resolve()).is_file()]


def _package_of(root: Path, file: Path) -> list[Path]:
    """All files of the package that a file belongs to, where it does."""
    inside = file.relative_to(root).parts if file.is_relative_to(root) else ()
    return list(_code_below(root / inside[0])) if len(inside) > 1 else []


def _code_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.iterdir()):
        if path.is_dir():
            if not path.name.startswith(".") and path.name != "__pycache__":
                yield from _code_below(path)
        elif path.name.endswith(_SUFFIXES):
            yield path.resolve()


def _all_code(root: Path) -> Iterator[Path]:
    for path in sorted(root.iterdir()):
        if path.is_file() and path.name.endswith(_SUFFIXES):
            yield path.resolve()
        elif path.is_dir() and path.name not in _NO_CODE and not path.name.startswith("."):
            yield from () if (path / "pyvenv.cfg").exists() else _all_code(path)


def _outside_version(name: str, root: Path, *, shadowed: bool) -> str:
    """The version of the installed package of that name; of code elsewhere, such as a package installed for
    editing, its digest. ``absent`` where there is none: it may be wanted on another machine only.

    ``shadowed``: the workspace has a module of that name. One of another workspace that was loaded into this
    process is then none of its business.
    """
    spec = _spec(name)
    places = [Path(place) for place in (spec.submodule_search_locations if spec else None) or ()]
    if spec and spec.has_location and spec.origin and not places:
        places = [Path(spec.origin)]
    if any(_INSTALLED & set(place.parts) for place in places):
        return distribution_version(name)
    elsewhere = [place for place in places if not place.resolve().is_relative_to(root)]
    if shadowed or not elsewhere:
        return "absent"
    files = [file for place in elsewhere for file in (_code_below(place) if place.is_dir() else [place])]
    lines = "\n".join(f"{file.name} {file_digest(file)}" for file in files)
    return "sha256:" + hashlib.sha256(lines.encode()).hexdigest()


def _spec(name: str) -> importlib.machinery.ModuleSpec | None:
    """Where a top-level module would come from. `importlib.util.find_spec` is not asked: it looks first at
    what is loaded already, and another workspace's module may bear the name."""
    for finder in sys.meta_path:
        try:
            found = finder.find_spec(name, None)
        except (ImportError, ValueError, AttributeError):
            continue
        if found is not None:
            return found
    return None


@lru_cache(maxsize=256)
def distribution_version(package: str) -> str:
    """Name and version of the distribution that brought an importable package; ``unknown`` where none did."""
    for name in (package, *_distributions().get(package, ())):
        try:
            return f"{name} {importlib.metadata.version(name)}"
        except importlib.metadata.PackageNotFoundError:
            continue
    return "unknown"


@lru_cache(maxsize=1)
def _distributions() -> dict[str, list[str]]:
    """Read once: it opens the records of everything that is installed."""
    return dict(importlib.metadata.packages_distributions())
