"""Files that a workspace names: paths that stay inside of their folder, and digests."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

from safecase.base import InputError

ROOT_VARIABLE = re.compile(r"^SAFECASE_[A-Z0-9_]+$")
"""Only variables of the product's own may widen what a workspace can read."""


def resolve_inside(root: Path, relative: str, *, what: str) -> Path:
    """The file ``relative`` to ``root``, links resolved.

    Raises InputError where it is absolute, leads outside ``root`` (through ``..`` or a link), or is not
    a file.
    """
    if "\x00" in relative:
        raise InputError(f"{what}: the path holds a NUL character")
    base = root.resolve()
    if Path(relative).is_absolute():
        raise InputError(
            f"{what}: '{relative}' is an absolute path", hint="give it relative to the workspace folder"
        )
    path = (base / relative).resolve()
    if not path.is_relative_to(base):
        raise InputError(f"{what}: '{relative}' leads outside {root}", hint="move the file into the folder")
    if not path.is_file():
        raise InputError(f"{what}: there is no file '{relative}' in {root}")
    return path


def root_from_environment(variable: str, *, what: str) -> Path:
    """The folder that the environment variable ``variable`` names.

    Raises InputError where the name is not of the form ``SAFECASE_...``, or the variable is unset or
    names no folder.
    """
    if not ROOT_VARIABLE.match(variable):
        raise InputError(
            f"{what}: root_env '{variable}' is not allowed", hint="use a name such as SAFECASE_SHARED_DATA"
        )
    value = os.environ.get(variable, "")
    if not value:
        raise InputError(
            f"{what}: the environment variable {variable} is not set",
            hint="set it to the folder that holds the file",
        )
    root = Path(value)
    if not root.is_dir():
        raise InputError(f"{what}: {variable} names '{value}', which is not a folder")
    return root


def read_text_inside(root: Path, relative: str, *, what: str, maximum_bytes: int = 1_000_000) -> str:
    """The UTF-8 text of a file below ``root``. Raises InputError where it cannot be read as such."""
    path = resolve_inside(root, relative, what=what)
    try:
        if path.stat().st_size > maximum_bytes:
            raise InputError(f"{what}: '{relative}' is larger than {maximum_bytes} bytes")
        return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise InputError(f"{what}: '{relative}' is not UTF-8 text ({error.reason})") from None
    except OSError as error:
        raise InputError(f"{what}: '{relative}' cannot be read: {error.strerror}") from None


def file_digest(path: Path) -> str:
    """SHA-256 of a file's bytes as ``sha256:<64 hex digits>``, read in pieces."""
    with path.open("rb") as handle:
        return "sha256:" + hashlib.file_digest(handle, "sha256").hexdigest()


def files_digest(root: Path, pattern: str) -> str:
    """Digest over names and contents of the files below ``root`` that a pattern, file or folder names.

    ``missing`` where there is none. Raises InputError where the pattern is absolute or leads outside.
    """
    if Path(pattern).is_absolute() or ".." in Path(pattern).parts:
        raise InputError(f"'{pattern}' leads outside {root}", hint="name files of the workspace folder")
    found: set[Path] = set()
    for path in root.glob(pattern):
        found |= {item for item in path.rglob("*") if item.is_file()} if path.is_dir() else {path}
    if not found:
        return "missing"
    state = hashlib.sha256()
    for path in sorted(found):
        state.update(f"{path.relative_to(root).as_posix()} {file_digest(path)}\n".encode())
    return "sha256:" + state.hexdigest()
