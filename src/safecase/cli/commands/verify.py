"""`safecase verify`: somebody's pack, checked without trusting them."""

from __future__ import annotations

import os
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
    from safecase.evidence import INTEGRITY_ONLY, KnownKey, decode_key, read_known_keys
    from safecase.workflow import verify_pack

    known = [*(read_known_keys(trust) if trust else ())]
    if public_key:
        known.append(KnownKey("--public-key", decode_key(public_key, "--public-key")))
    required = in_ci() if require_trust is None else require_trust
    result = verify_pack(pack, known=known, require_trust=required)
    if as_json:
        print_json(result)
    else:
        console = out()
        if not result.trusted:
            console.print(INTEGRITY_ONLY, style="yellow")
        for item in result.checks:
            console.print("ok  " if item.ok else "FAIL", style="green" if item.ok else "bold red", end=" ")
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
