"""JSON in one canonical form, so that equal content has equal bytes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

import orjson
from pydantic import BaseModel, JsonValue

from safecase.base.surrogates import replace_surrogates_within

__all__ = ["JsonObject", "JsonValue", "canonical_json"]

JsonObject: TypeAlias = dict[str, JsonValue]


_SCALARS = frozenset({str, int, float, bool, type(None)})


def _plain(value: Any) -> Any:
    """A value as JSON types alone, so that equal contents have equal bytes; sets are sorted."""
    # The plain types first, by identity: asking an abstract class costs more than all the rest.
    kind = type(value)
    if kind in _SCALARS:
        return value
    if kind is dict:
        return {key if type(key) is str else str(key): _plain(item) for key, item in value.items()}
    if kind is list or kind is tuple:
        return [_plain(item) for item in value]
    if isinstance(value, BaseModel):
        # By the names that the JSON has, so that whoever reads it can take the digest without the model.
        return value.model_dump(mode="json", by_alias=True)
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
        return orjson.dumps(replace_surrogates_within(plain), option=orjson.OPT_SORT_KEYS)
