"""The command line as a person meets it: its own process, its exit code, never a traceback."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SAFECASE = [sys.executable, "-m", "safecase.cli.main"]


def safecase(
    folder: Path,
    *arguments: str,
    code: int = 0,
    seconds: float = 120,
    given: str | None = None,
    **environment: str,
) -> str:
    """Run one command in ``folder``, ``given`` on its standard input; returns what it printed, or its errors
    where it printed nothing."""
    done = subprocess.run(
        [*SAFECASE, *arguments],
        cwd=folder,
        input=given,
        capture_output=True,
        text=True,
        timeout=seconds,
        check=False,
        env={**os.environ, "COLUMNS": "200", **environment},
    )
    assert done.returncode == code, (arguments, done.returncode, done.stdout[-1500:], done.stderr[-1500:])
    assert "Traceback" not in done.stderr, done.stderr[-3000:]
    return done.stdout if code == 0 or done.stdout else done.stderr
