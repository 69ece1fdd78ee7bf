"""JSON read strictly, and rendered in the one form that digests are taken over.

The form: keys sorted by code point, no white space, UTF-8, nothing escaped that need not be; a float as the
shortest decimal that reads back to it, plainly from 10⁻⁵ up to 10¹⁶, outside as ``1.5e-7`` and ``1e+16``.
"""

from __future__ import annotations

import hashlib
import json
import math
from typing import Any, NoReturn


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object of JSON. Two values under one key would mean one thing here and another elsewhere."""
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("an object of JSON holds a key twice")
    return found


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON")


_DECODER = json.JSONDecoder(object_pairs_hook=_unique, parse_constant=_refuse_constant)


def read_json(data: bytes) -> Any:
    """The value of a JSON text. Raises ValueError where it is none, and where a key stands twice."""
    return _DECODER.decode(data.decode("utf-8"))


def _float_text(value: float) -> str:
    """A float in the canonical form."""
    if not math.isfinite(value):
        raise ValueError("a number of JSON is finite")
    text = repr(value)
    mantissa, found, exponent = text.partition("e-")
    if not found:
        return text
    if int(exponent) == 5:
        sign = "-" if value < 0 else ""
        return f"{sign}0.0000{mantissa.removeprefix('-').replace('.', '')}"
    return f"{mantissa}e-{int(exponent)}"


def canonical_json(value: Any) -> bytes:
    """A JSON value in the canonical form. Raises ValueError where it holds what JSON cannot."""
    pieces: list[str] = []
    _write(value, pieces)
    return "".join(pieces).encode("utf-8")


_STRING = json.encoder.encode_basestring


def _write(value: Any, pieces: list[str]) -> None:
    if isinstance(value, str):
        pieces.append(_STRING(value))
    elif value is True:
        pieces.append("true")
    elif value is False:
        pieces.append("false")
    elif value is None:
        pieces.append("null")
    elif isinstance(value, int):
        pieces.append(str(value))
    elif isinstance(value, float):
        pieces.append(_float_text(value))
    elif isinstance(value, dict):
        for number, (key, item) in enumerate(sorted(value.items())):
            pieces.append("," if number else "{")
            pieces.append(_STRING(key))
            pieces.append(":")
            _write(item, pieces)
        pieces.append("}" if value else "{}")
    elif isinstance(value, (list, tuple)):
        for number, item in enumerate(value):
            pieces.append("," if number else "[")
            _write(item, pieces)
        pieces.append("]" if value else "[]")
    else:
        raise ValueError(f"{type(value).__name__} is no type of JSON")


def digest_bytes(data: bytes) -> str:
    """SHA-256 of ``data`` as ``sha256:<64 hex digits>``."""
    return "sha256:" + hashlib.sha256(data).hexdigest()


def digest(value: Any) -> str:
    """Content digest of a JSON value: ``sha256:`` over its canonical form."""
    return digest_bytes(canonical_json(value))
