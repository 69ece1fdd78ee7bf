"""JSON to and from hostile servers: encodings, truncation, NaN, lone surrogates, depth."""

from __future__ import annotations

import codecs
import json
import math
import re
from typing import Any

import orjson

from safecase.base import JsonObject, JsonValue, replace_surrogates, replace_surrogates_within
from safecase.model import FailureKind, TargetFailure
from safecase.text import shorten

MAXIMUM_DEPTH = 64
"""Deeper structures are kept as text: no serialiser downstream then runs out of stack."""

MAXIMUM_INTEGER = 2**53
"""Largest count that every JSON reader and column format holds exactly."""

_NOT_JSON_NUMBER = re.compile(rb"[:\[,]\s*-?(NaN|Infinity|nan|inf)\b")


def encode(value: Any) -> bytes:
    """Serialise to UTF-8 JSON. Lone surrogates, which UTF-8 cannot carry, become U+FFFD."""
    try:
        return orjson.dumps(value)
    except TypeError:
        return orjson.dumps(replace_surrogates_within(value))


def decode(data: bytes, *, content_type: str = "") -> Any:
    """Parse a response body as strict JSON.

    UTF-8 first, as RFC 8259 has it; then the encoding that ``content_type`` declares. Raises
    TargetFailure (bad response) that says what is wrong: empty, truncated, HTML, NaN, encoding, depth.
    """
    try:
        return orjson.loads(data)
    except orjson.JSONDecodeError as error:
        return _decode_slowly(data, content_type, error)


def _decode_slowly(data: bytes, content_type: str, first_error: orjson.JSONDecodeError) -> Any:
    if not data.strip():
        raise _bad("the response body is empty", retryable=True)
    text = _text(data, content_type)
    if looks_like_html(text):
        raise _bad(f"the server answered with an HTML page{_title(text)} instead of JSON", hint=_HTML_HINT)
    if _NOT_JSON_NUMBER.search(data):
        raise _bad("the response holds NaN or Infinity, which JSON does not allow", retryable=True)
    try:
        value = json.loads(text, parse_constant=_refuse_constant)
    except RecursionError:
        raise _bad("the response is JSON nested too deep to read") from None
    except ValueError as error:
        # An error at the very end means that the answer broke off, which a second try may mend.
        if isinstance(error, json.JSONDecodeError) and error.pos >= len(text.rstrip()) - 1:
            raise _bad("the response is truncated JSON: it ends too early", retryable=True) from None
        if text.lstrip().startswith(("data:", "event:")):
            raise _bad("the server streams events instead of JSON", hint="switch streaming off") from None
        if _unterminated(error):
            raise _bad("the response is truncated JSON: it ends inside a string", retryable=True) from None
        raise _bad(f"the response is not JSON: {first_error.msg}", retryable=True) from None
    return replace_surrogates_within(value)


def _unterminated(error: ValueError) -> bool:
    return isinstance(error, json.JSONDecodeError) and error.msg.startswith("Unterminated string")


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _text(data: bytes, content_type: str) -> str:
    """The body as text, by UTF-8 first, whatever is declared: servers declare wrongly more often than they
    write it."""
    declared = charset(content_type)
    for encoding in dict.fromkeys(("utf-8-sig", declared, _utf16_or_32(data))):
        if encoding:
            try:
                return data.decode(encoding)
            except (UnicodeDecodeError, LookupError):
                continue
    named = f", nor in the declared {declared}" if declared and declared != "utf-8" else ""
    raise _bad(f"the response is not encoded in UTF-8{named}", retryable=False)


def charset(content_type: str) -> str:
    """The text encoding that a Content-Type header declares, empty where none or none that is known."""
    match = re.search(r"charset\s*=\s*\"?([A-Za-z0-9._-]{1,40})", content_type)
    if match is None:
        return ""
    try:
        found = codecs.lookup(match.group(1))
    except LookupError:
        return ""
    # Python's codecs include ones that decompress or transform; only text encodings belong to the web.
    return found.name if getattr(found, "_is_text_encoding", False) else ""


def _utf16_or_32(data: bytes) -> str:
    if data.startswith((codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)):
        return "utf-32"
    return "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else ""


_HTML_HINT = "check base_url and path: a web page or a proxy's error page stands there"


def looks_like_html(text: str) -> bool:
    """True where a body begins as an HTML page does."""
    head = text.lstrip("\ufeff \t\r\n")[:64].lower()
    return head.startswith(("<!doctype html", "<html", "<head", "<body"))


def _title(text: str) -> str:
    """The title of an HTML page, for a message: it mostly says which proxy answered."""
    match = re.search(r"<title[^>]*>([^<]{1,120})", text[:20_000], re.IGNORECASE)
    return f" titled '{clean_line(match.group(1), 80)}'" if match else ""


def html_failure(data: bytes) -> TargetFailure:
    """The failure for a response whose Content-Type says HTML."""
    text = data[:20_000].decode("utf-8", "replace")
    return _bad(f"the server answered with an HTML page{_title(text)} instead of JSON", hint=_HTML_HINT)


def _bad(message: str, *, retryable: bool = False, hint: str | None = None) -> TargetFailure:
    """The failure of a response that cannot be read."""
    return TargetFailure(message, kind=FailureKind.BAD_RESPONSE, retryable=retryable, hint=hint)


def clean_line(text: str, limit: int = 300) -> str:
    """``text`` on one line without control characters, shortened to ``limit`` characters."""
    line = " ".join("".join(char if char.isprintable() else " " for char in text[: limit * 4]).split())
    return shorten(line, limit)


def depth_exceeds(value: Any, limit: int = MAXIMUM_DEPTH) -> bool:
    """True where ``value`` nests lists and objects more than ``limit`` deep."""
    level = [value]
    for _ in range(limit):
        level = [
            child
            for item in level
            if isinstance(item, (dict, list, tuple))
            for child in (item.values() if isinstance(item, dict) else item)
            if isinstance(child, (dict, list, tuple))
        ]
        if not level:
            return False
    return True


def text_of(value: Any, limit: int = 200) -> str:
    """A short label from a server: ``value`` where it is a string, cut to ``limit``, else empty."""
    return value[:limit] if isinstance(value, str) else ""


def count_of(value: Any) -> int:
    """A token count from a server: 0 where it is missing, negative or not a whole number."""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        return 0
    return min(max(value, 0), MAXIMUM_INTEGER)


def object_of(value: Any) -> JsonObject:
    """``value`` where it is a JSON object of bounded depth, else an empty one."""
    return value if isinstance(value, dict) and not depth_exceeds(value) else {}


def plain(value: Any, *, what: str, depth: int = 0) -> JsonValue:
    """``value`` as plain JSON: tuples become lists, pydantic models and dataclasses objects.

    For what Python code under test hands back. Raises ValueError that names the place where something
    has no JSON form, is not finite, is too large or nests too deep.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return replace_surrogates(str(value))
    if isinstance(value, int):
        # orjson and Parquet hold 64 bits.
        if abs(value) >= 2**63:
            raise ValueError(f"{what} holds an integer of more than 64 bits")
        return int(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{what} is {value}, which JSON does not allow")
        return float(value)
    if depth >= MAXIMUM_DEPTH:
        raise ValueError(f"{what} nests more than {MAXIMUM_DEPTH} deep")
    if isinstance(value, dict):
        return {
            replace_surrogates(str(key)): plain(item, what=f"{what}.{key}", depth=depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, (list, tuple, set, frozenset)):
        return [plain(item, what=f"{what}[{index}]", depth=depth + 1) for index, item in enumerate(value)]
    dump = getattr(value, "model_dump", None)
    if callable(dump):
        return plain(dump(mode="json"), what=what, depth=depth + 1)
    raise ValueError(f"{what} is a {type(value).__name__}, which has no JSON form")
