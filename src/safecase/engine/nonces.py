"""Where the nonce of a run comes from: drawn here, or given by a registrar who has seen the plan's digest.

The order of a run follows from its plan and this number. It is asked for once, after everything else about
the run is on the disk, so that nobody can fit the plan to an order. A nonce of one's own rests on one's word
that nobody drew twice; a registrar's does not.
"""

from __future__ import annotations

import base64
import binascii
import re
import secrets
import shlex
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import orjson

from safecase.base import InfrastructureError, InputError
from safecase.model import NonceSource, RegistrarProof

_BYTES = 32
_SECONDS = 60.0
"""How long a registrar may take: the ledger is held meanwhile, and other runs wait."""
_LARGEST_REPLY = 64 * 1024
_NONCE = re.compile("[0-9a-f]{64}")


@dataclass(frozen=True)
class Nonce:
    """A number that nobody knew while the plan was made."""

    value: str
    """64 hex digits."""
    source: NonceSource = NonceSource.OWN
    proof: RegistrarProof | None = None


NonceDrawer: TypeAlias = Callable[[str], Nonce]
"""From the digest of a plan without order to its nonce. Raises InfrastructureError where there is none."""


def draw_own_nonce(draft_digest: str) -> Nonce:
    """A nonce from this machine's own source of chance."""
    return Nonce(secrets.token_hex(_BYTES))


def registrar(place: str, folder: Path) -> NonceDrawer:
    """Who gives nonces at ``place``: an ``https://`` URL, or a command that is run in ``folder``.

    The digest goes to the command on its standard input, one line, and to the URL as the JSON body
    ``{"plan_digest": ...}``. The answer is JSON: ``nonce`` (64 hex digits), ``registrar`` (its name), and,
    where it signs, ``public_key`` and ``signature`` (Ed25519, base64) over `safecase.model.nonce_statement`.
    """
    if place.startswith(("http://", "https://")):
        return lambda draft_digest: _read_reply(_post(place, draft_digest), place)
    try:
        words = shlex.split(place)
    except ValueError as error:
        raise InputError(f"registrar: this is not a command: {error}", where="defaults") from error
    if not words:
        raise InputError("registrar: this is an empty command", where="defaults", hint="remove the line")
    return lambda draft_digest: _read_reply(_ask(words, folder, draft_digest), place)


def _ask(words: list[str], folder: Path, draft_digest: str) -> bytes:
    try:
        done = subprocess.run(
            words,
            cwd=folder,
            input=f"{draft_digest}\n".encode(),
            capture_output=True,
            timeout=_SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise _silent(words[0], str(error)) from error
    if done.returncode:
        lines = done.stderr.decode("utf-8", "replace").strip().splitlines() or ["it said nothing"]
        raise _silent(words[0], f"exit code {done.returncode}: {lines[-1][:200]}")
    return done.stdout


def _post(url: str, draft_digest: str) -> bytes:
    request = urllib.request.Request(  # noqa: S310 - only http and https come here
        url,
        data=orjson.dumps({"plan_digest": draft_digest}),
        headers={"Content-Type": "application/json", "Accept": "application/json"},
    )
    try:
        with urllib.request.urlopen(request, timeout=_SECONDS) as reply:  # noqa: S310
            found: bytes = reply.read(_LARGEST_REPLY + 1)
            return found
    except (OSError, urllib.error.URLError, ValueError) as error:
        raise _silent(url, str(error)) from error


def _read_reply(reply: bytes, place: str) -> Nonce:
    if len(reply) > _LARGEST_REPLY:
        raise _silent(place, "its answer is longer than a nonce and a proof are")
    try:
        fields = orjson.loads(reply)
        nonce = str(fields["nonce"])
        proof = RegistrarProof(
            registrar=str(fields.get("registrar") or place),
            public_key=str(fields.get("public_key", "")),
            signature=str(fields.get("signature", "")),
        )
        for text in (proof.public_key, proof.signature):
            base64.b64decode(text, validate=True)
    except (orjson.JSONDecodeError, binascii.Error, TypeError, KeyError, AttributeError) as error:
        raise _silent(place, f"its answer does not read: {error!r}") from error
    if not _NONCE.fullmatch(nonce):
        raise _silent(place, "its nonce is not 64 hex digits")
    return Nonce(nonce, NonceSource.REGISTRAR, proof)


def _silent(place: str, reason: str) -> InfrastructureError:
    return InfrastructureError(
        f"the registrar gave no nonce: {reason}",
        where=place,
    )
