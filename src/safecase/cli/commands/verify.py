"""`safecase verify`: somebody's pack, checked without trusting them."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from safecase.base import ExitCode
from safecase.cli._console import leave, out, print_json
from safecase.cli._options import Json


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("verify", rich_help_panel="Evidence")(verify)


def verify(
    pack: Annotated[Path, typer.Argument(help="Evidence pack.")],
    trust: Annotated[
        Path | None,
        typer.Option(
            "--trust",
            help="File of known keys: a name and a public key a line, or allowed signers of OpenSSH.",
        ),
    ] = None,
    public_key: Annotated[
        str, typer.Option("--public-key", help="Base64 public key that must have signed it.")
    ] = "",
    require_trust: Annotated[
        bool | None,
        typer.Option(
            "--require-trust/--no-require-trust",
            help="Fail where no known key signed it.",
            show_default="required where the environment variable CI is set",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Check a pack without trusting who made it: every answer is scored again, every number computed anew.

    Needs no workspace and no network. Exit code 1 where anything does not hold.
    """
    from safecase.evidence import known_keys
    from safecase.workflow import verify_pack
    from safecase_verify import INTEGRITY_ONLY

    known = known_keys(trust, public_key)
    required = in_ci() if require_trust is None else require_trust
    result = verify_pack(pack, known=known, require_trust=required)
    if as_json:
        print_json(asdict(result))
    else:
        console = out()
        if not result.trusted:
            console.print(INTEGRITY_ONLY, style="yellow")
        for item in result.checks:
            mark, style = ("ok  ", "green") if item.shows_something else ("--  ", "yellow")
            if not item.ok:
                mark, style = "FAIL", "bold red"
            console.print(mark, style=style, end=" ")
            console.print(f"{item.name}: {item.detail}")
        held = (
            f"The pack holds, signed by {result.trusted}."
            if result.trusted
            else "The pack agrees with itself."
        )
        console.print(
            held if result.ok else "The pack does NOT hold.",
            style=("bold green" if result.trusted else "yellow") if result.ok else "bold red",
        )
    if not result.ok:
        leave(ExitCode.CHECK_FAILED)


def in_ci() -> bool:
    """Whether a build server runs this: all of them set ``CI``."""
    return os.environ.get("CI", "").strip().lower() not in ("", "0", "false", "no")
