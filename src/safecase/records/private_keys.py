"""Where people keep the keys that they sign decisions with, and how a key of theirs is brought to sign.

A key is a file in the user's own configuration folder, outside of every workspace, or one that the SSH agent
or a hardware token holds: those sign through ``ssh-keygen -Y sign``.
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from safecase.base import (
    CheckFailed,
    InputError,
    public_line,
    read_armour,
    read_public_key,
    sign_message,
    verify_message,
)
from safecase.model import SIGNATURE_NAMESPACE, Person

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    from safecase.records.decision_log import Signer

_OWNER_ONLY = 0o600
_PATIENCE = 120
"""Seconds in which somebody types a passphrase or touches a token."""


def key_folder() -> Path:
    """The folder of this user's keys: ``safecase/keys`` in the configuration folder of the system."""
    named = os.environ.get("XDG_CONFIG_HOME") or (os.environ.get("APPDATA") if os.name == "nt" else "")
    return (Path(named) if named else Path.home() / ".config") / "safecase" / "keys"


def make_key(person: str, *, workspace: Path) -> tuple[Path, str]:
    """Make an Ed25519 key for a person; returns the private file and the line for people.yaml.

    Raises InputError where there is one already, or the folder lies inside of the workspace.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    folder = key_folder()
    if folder.resolve().is_relative_to(workspace.resolve()):
        raise InputError(
            "private keys stay out of the workspace", where=str(folder), hint="set XDG_CONFIG_HOME"
        )
    path = folder / f"{person}.key"
    private = Ed25519PrivateKey.generate()
    data = private.private_bytes(Encoding.PEM, PrivateFormat.OpenSSH, NoEncryption())
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        # Made with its mode, so that no moment passes in which others can read it.
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, _OWNER_ONLY)
    except FileExistsError:
        raise InputError(
            f"there is a key of {person} already", where=str(path), hint="safecase keys list"
        ) from None
    except OSError as error:
        raise InputError(f"cannot write the key: {error.strerror}", where=str(path)) from error
    with os.fdopen(descriptor, "wb") as stream:
        stream.write(data)
    return path, public_line(private)


def held_keys() -> dict[bytes, Path]:
    """Public key → private file, of the keys in this user's folder."""
    found = {}
    for path in sorted(key_folder().glob("*.key")):
        private = _read_private(path)
        if private is not None:
            found[read_public_key(public_line(private))] = path
    return found


def signer_for(person: Person, *, key: Path | None = None) -> Signer | None:
    """What signs in the name of a person; None where they have no key, so that the name stays a claim.

    ``key``: a private or public key file for ``ssh-keygen``, where it is none of the user's key folder.
    Raises InputError where the person has keys and none of them can be reached here.
    """
    if not person.keys:
        if key is not None:
            raise InputError(
                f"{person.id} has no key in the workspace", hint=f"safecase keys add {person.id} {key}"
            )
        return None
    if key is not None:
        return lambda message: _checked(_sign_by_ssh(key, message), message, person)
    held = held_keys()
    for text in person.keys:
        path = held.get(read_public_key(text))
        private = _read_private(path) if path is not None else None
        if private is not None:
            chosen = private
            return lambda message: sign_message(chosen, message, SIGNATURE_NAMESPACE)
    return lambda message: _sign_by_agent(person, message)


def _read_private(path: Path) -> Ed25519PrivateKey | None:
    """The key in a file; None where it holds none that signs by itself."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import load_ssh_private_key

    try:
        if os.name != "nt" and path.stat().st_mode & 0o077:
            raise InputError("others can read this private key", where=str(path), hint=f"chmod 600 {path}")
        found = load_ssh_private_key(path.read_bytes(), password=None)
    except (OSError, ValueError, TypeError):
        return None
    return found if isinstance(found, Ed25519PrivateKey) else None


def _sign_by_agent(person: Person, message: bytes) -> str:
    """Ask the agent for each of the person's keys in turn."""
    words = ""
    for text in person.keys:
        with tempfile.TemporaryDirectory(prefix="safecase-key-") as folder:
            public = Path(folder) / "key.pub"
            public.write_text(_ssh_line(text) + "\n", encoding="utf-8")
            try:
                return _checked(_sign_by_ssh(public, message), message, person)
            except InputError as error:
                words = words or error.message
    raise InputError(
        f"no key of {person.id} is here to sign with: {words}",
        hint="--key FILE, ssh-add, or `safecase keys list` for what this computer holds",
    )


def _ssh_line(text: str) -> str:
    import base64

    blob = read_public_key(text)
    kind = blob[4 : 4 + int.from_bytes(blob[:4])].decode()
    return f"{kind} {base64.b64encode(blob).decode()}"


def _sign_by_ssh(key: Path, message: bytes) -> str:
    command = ["ssh-keygen", "-q", "-Y", "sign", "-n", SIGNATURE_NAMESPACE, "-f", str(key)]
    try:
        made = subprocess.run(command, input=message, capture_output=True, timeout=_PATIENCE, check=False)
    except FileNotFoundError:
        raise InputError("ssh-keygen is not installed", hint="OpenSSH 8.1 or later signs for you") from None
    except subprocess.TimeoutExpired:
        raise InputError("ssh-keygen got no answer", where=str(key)) from None
    if made.returncode:
        words = made.stderr.decode("utf-8", "replace").strip().splitlines()
        raise InputError(
            f"ssh-keygen did not sign ({words[-1] if words else 'no reason given'})", where=str(key)
        )
    return read_armour(made.stdout.decode("ascii", "replace"))


def _checked(signature: str, message: bytes, person: Person) -> str:
    """A signature that is known to count: better told now than when somebody else reads the log."""
    wanted = {read_public_key(text) for text in person.keys}
    try:
        signed_by = verify_message(signature, message, SIGNATURE_NAMESPACE)
    except CheckFailed as error:
        raise InputError(f"the signature cannot be read: {error.message}") from error
    if signed_by not in wanted:
        raise InputError(f"this key is none of {person.id}'s", hint=f"safecase keys add {person.id} FILE")
    return signature
