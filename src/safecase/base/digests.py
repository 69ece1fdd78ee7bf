"""Content digests."""

from __future__ import annotations

import hashlib
from typing import Any

from safecase.base.json import canonical_json


def digest_bytes(data: bytes) -> str:
    """SHA-256 of ``data`` as ``sha256:<64 hex digits>``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """Content digest of any model or plain JSON value: ``sha256:`` over its canonical JSON."""
    return digest_bytes(canonical_json(value))
