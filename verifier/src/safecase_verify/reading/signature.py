"""Ed25519 signatures in a DSSE envelope around an in-toto statement, opened.

The signature covers ``DSSEv1 <type length> <type> <payload length> <payload>``, so a payload cannot be passed
off under another type. The key that signed, and what it is for, stand inside of the payload: nothing that is
shown about a signature comes from bytes that it does not cover.
"""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import asdict, dataclass
from typing import Any

from safecase_verify.errors import CheckFailed
from safecase_verify.reading._fields import read_record
from safecase_verify.reading.canonical import canonical_json, read_json
from safecase_verify.reading.keys import is_weak, key_id

PAYLOAD_TYPE = "application/vnd.in-toto+json"
LASTING, MADE_FOR_ONE_PACK = "lasting", "made for this pack"
"""What a key says of itself, in what it signs."""


@dataclass(frozen=True)
class EnvelopeSignature:
    """The signature of an envelope; the key stands in the payload."""

    keyid: str
    sig: str


@dataclass(frozen=True)
class Envelope:
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


def open_envelope(data: bytes) -> tuple[dict[str, Any], Signer]:
    """The statement of a validly signed envelope, and whose key signed it.

    Raises CheckFailed where the signature is not that of the key that the statement names, where there is
    another signature beside it, and where the key could prove nothing.
    """
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        envelope = read_record(Envelope, read_json(data), "statement.dsse.json")
        payload = base64.b64decode(envelope.payload, validate=True)
    except (CheckFailed, ValueError) as error:
        raise CheckFailed("the signature envelope does not read") from error
    if envelope.payloadType != PAYLOAD_TYPE:
        raise CheckFailed(f"the envelope signs a '{envelope.payloadType}', not an in-toto statement")
    try:
        statement = read_json(payload)
    except ValueError as error:
        raise CheckFailed("the signature envelope does not read") from error
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
    kind = envelope.payloadType.encode()
    try:
        Ed25519PublicKey.from_public_bytes(signer.key).verify(
            base64.b64decode(signature.sig, validate=True),
            b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(payload), payload),
        )
    except (InvalidSignature, binascii.Error, ValueError):
        raise invalid from None
    # White space and spare bits are not signed, and could carry what nobody vouched for.
    rendered = json.dumps(asdict(envelope), indent=2, ensure_ascii=False).encode()
    canonical = all(map(_is_canonical, (envelope.payload, signature.sig)))
    if rendered != data or not canonical or canonical_json(statement) != payload:
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
