"""The command line as a person meets it: its own process, its exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

MODULE = ("-m", "safecase.cli.main")
SAFECASE = [sys.executable, *MODULE]


def run_python(
    folder: Path, *arguments: str, given: str | None = None, seconds: float = 300, **environment: str
) -> subprocess.CompletedProcess[str]:
    """Run Python in ``folder``, with ``given`` on its standard input and lines of 200 characters."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env={**os.environ, "COLUMNS": "200", **environment},
    )


def safecase(
    folder: Path, *arguments: str, code: int = 0, given: str | None = None, **environment: str
) -> str:
    """Run one command in ``folder``; returns what it printed, or its errors where it printed nothing.

    Fails where the command ends with another ``code`` or with a traceback.
    """
    done = run_python(folder, *MODULE, *arguments, given=given, **environment)
    assert done.returncode == code, (arguments, done.returncode, done.stdout[-1500:], done.stderr[-1500:])
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    return done.stdout if code == 0 or done.stdout.strip() else done.stderr
