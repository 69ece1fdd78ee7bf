"""The `safecase` program."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import typer

from safecase.base import ExitCode
from safecase.cli._console import exit_on_error
from safecase.cli._discovery import add_commands, builtin_commands


def build_app(asked: Sequence[str] = ()) -> typer.Typer:
    """The program, for the words that follow its name on the command line.

    Where the first of them is a command that ships, only that command is built: each costs time to build, and
    a script that calls one must not wait for all the others.
    """
    codes = ", ".join(f"{code.value} {code.meaning}" for code in ExitCode)
    app = typer.Typer(
        name="safecase",
        no_args_is_help=True,
        pretty_exceptions_enable=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        help=(
            "The safety case of an AI system, kept as code.\n\n"
            "Plain files say what can go wrong, what tests it and what a release must show; "
            "safecase runs the tests against the live system and decides: "
            "go, no-go, or insufficient evidence.\n\n"
            "Start with: safecase init safety && cd safety && safecase run && safecase gate\n\n"
            f"Exit codes: {codes}."
        ),
    )
    # With a callback a program of one command still wants that command's name.
    app.callback()(_keep_names)
    add_commands(app, only=asked[0] if asked and asked[0] in builtin_commands() else "")
    return app


def _keep_names() -> None:
    pass


def run() -> None:
    """The console entry point."""
    asked = sys.argv[1:]
    exit_on_error(lambda: build_app(asked)(prog_name="safecase"), as_json="--json" in asked)


if __name__ == "__main__":
    run()
