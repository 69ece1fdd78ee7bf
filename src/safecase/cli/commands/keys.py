"""`safecase keys`: keys of people for decisions, and a key pair for signing packs."""

from __future__ import annotations

from typing import Annotated

import typer

from safecase.cli._console import out, print_json
from safecase.cli._options import HERE, Json, Workspace

keys = typer.Typer(help="Keys: of people, who sign decisions, and of CI, which signs packs.")


def register(app: typer.Typer) -> None:
    """Add the commands to the program."""
    app.add_typer(keys, name="keys", rich_help_panel="Evidence")


@keys.callback(invoke_without_command=True)
def make_pair(context: typer.Context, as_json: Json = False) -> None:
    """Without a subcommand: make an Ed25519 key pair for signing packs. The private half belongs in the
    environment only."""
    from safecase.evidence import new_key

    if context.invoked_subcommand is not None:
        return
    private, public = new_key()
    if as_json:
        print_json({"private": private, "public": public})
        return
    console = out()
    console.print(f"private: {private}\npublic:  {public}\n")
    console.print("Put the private key into the secret SAFECASE_SIGNING_KEY of your CI, and nowhere else.")
    console.print("Give the public key to those who run: safecase verify PACK --public-key …")


@keys.command("new")
def new(
    person: Annotated[str, typer.Argument(help="Person id.")],
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Make a key for a person: the private half in your own configuration folder, the public half in
    people.yaml."""
    from safecase.workflow import Project, new_person_key

    made = new_person_key(Project.open(workspace), person)
    if as_json:
        print_json({"private": str(made.private), "public": made.line, "file": str(made.file)})
        return
    out().print(f"Private key: {made.private} (keep it: it is {person}'s signature)", markup=False)
    out().print(f"Public key:  {made.line}, written into {made.file}", markup=False)


@keys.command("add")
def add(
    person: Annotated[str, typer.Argument(help="Person id.")],
    public_key: Annotated[str, typer.Argument(help="A .pub file of OpenSSH, or the key itself.")],
    workspace: Workspace = HERE,
    as_json: Json = False,
) -> None:
    """Adopt a key that a person has already: of a file, the SSH agent or a hardware token."""
    from safecase.workflow import Project, add_key

    made = add_key(Project.open(workspace), person, public_key)
    if as_json:
        print_json({"public": made.line, "file": str(made.file)})
        return
    out().print(f"Public key: {made.line}, written into {made.file}", markup=False)


@keys.command("list")
def list_(workspace: Workspace = HERE, as_json: Json = False) -> None:
    """The people's keys by fingerprint, and which of them this computer holds."""
    from safecase.workflow import Project, list_keys

    rows = list_keys(Project.open(workspace))
    if as_json:
        print_json({"keys": rows})
        return
    for row in rows:
        held = f" ({row.held})" if row.held else ""
        out().print(f"{row.person}: {row.fingerprint or 'no key: the name is a claim'}{held}", markup=False)
    if not rows:
        out().print("The workspace names no person.")
