"""Ed25519 signatures in a DSSE envelope around an in-toto statement.

The envelope is the one of the Dead Simple Signing Envelope specification: the signature covers
``DSSEv1 <type length> <type> <payload length> <payload>``, so a payload cannot be passed off under
another type.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pydantic import ValidationError

from safecase.base import CheckFailed, InputError, Record, canonical_json

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"


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


def key_id(public_key: bytes) -> str:
    """Short name of a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


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


def _encoded(envelope: Envelope) -> Iterator[str]:
    """Every field of an envelope that is base64."""
    yield envelope.payload
    for signature in envelope.signatures:
        yield from (signature.sig, signature.public_key)


def _is_canonical(text: str) -> bool:
    """Base64 has bits at its end that decoders pass over; here they are zero."""
    try:
        return base64.b64encode(base64.b64decode(text)).decode() == text
    except binascii.Error:
        return False


def open_envelope(data: bytes, *, trusted_key: bytes | None = None) -> tuple[bytes, EnvelopeSignature]:
    """The payload of a validly signed envelope, and the signature that vouches for it.

    With ``trusted_key``, only that public key counts. Raises CheckFailed where nothing vouches.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        envelope = Envelope.model_validate_json(data)
        payload = base64.b64decode(envelope.payload, validate=True)
    except (ValidationError, binascii.Error, ValueError) as error:
        raise CheckFailed("the signature envelope does not read") from error
    if envelope.payloadType != PAYLOAD_TYPE:
        raise CheckFailed(f"the envelope signs a '{envelope.payloadType}', not an in-toto statement")
    message = _pre_authentication_encoding(envelope.payloadType, payload)
    for signature in envelope.signatures:
        try:
            public = base64.b64decode(signature.public_key, validate=True)
            # The id is what people compare: one that belongs to another key would vouch in its name.
            if signature.keyid != key_id(public):
                continue
            if trusted_key is not None and public != trusted_key:
                continue
            Ed25519PublicKey.from_public_bytes(public).verify(
                base64.b64decode(signature.sig, validate=True), message
            )
        except (InvalidSignature, binascii.Error, ValueError):
            continue
        # White space and spare bits are not signed, and could carry what nobody vouched for.
        if render_envelope(envelope) != data or not all(map(_is_canonical, _encoded(envelope))):
            raise CheckFailed("the signature envelope was changed after it was written")
        return payload, signature
    if trusted_key is not None:
        raise CheckFailed(f"no valid signature by the trusted key {key_id(trusted_key)}")
    raise CheckFailed("no signature of the pack is valid: the statement was changed after it was signed")
