"""`safecase verify`: somebody's pack, checked without trusting them."""

from __future__ import annotations

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
    public_key: Annotated[
        str, typer.Option("--public-key", help="Base64 public key that must have signed it.")
    ] = "",
    as_json: Json = False,
) -> None:
    """Check a pack without trusting who made it: signature, digests, chain, and every number anew.

    Needs no workspace and no network. Exit code 1 where anything does not hold.
    """
    from safecase.evidence import decode_key, verify_pack

    trusted = decode_key(public_key, "--public-key") if public_key else None
    result = verify_pack(pack, trusted_key=trusted)
    if as_json:
        print_json(result)
    else:
        console = out()
        for item in result.checks:
            mark, style = ("ok  ", "green") if item.shows_something else ("--  ", "yellow")
            if not item.ok:
                mark, style = "FAIL", "bold red"
            console.print(mark, style=style, end=" ")
            console.print(f"{item.name}: {item.detail}")
        console.print(
            "The pack holds." if result.ok else "The pack does NOT hold.",
            style="bold green" if result.ok else "bold red",
        )
    if not result.ok:
        leave(ExitCode.CHECK_FAILED)
