"""Signatures by SSH keys over messages, as ``ssh-keygen -Y sign`` makes them, checked.

The format is the one of OpenSSH's ``PROTOCOL.sshsig``: a signature names the namespace that it was made for,
so that what was signed for one purpose cannot be passed off under another. Keys are those of OpenSSH's files:
Ed25519, ECDSA on the NIST curves, RSA, and the first two on hardware tokens (``PROTOCOL.u2f``).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import struct

from safecase_verify.errors import CheckFailed, InputError
from safecase_verify.reading.keys import has_small_order

MAGIC = b"SSHSIG"
"""How a signature begins, and what it is over."""
ED25519 = b"ssh-ed25519"
"""The kind of an Ed25519 key on the wire."""
_RAW_PREFIX = "ed25519:"
_LEAST_RSA_BITS = 2048
_CURVES = {b"nistp256": ("SECP256R1", "SHA256"), b"nistp384": ("SECP384R1", "SHA384"),
           b"nistp521": ("SECP521R1", "SHA512")}  # fmt: skip
_HASHES = {b"sha256": hashlib.sha256, b"sha512": hashlib.sha512}
_USER_PRESENT = 1
"""Flag of a hardware token: somebody touched it."""
_KINDS = frozenset(
    {ED25519, b"ssh-rsa", b"sk-ssh-ed25519@openssh.com", b"sk-ecdsa-sha2-nistp256@openssh.com"}
    | {b"ecdsa-sha2-" + curve for curve in _CURVES}
)


class _Reader:
    """Length-prefixed fields of SSH's wire format (RFC 4251, section 5)."""

    def __init__(self, data: bytes) -> None:
        self.data, self.place = data, 0

    def take(self, count: int) -> bytes:
        piece = self.data[self.place : self.place + count]
        if len(piece) != count:
            raise CheckFailed("the signature ends too early")
        self.place += count
        return piece

    def string(self) -> bytes:
        (length,) = struct.unpack(">I", self.take(4))
        return self.take(length)

    def end(self) -> None:
        if self.place != len(self.data):
            raise CheckFailed("the signature carries bytes that nobody reads")


def wire_string(data: bytes) -> bytes:
    """A field of SSH's wire format: its length, then its bytes."""
    return struct.pack(">I", len(data)) + data


def read_public_key(text: str) -> bytes:
    """The key's bytes in SSH's wire format, from a line of an OpenSSH ``.pub`` file or ``ed25519:BASE64``.

    Raises InputError where the text is no such key, and for keys that are too weak to vouch for anybody.
    """
    text = text.strip()
    if text.startswith(_RAW_PREFIX):
        raw = _decode(text.removeprefix(_RAW_PREFIX))
        if raw is None or len(raw) != 32:
            raise InputError("an Ed25519 key is ed25519: and 32 bytes in base64")
        blob = wire_string(ED25519) + wire_string(raw)
    else:
        words = text.split()
        decoded = _decode(words[1]) if len(words) > 1 else None
        if decoded is None:
            raise InputError(
                f"'{text[:40]}' is no public key",
                hint="a line of an OpenSSH .pub file, as ssh-ed25519 AAAA…, or ed25519:BASE64",
            )
        blob = decoded
        try:
            named = _Reader(blob).string()
        except CheckFailed:
            named = b""
        if named != words[0].encode("utf-8", "replace"):
            raise InputError(f"'{text[:40]}' says another kind of key than it holds")
    try:
        _check_key(blob)
    except (CheckFailed, ValueError, LookupError) as error:
        raise InputError(f"this key cannot be used: {error}") from error
    return blob


def fingerprint(blob: bytes) -> str:
    """``SHA256:…`` of a public key, as ``ssh-keygen -l`` prints it."""
    return "SHA256:" + base64.b64encode(hashlib.sha256(blob).digest()).decode().rstrip("=")


def verify_message(signature: str, message: bytes, namespace: str) -> bytes:
    """The public key, in wire format, that signed ``message``; raises CheckFailed where none did."""
    from cryptography.exceptions import InvalidSignature

    data = _decode(signature)
    if data is None:
        raise CheckFailed("the signature is not base64")
    reader = _Reader(data)
    if reader.take(len(MAGIC)) != MAGIC or reader.take(4) != struct.pack(">I", 1):
        raise CheckFailed("this is no SSH signature")
    key, space, reserved, algorithm, inner = (reader.string() for _ in range(5))
    reader.end()
    if space != namespace.encode() or reserved or algorithm not in _HASHES:
        raise CheckFailed("the signature was made for another purpose")
    try:
        _check_key(key)
        _verify(key, inner, signed_bytes(message, space, algorithm))
    except (InvalidSignature, ValueError, LookupError) as error:
        raise CheckFailed("the signature does not fit what it stands under") from error
    return key


def _decode(text: str) -> bytes | None:
    try:
        data = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


def signed_bytes(message: bytes, namespace: bytes, algorithm: bytes) -> bytes:
    """What a signature of a message is over; ``algorithm``: of its digest, sha256 or sha512."""
    hashed = _HASHES[algorithm](message).digest()
    return MAGIC + wire_string(namespace) + wire_string(b"") + wire_string(algorithm) + wire_string(hashed)


def _check_key(blob: bytes) -> None:
    reader = _Reader(blob)
    kind = reader.string()
    if kind not in _KINDS:
        raise CheckFailed(f"keys of kind '{kind.decode('ascii', 'replace')[:40]}' are not known here")
    if kind == b"ssh-rsa":
        if _rsa(reader).key_size < _LEAST_RSA_BITS:
            raise CheckFailed(f"RSA keys need {_LEAST_RSA_BITS} bits")
    elif kind.startswith((b"ecdsa-", b"sk-ecdsa-")):
        _curve_key(reader)
    else:
        point = reader.string()
        if len(point) != 32:
            raise CheckFailed("an Ed25519 key has 32 bytes")
        if has_small_order(point):
            raise CheckFailed("an Ed25519 key of small order vouches for nobody")


def _verify(blob: bytes, signature: bytes, message: bytes) -> None:
    """Raises InvalidSignature or ValueError where it does not fit."""
    from cryptography.hazmat.primitives import hashes
    from cryptography.hazmat.primitives.asymmetric import ec, padding
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
    from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

    key, given = _Reader(blob), _Reader(signature)
    kind, algorithm, value = key.string(), given.string(), given.string()
    if kind == b"ssh-rsa":
        chosen = {b"rsa-sha2-256": hashes.SHA256, b"rsa-sha2-512": hashes.SHA512}[algorithm]
        given.end()
        _rsa(key).verify(value, message, padding.PKCS1v15(), chosen())
        return
    if algorithm != kind:
        raise ValueError("the signature is of another kind than its key")
    ed25519 = kind in (ED25519, b"sk-ssh-ed25519@openssh.com")
    hash_name = "SHA512"
    if ed25519:
        public: Ed25519PublicKey | ec.EllipticCurvePublicKey = Ed25519PublicKey.from_public_bytes(
            key.string()
        )
    else:
        public, hash_name = _curve_key(key)
    if kind.startswith(b"sk-"):
        flags, counter = given.take(1), given.take(4)
        if not flags[0] & _USER_PRESENT:
            raise ValueError("nobody touched the token")
        application = hashlib.sha256(key.string()).digest()
        message = application + flags + counter + hashlib.sha256(message).digest()
    given.end()
    if isinstance(public, Ed25519PublicKey):
        public.verify(value, message)
        return
    numbers = _Reader(value)
    r, s = (int.from_bytes(numbers.string()) for _ in range(2))
    numbers.end()
    public.verify(encode_dss_signature(r, s), message, ec.ECDSA(getattr(hashes, hash_name)()))


def _rsa(reader: _Reader):  # type: ignore[no-untyped-def]
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicNumbers

    exponent, modulus = (int.from_bytes(reader.string()) for _ in range(2))
    return RSAPublicNumbers(exponent, modulus).public_key()


def _curve_key(reader: _Reader):  # type: ignore[no-untyped-def]
    from cryptography.hazmat.primitives.asymmetric import ec

    curve, hash_name = _CURVES[reader.string()]
    return ec.EllipticCurvePublicKey.from_encoded_point(getattr(ec, curve)(), reader.string()), hash_name
