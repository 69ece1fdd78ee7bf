"""Ed25519 signatures in a DSSE envelope around an in-toto statement.

The envelope is the one of the Dead Simple Signing Envelope specification: the signature covers
``DSSEv1 <type length> <type> <payload length> <payload>``, so a payload cannot be passed off under
another type.
"""

from __future__ import annotations

import base64
import binascii
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safecase.base import InputError, Record, canonical_json
from safecase_verify import PAYLOAD_TYPE, key_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class EnvelopeSignature(Record):
    """One signature of an envelope, with the public key that made it."""

    keyid: str
    sig: str
    public_key: str
    ephemeral: bool = False
    """True where the key was made for this one pack: proves integrity, says nothing about origin."""


class Envelope(Record):
    """A DSSE envelope."""

    payloadType: str
    payload: str
    signatures: tuple[EnvelopeSignature, ...]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key and whether it outlives this pack."""

    private: Ed25519PrivateKey
    ephemeral: bool

    @property
    def public_bytes(self) -> bytes:
        """The 32 raw bytes of the public key."""
        return self.private.public_key().public_bytes_raw()


def new_key() -> tuple[str, str]:
    """A fresh key pair as (private seed, public key), both base64."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    private = Ed25519PrivateKey.generate()
    public = private.public_key().public_bytes_raw()
    return base64.b64encode(private.private_bytes_raw()).decode(), base64.b64encode(public).decode()


def load_key(variable: str) -> SigningKey:
    """The signing key from that environment variable, or an ephemeral one where it is unset.

    Raises InputError where the variable is set to something that is no key.
    """
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    text = os.environ.get(variable, "").strip()
    if not text:
        return SigningKey(Ed25519PrivateKey.generate(), ephemeral=True)
    seed = decode_key(text, f"the environment variable {variable}")
    return SigningKey(Ed25519PrivateKey.from_private_bytes(seed), ephemeral=False)


def decode_key(text: str, where: str) -> bytes:
    """The 32 bytes behind a base64 key; raises InputError where there are not 32."""
    try:
        key = base64.b64decode(text.strip(), validate=True)
    except (binascii.Error, ValueError):
        key = b""
    if len(key) != 32:
        raise InputError(
            f"{where} does not hold an Ed25519 key", hint="32 bytes in base64; `safecase keys` makes a pair"
        )
    return key


def _pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign_statement(statement: object, key: SigningKey) -> Envelope:
    """Sign a statement's canonical JSON."""
    payload = canonical_json(statement)
    signature = key.private.sign(_pre_authentication_encoding(PAYLOAD_TYPE, payload))
    public = key.public_bytes
    return Envelope(
        payloadType=PAYLOAD_TYPE,
        payload=base64.b64encode(payload).decode(),
        signatures=(
            EnvelopeSignature(
                keyid=key_id(public),
                sig=base64.b64encode(signature).decode(),
                public_key=base64.b64encode(public).decode(),
                ephemeral=key.ephemeral,
            ),
        ),
    )


def render_envelope(envelope: Envelope) -> bytes:
    """The envelope's bytes as a pack holds them: one rendering, so that no byte is free."""
    return envelope.model_dump_json(indent=2).encode()
