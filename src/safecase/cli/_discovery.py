"""Which commands there are: one file each in ``commands/``, and those of outside packages."""

from __future__ import annotations

import pkgutil
from importlib import import_module
from typing import TYPE_CHECKING

import typer

from safecase.cli import commands
from safecase.cli._console import err

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

ENTRY_POINTS = "safecase.command"
"""Group of entry points: each names a function that takes the program (a `typer.Typer`) and adds to it."""

PANELS = ("Workspace", "Runs", "Decision", "Evidence", "Guard", "Demo")
"""Headings of the help in the order of the work; others come after them."""


def builtin_commands() -> tuple[str, ...]:
    """Names of the commands that ship: the files of ``commands/``, with a hyphen where a file has ``_``."""
    found = (module.name for module in pkgutil.iter_modules(commands.__path__))
    return tuple(sorted(name.replace("_", "-") for name in found if not name.startswith("_")))


def outside_commands() -> dict[str, EntryPoint]:
    """Name → entry point of commands from outside packages. A name that ships cannot be taken."""
    # As slow as all the rest of a command's name; a command that ships does without.
    from importlib.metadata import entry_points

    taken = builtin_commands()
    return {point.name: point for point in entry_points(group=ENTRY_POINTS) if point.name not in taken}


def add_commands(app: typer.Typer, only: str = "") -> None:
    """Add every command to the program in the order of the work, or ``only`` one of those that ship.

    A command from outside that does not load is told on standard error and left out: one broken package must
    not take the gate away.
    """
    for name in (only,) if only else builtin_commands():
        import_module(f"{commands.__name__}.{name.replace('-', '_')}").register(app)
    # Looking through the installed packages takes longer than building a command.
    for _, point in sorted(outside_commands().items()) if not only else ():
        _add_outside(app, point)
    app.registered_commands.sort(key=lambda item: _panel_position(item.rich_help_panel))
    app.registered_groups.sort(key=lambda item: _panel_position(item.rich_help_panel))


def _add_outside(app: typer.Typer, point: EntryPoint) -> None:
    try:
        point.load()(app)
    except Exception as error:  # noqa: BLE001 - whatever a package from outside raises
        package = point.dist.name if point.dist else point.value
        err().print(
            f"warning: the command '{point.name}' of {package} does not load: {error}", style="yellow"
        )


def _panel_position(panel: object) -> int:
    return PANELS.index(panel) if panel in PANELS else len(PANELS)
