"""Ed25519 signatures in a DSSE envelope around an in-toto statement.

The envelope is the one of the Dead Simple Signing Envelope specification: the signature covers
``DSSEv1 <type length> <type> <payload length> <payload>``, so a payload cannot be passed off under
another type. The key that signed, and what it is for, stand inside of the payload: nothing that is shown
about a signature comes from bytes that it does not cover.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import orjson
from pydantic import ValidationError

from safecase.base import CheckFailed, JsonObject, JsonValue, Record, canonical_json
from safecase_verify.reading.keys import decode_key, is_weak, key_id

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

PAYLOAD_TYPE = "application/vnd.in-toto+json"
LASTING, MADE_FOR_ONE_PACK = "lasting", "made for this pack"
"""What a key says of itself, in what it signs."""


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
class Signer:
    """Whose key signed, by what it signed."""

    key: bytes
    kind: str
    """`LASTING` or `MADE_FOR_ONE_PACK`: the signer's own word."""

    @property
    def id(self) -> str:
        """Short name of the key."""
        return key_id(self.key)


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


def open_envelope(data: bytes) -> tuple[JsonObject, Signer]:
    """The statement of a validly signed envelope, and whose key signed it.

    Raises CheckFailed where the signature is not that of the key that the statement names, where there is
    another signature beside it, and where the key could prove nothing.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        envelope = Envelope.model_validate_json(data)
        payload = base64.b64decode(envelope.payload, validate=True)
        statement = orjson.loads(payload)
    except (ValidationError, binascii.Error, ValueError) as error:
        raise CheckFailed("the signature envelope does not read") from error
    if envelope.payloadType != PAYLOAD_TYPE:
        raise CheckFailed(f"the envelope signs a '{envelope.payloadType}', not an in-toto statement")
    if len(envelope.signatures) != 1:
        raise CheckFailed(
            f"the envelope holds {len(envelope.signatures)} signatures: a pack has one, and it is checked"
        )
    signature = envelope.signatures[0]
    signer = _named_signer(statement)
    if is_weak(signer.key):
        raise CheckFailed("the key that signed is a point of small order: anybody can sign with it")
    invalid = CheckFailed(
        "the signature of the pack is not valid: the statement was changed after it was signed"
    )
    if signature.keyid != signer.id:
        raise invalid
    try:
        Ed25519PublicKey.from_public_bytes(signer.key).verify(
            base64.b64decode(signature.sig, validate=True),
            _pre_authentication_encoding(envelope.payloadType, payload),
        )
    except (InvalidSignature, binascii.Error, ValueError):
        raise invalid from None
    # White space and spare bits are not signed, and could carry what nobody vouched for.
    canonical = all(map(_is_canonical, (envelope.payload, signature.sig)))
    if render_envelope(envelope) != data or not canonical or canonical_json(statement) != payload:
        raise CheckFailed("the signature envelope was changed after it was written")
    return statement, signer


def _named_signer(statement: object) -> Signer:
    """The key that a statement names as its own. Raises CheckFailed where it names none."""
    predicate = statement.get("predicate") if isinstance(statement, dict) else None
    named = predicate.get("signer") if isinstance(predicate, dict) else None
    kind = named.get("kind") if isinstance(named, dict) else None
    try:
        key = base64.b64decode(str(named["public_key"]), validate=True)  # type: ignore[index]
    except (binascii.Error, ValueError, KeyError, TypeError):
        key = b""
    if len(key) != 32 or kind not in (LASTING, MADE_FOR_ONE_PACK):
        raise CheckFailed("the signed statement does not name the key that signed it")
    return Signer(key, str(kind))


def _is_canonical(text: str) -> bool:
    """Base64 has bits at its end that decoders pass over; here they are zero."""
    try:
        return base64.b64encode(base64.b64decode(text)).decode() == text
    except binascii.Error:
        return False
