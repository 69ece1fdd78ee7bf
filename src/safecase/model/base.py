"""The base of every type in the vocabulary: frozen, strict about unknown fields, digestible."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, TypeAlias

import orjson
from pydantic import BaseModel, ConfigDict, JsonValue, StringConstraints

__all__ = ["CaseIdentifier", "Frozen", "Identifier", "JsonObject", "JsonValue", "digest", "digest_bytes"]

Identifier: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$", min_length=1, max_length=128)
]
"""A name that people type: letters, digits, dot, underscore and hyphen."""

CaseIdentifier: TypeAlias = Annotated[
    str, StringConstraints(pattern=r"^[^\s\x00-\x1f\x7f]+$", min_length=1, max_length=256)
]
"""A case's name: anything printable without white space, because data sets bring their own ids."""

JsonObject: TypeAlias = dict[str, JsonValue]


class Frozen(BaseModel):
    """An immutable record that refuses unknown fields and non-finite numbers."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", allow_inf_nan=False, protected_namespaces=(), populate_by_name=True
    )


_SCALARS = frozenset({str, int, float, bool, type(None)})


def _plain(value: Any) -> Any:
    # The plain types first, by identity: asking an abstract class costs more than all the rest.
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return {key if type(key) is str else str(key): _plain(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    if isinstance(value, BaseModel):
        return value.model_dump(mode="json")
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, (set, frozenset)):
        return sorted(_plain(item) for item in value)
    if isinstance(value, Sequence) and not isinstance(value, (str, bytes, bytearray)):
        return [_plain(item) for item in value]
    return value


def canonical_json(value: Any) -> bytes:
    """Serialise to JSON with sorted keys and no white space, so that equal content has equal bytes.

    Lone surrogates, which JSON cannot carry, are replaced by U+FFFD.
    """
    plain = _plain(value)
    try:
        return orjson.dumps(plain, option=orjson.OPT_SORT_KEYS)
    except TypeError:
        return orjson.dumps(_without_surrogates(plain), option=orjson.OPT_SORT_KEYS)


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    return value


def digest_bytes(data: bytes) -> str:
    """SHA-256 of ``data`` as ``sha256:<64 hex digits>``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """Content digest of any model or plain JSON value: ``sha256:`` over its canonical JSON."""
    return digest_bytes(canonical_json(value))
