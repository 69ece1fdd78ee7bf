"""Where words go: results to standard output, everything about the work to standard error."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NoReturn

from safecase.base import ExitCode, SafecaseError, WorkspaceError

if TYPE_CHECKING:
    from rich.console import Console


def _make_console(*, stderr: bool) -> Console:
    from rich.console import Console

    return Console(stderr=stderr, highlight=False, soft_wrap=True, emoji=False, markup=False)


def out() -> Console:
    """The console of results."""
    return _make_console(stderr=False)


def err() -> Console:
    """The console of progress, notes and errors."""
    return _make_console(stderr=True)


def print_json(value: Any) -> None:
    """One JSON document on standard output, keys sorted, with a line break."""
    from safecase.base import canonical_json

    sys.stdout.buffer.write(canonical_json(value) + b"\n")
    sys.stdout.buffer.flush()


def leave(code: ExitCode | int) -> NoReturn:
    """End the program with that exit code."""
    raise SystemExit(int(code))


def exit_on_error(command: Callable[[], None], *, as_json: bool) -> None:
    """Run a program and turn what goes wrong into one message and the right exit code.

    With SAFECASE_DEBUG set, unexpected failures keep their traceback.
    """
    try:
        command()
    except WorkspaceError as error:
        from safecase.model import counted

        if as_json:
            print_json(
                {
                    "error": {"message": error.message, "problems": error.problems},
                    "exit_code": error.exit_code,
                }
            )
        else:
            for problem in error.problems:
                err().print(str(problem), style="red" if problem.level == "error" else "yellow")
            err().print(f"{counted(len(error.problems), 'problem')}; nothing was run")
        leave(error.exit_code)
    except SafecaseError as error:
        if as_json:
            fields = {"message": error.message, "where": error.where, "hint": error.hint}
            print_json({"error": fields, "exit_code": error.exit_code})
        else:
            err().print(f"error: {error.render()}", style="red")
        leave(error.exit_code)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        leave(ExitCode.INFRASTRUCTURE)
    except SystemExit as end:
        # Typer turns an interrupt into this code before anybody else hears of it.
        if end.code == ExitCode.INTERRUPTED:
            _say_interrupted()
        raise
    except KeyboardInterrupt:
        _say_interrupted()
        leave(ExitCode.INTERRUPTED)
    except MemoryError:
        err().print("error: out of memory", style="red")
        leave(ExitCode.INFRASTRUCTURE)
    except OSError as error:
        if os.environ.get("SAFECASE_DEBUG"):
            raise
        place = f"{error.filename}: " if error.filename else ""
        err().print(f"error: {place}{error.strerror or error}", style="red")
        leave(ExitCode.INFRASTRUCTURE)
    except Exception as error:
        if os.environ.get("SAFECASE_DEBUG"):
            raise
        err().print(
            f"error: {type(error).__name__}: {error}\n"
            "this is a fault in safecase, not in your input; SAFECASE_DEBUG=1 shows the traceback",
            style="red",
        )
        leave(ExitCode.INFRASTRUCTURE)


def _say_interrupted() -> None:
    err().print(
        "interrupted; a run that was under way can be taken up with `safecase resume`", style="yellow"
    )
