"""Public keys as people write them down, and which of them can prove nothing.

A file of known keys has one key a line: ``name key``, the key in base64 or as OpenSSH writes it
(``ssh-ed25519 AAAA…``), so that an allowed-signers file of ``ssh-keygen`` can be used as it is
(ssh-keygen(1), "ALLOWED SIGNERS"). Lines that begin with ``#`` are comments.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from safecase_verify.errors import InputError

NAMESPACE = "safecase"
"""What ``namespaces=`` of an allowed-signers line must hold, where the line has it, for its key to count."""
_LARGEST_FILE = 1024**2
_SSH = "ssh-ed25519"
PRIME = 2**255 - 19
_CURVE = -121665 * pow(121666, -1, PRIME) % PRIME
"""The constants of edwards25519 (RFC 8032, section 5.1)."""
SMALL_ORDER_Y = frozenset(
    {
        0,
        1,
        PRIME - 1,
        int.from_bytes(
            bytes.fromhex("c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a"), "little"
        ),
        int.from_bytes(
            bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little"
        ),
    }
)
"""The y coordinates of the points of order 1, 2, 4 and 8 (a test doubles each to the neutral point): under
such a key anybody can make a signature that fits any message."""
_OPTION = re.compile(r'([a-z-]+)(?:="([^"]*)")?(?:,|$)', re.IGNORECASE)


@dataclass(frozen=True)
class KnownKey:
    """A public key that somebody vouches for, and when it counts."""

    name: str
    key: bytes
    """32 bytes, Ed25519."""
    after: datetime | None = None
    before: datetime | None = None

    def counts_at(self, moment: datetime) -> bool:
        """Whether the key counts for what was signed at ``moment``."""
        return (self.after is None or moment >= self.after) and (self.before is None or moment < self.before)


def key_id(public_key: bytes) -> str:
    """Short name of a public key: the first 16 hex digits of its SHA-256."""
    return hashlib.sha256(public_key).hexdigest()[:16]


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


def is_weak(public_key: bytes) -> bool:
    """Whether a public key is a point of small order, or no canonical point: such keys "verify" what nobody
    signed (RFC 8032, section 5.1.7 leaves it to the caller)."""
    number = int.from_bytes(public_key, "little")
    y, sign = number & (2**255 - 1), number >> 255
    if has_small_order(public_key):
        return True
    top, bottom = (y * y - 1) % PRIME, (_CURVE * y * y + 1) % PRIME
    square = top * pow(bottom, -1, PRIME) % PRIME
    x = pow(square, (PRIME + 3) // 8, PRIME)
    if (x * x - square) % PRIME:
        x = x * pow(2, (PRIME - 1) // 4, PRIME) % PRIME
    return bool((x * x - square) % PRIME or (x == 0 and sign))


def has_small_order(public_key: bytes) -> bool:
    """Whether a key has the height of a point of small order, or is not written as Ed25519 keys are."""
    y = int.from_bytes(public_key, "little") & (2**255 - 1)
    return len(public_key) != 32 or y >= PRIME or y in SMALL_ORDER_Y


def read_known_keys(path: Path) -> tuple[KnownKey, ...]:
    """The keys of a file.

    Raises InputError, with the line, where one does not read or could prove nothing.
    """
    try:
        if path.stat().st_size > _LARGEST_FILE:
            raise InputError("this file of known keys is too large", where=str(path))
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        raise InputError(f"cannot read the known keys: {error}", where=str(path)) from error
    found = []
    for number, line in enumerate(lines, start=1):
        words = line.split()
        if (
            words
            and not words[0].startswith("#")
            and (known := _known_key(words, f"{path}:{number}")) is not None
        ):
            found.append(known)
    if not found:
        raise InputError(
            "this file names no key", where=str(path), hint="one key a line: a name, then the public key"
        )
    return tuple(found)


def _known_key(words: Sequence[str], place: str) -> KnownKey | None:
    """The key of one line; None where the line keeps it for another purpose."""
    after = before = None
    if _SSH in words:
        at = words.index(_SSH)
        if at + 1 >= len(words):
            raise InputError("the key is missing", where=place)
        namespaces, after, before = _options(" ".join(words[1:at]), place)
        key = _ssh_key(words[at + 1], place)
        name = words[0] if at else " ".join(words[2:]) or key_id(key)
        if namespaces and not {NAMESPACE, "*"} & namespaces:
            return None
    elif len(words) < 2 or any(word.startswith(("ssh-", "ecdsa-", "sk-")) for word in words):
        raise InputError(
            "this is no name with an Ed25519 key", where=place, hint="a name, then the key in base64"
        )
    else:
        name, key = " ".join(words[:-1]), decode_key(words[-1], place)
    if is_weak(key):
        raise InputError("this key is a point of small order: anybody can sign with it", where=place)
    return KnownKey(name, key, after, before)


def _ssh_key(text: str, place: str) -> bytes:
    """The 32 bytes of an OpenSSH public key (RFC 4253, section 6.6; RFC 8709)."""
    kind = _SSH.encode()
    head = len(kind).to_bytes(4, "big") + kind + (32).to_bytes(4, "big")
    try:
        blob = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        blob = b""
    if not blob.startswith(head) or len(blob) != len(head) + 32:
        raise InputError(f"this is no key of the kind {_SSH}", where=place)
    return blob[len(head) :]


def _options(text: str, place: str) -> tuple[set[str], datetime | None, datetime | None]:
    namespaces: set[str] = set()
    limits: dict[str, datetime] = {}
    position = 0
    while position < len(text):
        match = _OPTION.match(text, position)
        name = match.group(1).lower() if match else ""
        if match is None or name not in ("namespaces", "valid-after", "valid-before"):
            raise InputError(
                f"the option '{name or text[position:]}' is not known here", where=place,
                hint="namespaces, valid-after and valid-before are",
            )  # fmt: skip
        value = match.group(2) or ""
        if name == "namespaces":
            namespaces = set(value.split(","))
        else:
            limits[name] = _moment(value, place)
        position = match.end()
    return namespaces, limits.get("valid-after"), limits.get("valid-before")


def _moment(text: str, place: str) -> datetime:
    """``YYYYMMDD[HHMM[SS]][Z]``; without a Z OpenSSH means the local time."""
    digits = text.removesuffix("Z")
    try:
        read = datetime.strptime(digits.ljust(14, "0"), "%Y%m%d%H%M%S")
    except ValueError:
        raise InputError(f"'{text}' is no time of the form YYYYMMDD[HHMM[SS]][Z]", where=place) from None
    return read.replace(tzinfo=UTC) if text.endswith("Z") else read.astimezone()
