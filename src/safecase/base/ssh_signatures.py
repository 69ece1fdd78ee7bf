"""Signatures by SSH keys over messages: made here, read by the code with which anybody checks a pack.

The format is the one of OpenSSH's ``PROTOCOL.sshsig``: a signature names the namespace that it was made for,
so that what was signed for one purpose cannot be passed off under another. Keys are those of OpenSSH's files:
Ed25519, ECDSA on the NIST curves, RSA, and the first two on hardware tokens (``PROTOCOL.u2f``).
"""

from __future__ import annotations

import base64
import struct
from typing import TYPE_CHECKING

from safecase.base.errors import as_ours
from safecase_verify.reading import ssh_signature
from safecase_verify.reading.ssh_signature import ED25519, MAGIC, signed_bytes, wire_string
from safecase_verify.reading.ssh_signature import fingerprint as fingerprint

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


def read_public_key(text: str) -> bytes:
    """The key's bytes in SSH's wire format, from a line of an OpenSSH ``.pub`` file or ``ed25519:BASE64``.

    Raises InputError where the text is no such key, and for keys that are too weak to vouch for anybody.
    """
    with as_ours():
        return ssh_signature.read_public_key(text)


def verify_message(signature: str, message: bytes, namespace: str) -> bytes:
    """The public key, in wire format, that signed ``message``; raises CheckFailed where none did."""
    with as_ours():
        return ssh_signature.verify_message(signature, message, namespace)


def public_line(private: Ed25519PrivateKey) -> str:
    """The public half of an Ed25519 key as a line of an OpenSSH ``.pub`` file, without a comment."""
    return f"{ED25519.decode()} {base64.b64encode(_public_blob(private)).decode()}"


def sign_message(private: Ed25519PrivateKey, message: bytes, namespace: str) -> str:
    """An SSH signature in base64, without the armour's lines."""
    space, algorithm = namespace.encode(), b"sha512"
    signature = private.sign(signed_bytes(message, space, algorithm))
    fields = (_public_blob(private), space, b"", algorithm, wire_string(ED25519) + wire_string(signature))
    return base64.b64encode(MAGIC + struct.pack(">I", 1) + b"".join(map(wire_string, fields))).decode()


def read_armour(text: str) -> str:
    """The base64 of a signature between the armour's lines, as ``ssh-keygen -Y sign`` writes it."""
    lines = [line.strip() for line in text.strip().splitlines()]
    return "".join(line for line in lines if line and not line.startswith("-----"))


def _public_blob(private: Ed25519PrivateKey) -> bytes:
    return wire_string(ED25519) + wire_string(private.public_key().public_bytes_raw())
