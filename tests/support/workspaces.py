"""Workspaces on disk."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from support.command_line import safecase


def write_files(folder: Path, files: Mapping[str, str | None]) -> Path:
    """Write YAML files by their names without ".yaml"; one whose text is None goes away.

    Returns the folder, which is made where it is not there.
    """
    for name, text in files.items():
        file = folder / f"{name}.yaml"
        if text is None:
            file.unlink(missing_ok=True)
        else:
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text, encoding="utf-8")
    return folder


def start_workspace(
    folder: Path, files: Mapping[str, str | None], *, profile: str = "chat", name: str = ""
) -> Path:
    """What ``safecase init`` makes, with ``files`` written over it."""
    safecase(folder.parent, "init", str(folder), "--profile", profile, *(["--name", name] if name else []))
    return write_files(folder, files)
