"""The `safecase` program."""

from __future__ import annotations

import sys

import typer

from safecase.cli import (
    command_catalogue,
    command_check,
    command_decide,
    command_demo,
    command_guard,
    command_init,
    command_plugins,
    command_run,
    command_show,
)
from safecase.cli.console import exit_on_error

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
        "Exit codes: 0 go / ok, 1 no-go / check failed, 2 bad input, 3 insufficient evidence, "
        "4 target or infrastructure failure."
    ),
)

for module in (
    command_init,
    command_check,
    command_run,
    command_decide,
    command_show,
    command_catalogue,
    command_guard,
    command_demo,
    command_plugins,
):
    module.register(app)


def run() -> None:
    """The console entry point."""
    exit_on_error(lambda: app(prog_name="safecase"), as_json="--json" in sys.argv)


if __name__ == "__main__":
    run()
