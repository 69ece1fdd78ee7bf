"""One warm server for each test process, and the workspaces that pages begin with, made once and copied."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.documentation.blocks import ROOT
from tests.documentation.narrow import narrowing
from tests.documentation.sample import recorded_files, write_sample
from tests.documentation.terminal import HERE, Terminal


@pytest.fixture(scope="session")
def warm_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """The address of a process that runs `safecase` without its start-up time."""
    folder = tmp_path_factory.mktemp("warm")
    address = folder / "socket"
    with subprocess.Popen(
        [sys.executable, str(HERE / "warm_server.py"), str(address)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        # Threads of a numerical library would not survive the fork.
        env={
            **os.environ,
            "OPENBLAS_NUM_THREADS": "1",
            "PYTHONPATH": os.pathsep.join(filter(None, sys.path)),
        },
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        yield address
        assert process.stdin is not None
        process.stdin.close()
        process.wait(timeout=10)


@pytest.fixture(scope="session")
def narrow(warm_server: Path, tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], None]:
    """Cuts the built-in suites of each workspace below a folder to some cases of each kind."""
    terminal = Terminal(tmp_path_factory.mktemp("whole") / "home", warm_server)
    assert terminal.run("safecase init whole --profile agent").code == 0
    listed = terminal.run("safecase show cases -w whole --json")
    assert listed.code == 0, listed.complaints
    return narrowing(listed.printed)


@pytest.fixture(scope="session")
def prepare(
    warm_server: Path, narrow: Callable[[Path], None], tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path | None]:
    """Name of a prepared folder → the folder, made at the first call; None for the empty one.

    ``agent`` is what `init` makes, ``decided`` has a run of the demo with its verdict, ``missed`` a run of
    something that is no demo and misses a bounded rule.
    """
    made: dict[str, Path] = {}

    def agent(terminal: Terminal) -> None:
        _must(terminal, "safecase init . --profile agent")

    def decided(terminal: Terminal) -> None:
        agent(terminal)
        _must(terminal, "safecase run")
        _must(terminal, "safecase gate")

    def missed(terminal: Terminal) -> None:
        agent(terminal)
        shutil.copytree(HERE / "given" / "missed", terminal.home, dirs_exist_ok=True)
        _must(terminal, "safecase run --target live --select suite:jailbreak")
        _must(terminal, "safecase gate", code=1)

    makers = {"agent": agent, "decided": decided, "missed": missed}

    def find(name: str) -> Path | None:
        if name == "empty":
            return None
        assert name in makers, f"there is no prepared session '{name}': one of empty, {', '.join(makers)}"
        if name not in made:
            terminal = Terminal(tmp_path_factory.mktemp(name) / "home", warm_server, after=narrow)
            makers[name](terminal)
            made[name] = terminal.home
        return made[name]

    return find


def _must(terminal: Terminal, statement: str, code: int = 0) -> None:
    done = terminal.run(statement)
    assert done.code == code, f"{statement}: {done.printed}{done.complaints}"


@pytest.fixture(scope="session")
def recorded_data(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Name of an example → a folder with a sample of what it reads; skips, loudly, where there is none."""
    source = Path(os.environ.get("SAFECASE_SHARED_DATA") or ROOT.parent / "shared" / "data")
    if not (source / "xstest_completions.jsonl").is_file():
        pytest.skip(f"NO RECORDED DATA in {source}: set SAFECASE_SHARED_DATA to run the examples")
    folder = tmp_path_factory.mktemp("recorded")

    def give(example: str) -> Path:
        for name in recorded_files(example):
            if not (folder / name).exists():
                write_sample(source / name, folder / name)
        return folder

    return give


@pytest.fixture
def terminal(warm_server: Path, narrow: Callable[[Path], None], tmp_path: Path) -> Terminal:
    """A shell in an empty folder."""
    made = Terminal(tmp_path / "home", warm_server, after=narrow)
    environment = made.home / ".venv" / "bin"
    environment.mkdir(parents=True)
    (environment / "safecase").symlink_to(made.programs / "safecase")
    return made
