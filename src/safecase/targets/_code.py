"""Python code under test: finding it in the workspace or among installed packages, and its version."""

from __future__ import annotations

import hashlib
import importlib
import importlib.util
import os
import re
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from safecase.base import PYTHON_REFERENCE, InputError, did_you_mean
from safecase.model import FailureKind, TargetFailure
from safecase.targets._code_closure import code_digest, distribution_version
from safecase.targets._http.http_errors import redact
from safecase.targets._http.json_body import clean_line
from safecase.targets._http.keys import environment_keys

_REFERENCE = re.compile(PYTHON_REFERENCE)


@dataclass(frozen=True)
class CodeReference:
    """``module:attribute``, resolved against a workspace folder."""

    module: str
    attribute: str
    root: Path
    what: str
    """Who asks, for messages: ``target 'shop'``."""

    @classmethod
    def parse(cls, text: str, root: Path, *, what: str) -> CodeReference:
        """Split ``text``. Raises InputError where it is not of the form ``module:attribute``."""
        if not _REFERENCE.match(text):
            raise InputError(
                f"{what}: '{text}' is no reference to Python code",
                hint="write module:attribute, as app:answer",
            )
        module, _, attribute = text.partition(":")
        return cls(module, attribute, root.resolve(), what)

    @property
    def file(self) -> Path | None:
        """The module's file in the workspace; None where it is an installed package."""
        base = self.root.joinpath(*self.module.split("."))
        for candidate in (base.with_suffix(".py"), base / "__init__.py"):
            if candidate.is_file():
                return candidate.resolve()
        return None

    def require_file(self) -> Path:
        """The module's file. Raises InputError where it is no file of the workspace, or a link leads out."""
        file = self.file
        if file is None:
            name = f"{self.module.replace('.', '/')}.py"
            raise InputError(
                f"{self.what}: there is no file '{name}' in {self.root}",
                hint="the path is relative to the workspace folder",
            )
        if not file.is_relative_to(self.root):
            raise InputError(
                f"{self.what}: '{file.name}' leads outside {self.root}", hint="move the file into the folder"
            )
        return file

    def version(self) -> str:
        """Digest of the workspace code with all that it imports, or the version of the installed package.

        The code is not imported: see `safecase.targets._code_closure`.
        """
        file = self.file
        if file is None:
            return distribution_version(self.module.partition(".")[0])
        return code_digest(self.root, file)

    def load(self) -> Any:
        """Import the module and return the attribute.

        Raises InputError where the module or attribute is not there, or the import fails.
        """
        try:
            value: Any = self._import()
        except InputError:
            raise
        except (Exception, SystemExit) as error:  # noqa: BLE001 - code under test may fail in any way
            if isinstance(error, ModuleNotFoundError) and error.name == self.module.partition(".")[0]:
                raise InputError(
                    f"{self.what}: there is no module '{self.module}' in {self.root} nor installed",
                    hint="the path is relative to the workspace folder",
                ) from None
            raise InputError(f"{self.what}: importing '{self.module}' failed: {crash_line(error)}") from None
        for name in self.attribute.split("."):
            if not hasattr(value, name):
                public = [item for item in dir(value) if not item.startswith("_")]
                raise InputError(
                    f"{self.what}: '{self.module}' has no attribute '{self.attribute}'",
                    hint=did_you_mean(name, public),
                )
            value = getattr(value, name)
        return value

    def _import(self) -> ModuleType:
        """The module, from the workspace's own file where there is one and never from a package of that
        name."""
        file = self.file
        if file is None:
            return importlib.import_module(self.module)
        # Behind everything installed, so that a workspace file can never pass for a library.
        if str(self.root) not in sys.path:
            sys.path.append(str(self.root))
        loaded = sys.modules.get(self.module)
        if loaded is not None and _is_file_of(loaded, file):
            return loaded
        if "." in self.module:
            module = importlib.import_module(self.module)
            if not _is_file_of(module, file):
                raise InputError(
                    f"{self.what}: '{self.module}' is a module of another package too",
                    hint="rename the workspace's package",
                )
            return module
        return self._import_file(file, taken=loaded is not None or self._is_installed())

    def _is_installed(self) -> bool:
        spec = importlib.util.find_spec(self.module)
        return spec is not None and spec.origin is not None and Path(spec.origin).resolve() != self.file

    def _import_file(self, file: Path, *, taken: bool) -> ModuleType:
        name = self.module
        if taken:
            name = f"{name}_{hashlib.sha256(str(file).encode()).hexdigest()[:12]}"
            if name in sys.modules:
                return sys.modules[name]
        is_package = file.name == "__init__.py"
        spec = importlib.util.spec_from_file_location(
            name, file, submodule_search_locations=[str(file.parent)] if is_package else None
        )
        if spec is None or spec.loader is None:
            raise InputError(f"{self.what}: {file} is no Python module")
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        try:
            spec.loader.exec_module(module)
        except BaseException:
            sys.modules.pop(name, None)
            raise
        return module


def _is_file_of(module: ModuleType, file: Path) -> bool:
    origin = getattr(module, "__file__", None)
    return isinstance(origin, str) and Path(origin).resolve() == file


def crash_line(error: BaseException) -> str:
    """Type, message and innermost place of an exception of code under test, on one line."""
    frames = traceback.extract_tb(error.__traceback__)
    place = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    try:
        words = clean_line(redact(str(error), environment_keys(os.environ)))
    except Exception:  # noqa: BLE001 - even __str__ is the foreign code's own
        words = "(its message cannot be shown)"
    return f"{type(error).__name__}{place}" + (f": {words}" if words else "")


def crash(error: BaseException, *, where: str) -> TargetFailure:
    """The TargetFailure for an exception that the code under test raised."""
    return TargetFailure(
        f"the code under test raised {crash_line(error)}", kind=FailureKind.CRASH, where=where
    )
