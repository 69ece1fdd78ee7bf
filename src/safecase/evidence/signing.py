"""Ed25519 signatures in a DSSE envelope around an in-toto statement.

The envelope is the one of the Dead Simple Signing Envelope specification: the signature covers
``DSSEv1 <type length> <type> <payload length> <payload>``, so a payload cannot be passed off under
another type. The key that signed, and what it is for, stand inside of the payload: nothing that is shown
about a signature comes from bytes that it does not cover.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from safecase.base import JsonObject, JsonValue, Record, as_ours, canonical_json
from safecase_verify import LASTING, MADE_FOR_ONE_PACK, PAYLOAD_TYPE, decode_key, key_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey


class EnvelopeSignature(Record):
    """The signature of an envelope; the key stands in the payload."""

    keyid: str
    sig: str


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
    with as_ours():
        seed = decode_key(text, f"the environment variable {variable}")
    return SigningKey(Ed25519PrivateKey.from_private_bytes(seed), ephemeral=False)


def _pre_authentication_encoding(payload_type: str, payload: bytes) -> bytes:
    kind = payload_type.encode()
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)


def sign_statement(statement: Mapping[str, JsonValue], key: SigningKey) -> Envelope:
    """Sign a statement's canonical JSON, with the signer's key and its kind in the predicate."""
    public = key.public_bytes
    signer: JsonObject = {
        "public_key": base64.b64encode(public).decode(),
        "kind": MADE_FOR_ONE_PACK if key.ephemeral else LASTING,
    }
    predicate = statement.get("predicate")
    signed = {
        **statement,
        "predicate": {**(predicate if isinstance(predicate, dict) else {}), "signer": signer},
    }
    payload = canonical_json(signed)
    signature = key.private.sign(_pre_authentication_encoding(PAYLOAD_TYPE, payload))
    return Envelope(
        payloadType=PAYLOAD_TYPE,
        payload=base64.b64encode(payload).decode(),
        signatures=(EnvelopeSignature(keyid=key_id(public), sig=base64.b64encode(signature).decode()),),
    )


def render_envelope(envelope: Envelope) -> bytes:
    """The envelope's bytes as a pack holds them: one rendering, so that no byte is free."""
    return envelope.model_dump_json(indent=2).encode()
