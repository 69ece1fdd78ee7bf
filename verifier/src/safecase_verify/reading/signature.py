"""Ed25519 signatures in a DSSE envelope around an in-toto statement, opened.

The signature covers ``DSSEv1 <type length> <type> <payload length> <payload>``, so a payload cannot be passed
off under another type.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from typing import Any

from safecase_verify.errors import CheckFailed
from safecase_verify.reading._fields import read_record
from safecase_verify.reading.canonical import read_json
from safecase_verify.reading.keys import is_weak, key_id

PAYLOAD_TYPE = "application/vnd.in-toto+json"


@dataclass(frozen=True)
class EnvelopeSignature:
    """One signature of an envelope, with the public key that made it."""

    keyid: str
    sig: str
    public_key: str
    ephemeral: bool


@dataclass(frozen=True)
class Envelope:
    """A DSSE envelope."""

    payloadType: str
    payload: str
    signatures: tuple[EnvelopeSignature, ...]


def render_envelope(envelope: Any) -> bytes:
    """The envelope's bytes as a pack holds them: one rendering, so that no byte is free."""
    return json.dumps(envelope, indent=2, ensure_ascii=False).encode()


def open_envelope(data: bytes) -> tuple[bytes, EnvelopeSignature]:
    """The payload of a signed envelope, and its one signature, which is valid. Raises CheckFailed."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        envelope = read_record(Envelope, read_json(data), "statement.dsse.json")
        payload = base64.b64decode(envelope.payload, validate=True)
    except (CheckFailed, ValueError) as error:
        raise CheckFailed("the signature envelope does not read") from error
    if envelope.payloadType != PAYLOAD_TYPE:
        raise CheckFailed(f"the envelope signs a '{envelope.payloadType}', not an in-toto statement")
    kind = envelope.payloadType.encode()
    message = b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload)
    if len(envelope.signatures) != 1:
        raise CheckFailed(
            f"the envelope holds {len(envelope.signatures)} signatures: a pack has one, and it is checked"
        )
    (signature,) = envelope.signatures
    invalid = CheckFailed(
        "the signature of the pack is not valid: the statement was changed after it was signed"
    )
    try:
        public = base64.b64decode(signature.public_key, validate=True)
        # The id is what people compare: one that belongs to another key would vouch in its name.
        if signature.keyid != key_id(public):
            raise invalid
        if is_weak(public):
            raise CheckFailed("the key that signed is a point of small order: anybody can sign with it")
        Ed25519PublicKey.from_public_bytes(public).verify(
            base64.b64decode(signature.sig, validate=True), message
        )
    except (InvalidSignature, binascii.Error, ValueError):
        raise invalid from None
    # White space and spare bits are not signed, and could carry what nobody vouched for.
    encoded = (envelope.payload, signature.sig, signature.public_key)
    if render_envelope(asdict(envelope)) != data or not all(map(_is_canonical, encoded)):
        raise CheckFailed("the signature envelope was changed after it was written")
    return payload, signature


def _is_canonical(text: str) -> bool:
    """Base64 has bits at its end that decoders pass over; here they are zero."""
    try:
        return base64.b64encode(base64.b64decode(text)).decode() == text
    except binascii.Error:
        return False
