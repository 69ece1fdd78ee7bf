"""A process that has everything imported and forks for each command: `safecase` without its start-up time.

The documentation runs some hundred commands. Each is a process with its own folder, environment and exit
code, as on a terminal; what they share is the import of the package and what it reads once.

    python warm_server.py SOCKET      listens there, prints "ready", ends when its standard input closes
"""

from __future__ import annotations

import contextlib
import importlib
import io
import json
import os
import pkgutil
import select
import signal
import socket
import sys
import tempfile
import threading
import traceback
from pathlib import Path

_SOME_OF_EACH_KIND = " ".join(
    f"suite:{name}"
    for name in ("own", "privacy", "tool-misuse", "toxicity", "high-stakes-advice", "deception")
)
"""A few dozen cases that are read by most of the scorers."""


def main() -> None:
    """Import, warm up, then serve one forked process per connection."""
    (address,) = sys.argv[1:]
    import_everything()
    warm_up()
    # Nobody waits for the children: their client hears the code.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(address)
        listener.listen(16)
        print("ready", flush=True)
        while True:
            ready, _, _ = select.select([listener, sys.stdin], [], [])
            if sys.stdin in ready:
                os._exit(0)  # whoever started this process is gone, and nobody waits for it to tidy up
            connection, _ = listener.accept()
            if os.fork() == 0:
                listener.close()
                serve(connection)
            connection.close()


def import_everything() -> None:
    """Import each module of the package; what these import when they run, the warm-up has imported."""
    import safecase

    for module in pkgutil.walk_packages(safecase.__path__, "safecase."):
        with contextlib.suppress(ImportError):  # an optional part whose dependency is not installed
            importlib.import_module(module.name)


def warm_up() -> None:
    """Go once through the main job, which reads suites, lexicons and weights and compiles patterns.

    It leaves no thread of Python behind, which would be missing in the forked processes.
    """
    nowhere = io.StringIO()
    with (
        tempfile.TemporaryDirectory() as folder,
        contextlib.redirect_stdout(nowhere),
        contextlib.redirect_stderr(nowhere),
    ):
        here = ["--workspace", folder]
        run_safecase(["init", folder, "--profile", "agent"])
        run_safecase(["check", *here])
        run_safecase(["run", *here, "--guard", "--select", _SOME_OF_EACH_KIND])
        run_safecase(["gate", *here])
        run_safecase(["report", *here])
        run_safecase(["verify", *map(str, Path(folder).glob("packs/*/*.zip"))])
    assert threading.active_count() == 1, threading.enumerate()


def serve(connection: socket.socket) -> None:
    """Be the process that the client asks for, and tell it the exit code. Never returns."""
    code = 70
    try:
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        message, descriptors, _, _ = socket.recv_fds(connection, 1 << 20, 3)
        asked = json.loads(message)
        for number, descriptor in enumerate(descriptors):
            os.dup2(descriptor, number)
            os.close(descriptor)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        code = run_safecase(asked["arguments"])
    except BaseException:  # noqa: BLE001 - what escapes the program is shown as Python would show it
        traceback.print_exc()
        code = 1
    finally:
        with contextlib.suppress(OSError, ValueError):
            sys.stdout.flush()
            sys.stderr.flush()
        with contextlib.suppress(OSError):
            connection.sendall(str(code).encode())
        os._exit(code)


def run_safecase(arguments: list[str]) -> int:
    """The console entry point of the package; its exit code."""
    from safecase.cli.main import run

    sys.argv = ["safecase", *arguments]
    try:
        run()
    except SystemExit as end:
        if end.code is None or isinstance(end.code, int):
            return end.code or 0
        print(end.code, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    main()
