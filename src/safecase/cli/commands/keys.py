"""`safecase keys`: a key pair for signing packs."""

from __future__ import annotations

import typer

from safecase.cli._console import out, print_json
from safecase.cli._options import Json


def register(app: typer.Typer) -> None:
    """Add the command to the program."""
    app.command("keys", rich_help_panel="Evidence")(keys)


def keys(as_json: Json = False) -> None:
    """Make an Ed25519 key pair for signing packs. The private half belongs in the environment only."""
    from safecase.evidence import new_key

    private, public = new_key()
    if as_json:
        print_json({"private": private, "public": public})
        return
    console = out()
    console.print(f"private: {private}\npublic:  {public}\n")
    console.print("Put the private key into the secret SAFECASE_SIGNING_KEY of your CI, and nowhere else.")
    console.print("Give the public key to those who run: safecase verify PACK --public-key …")
