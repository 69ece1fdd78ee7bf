"""A shell in a folder of its own: statements run one by one, and what a person would see of each."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).parent
_SECONDS = 120
_SHELL = r"""
trap 'code=$?; pwd > "{state}/folder"; export -p > "{state}/environment"; exit $code' EXIT
[ -f "{state}/environment" ] && source "{state}/environment"
cd "{folder}"
(exit {code})
{statement}
"""
"""State between statements is the folder, exported variables and the last exit code, as a person has them."""


@dataclass(frozen=True)
class Done:
    """One statement that was run."""

    statement: str
    code: int
    printed: str
    complaints: str


@dataclass
class Terminal:
    """One folder, one environment; ``folder`` follows ``cd``."""

    home: Path
    server: Path
    """Socket of the warm server that `safecase` asks."""
    after: Callable[[Path], None] = lambda home: None
    """Called with ``home`` after each `safecase init`."""
    history: list[Done] = field(default_factory=list)
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.home.mkdir(parents=True, exist_ok=True)
        self.folder = self.home
        self._state = self.home.parent / f"{self.home.name}.state"
        self._state.mkdir()
        programs = self._state / "bin"
        programs.mkdir()
        command = f'#!/bin/sh\nexec "{sys.executable}" -IS "{HERE / "warm_client.py"}" "$@"\n'
        (programs / "safecase").write_text(command, encoding="utf-8")
        (programs / "safecase").chmod(0o755)
        (programs / "python").symlink_to(sys.executable)
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SAFECASE_")}
        self._environment = {
            **kept,
            **self.variables,
            "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
            "HOME": str(self.home),
            "COLUMNS": "200",
            "SAFECASE_WARM_SERVER": str(self.server),
        }

    @property
    def programs(self) -> Path:
        """Where `safecase` stands."""
        return self._state / "bin"

    def run(self, statement: str) -> Done:
        """Run one statement; whatever its exit code, it is returned."""
        script = _SHELL.format(
            state=self._state,
            folder=self.folder,
            code=self.history[-1].code if self.history else 0,
            statement=statement,
        )
        ended = subprocess.run(
            ["bash", "-c", script],
            cwd=self.home,
            env=self._environment,
            # Where a command asks whether to go on, a person who types this says yes.
            input="y\n",
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
        )
        self.folder = Path((self._state / "folder").read_text(encoding="utf-8").rstrip("\n"))
        done = Done(statement, ended.returncode, ended.stdout, ended.stderr)
        self.history.append(done)
        if re.search(r"\bsafecase init\b", statement):
            self.after(self.home)
        return done

    def take(self, prepared: Path) -> None:
        """Put a copy of a prepared folder in place of what is here, and stand in it."""
        shutil.rmtree(self.home)
        shutil.copytree(prepared, self.home)
        self.folder = self.home


def statements(body: str) -> Iterator[tuple[int, str]]:
    """Line (from 1) and text of each shell statement; comments between statements are left out.

    Raises AssertionError where the block ends within one.
    """
    waiting: list[str] = []
    first = 0
    for number, line in enumerate(body.splitlines(), start=1):
        if not waiting and (not line.strip() or line.lstrip().startswith("#")):
            continue
        first = first if waiting else number
        waiting.append(line)
        text = "\n".join(waiting)
        if not line.endswith("\\") and _complete(text):
            yield first, text
            waiting = []
    assert not waiting, f"the shell would wait for more after: {waiting[0]}"


def _complete(text: str) -> bool:
    if not re.search(r"\b(case|if|for|while|do)\b|<<|[{(\"']", text):
        return True  # nothing in it could stay open: spares a process
    return subprocess.run(["bash", "-n", "-c", text], capture_output=True, check=False).returncode == 0


def comment(statement: str) -> str:
    """What stands behind the # of a statement's last line; empty where there is nothing."""
    found = re.search(r"(?:^|\s)#\s*(.*)$", statement.splitlines()[-1])
    return found[1] if found else ""


def without_comment(statement: str) -> str:
    """The statement without what stands behind the # of its last line."""
    return re.sub(r"\s+#\s.*$", "", statement)
