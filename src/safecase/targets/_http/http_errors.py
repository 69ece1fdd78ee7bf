"""What an HTTP answer that is no success means: kind, whether to retry, when, and the provider's words."""

from __future__ import annotations

import email.utils
import math
import re
import time
from collections.abc import Mapping
from typing import Any

import orjson

from safecase.model import FailureKind, TargetFailure
from safecase.targets._http.json_body import clean_line, looks_like_html
from safecase.targets._http.keys import MASK, KnownKeys

_KEY_SHAPES = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|hf|nvapi)[-_](?:(?=[A-Za-z_\-]*[0-9*])[A-Za-z0-9*_\-]{6,}|[A-Za-z_\-]{12,})"
    r"|AIza[0-9A-Za-z_\-*]{10,}|(?<=[Bb]earer )[A-Za-z0-9._\-~+/=*]{6,}"
    r"|eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-.]+"
)
"""How keys of well-known providers begin, keys half covered with stars among them, bearer tokens and JWTs: a
provider's error may repeat the key that it refused."""
_RETRYABLE_CLIENT = frozenset({408, 409, 423, 425, 429})
"""What passes by itself: timeout, conflict, locked, too early, too many requests."""
_LASTING_SERVER = frozenset({501, 505})
"""Not implemented, and unknown version of HTTP: the same at the next try."""
_LASTING_CODES = frozenset({"insufficient_quota", "billing_hard_limit_reached", "billing_not_active"})


class HttpFailure(TargetFailure):
    """A TargetFailure for an HTTP status, with the parsed body where it was JSON."""

    def __init__(
        self,
        message: str,
        *,
        status: int,
        payload: Any,
        kind: FailureKind,
        retryable: bool,
        retry_after: float | None = None,
        hint: str | None = None,
    ) -> None:
        self.status = status
        self.payload = payload
        super().__init__(message, kind=kind, retryable=retryable, retry_after=retry_after, hint=hint)


def redact(text: str, keys: KnownKeys | None = None) -> str:
    """``text`` with known keys, and whatever has the shape of a key, replaced."""
    return _KEY_SHAPES.sub(MASK, text if keys is None else keys.mask_text(text))


def retry_after(headers: Mapping[str, str], *, now: float | None = None) -> float | None:
    """The pause in seconds that a server asks for, from 0 up; None where it asks for none.

    ``Retry-After`` in seconds or as an HTTP date (RFC 9110, 10.2.3), ``retry-after-ms`` as OpenAI and
    Azure send it. ``now`` is Unix time, for tests.
    """
    milliseconds = _number(headers.get("retry-after-ms"))
    if milliseconds is not None:
        return milliseconds / 1000
    value = headers.get("Retry-After")
    if value is None:
        return None
    seconds = _number(value)
    if seconds is not None:
        return seconds
    try:
        moment = email.utils.parsedate_to_datetime(value).timestamp()
    except (ValueError, TypeError, OverflowError):
        return None
    return max(0.0, moment - (time.time() if now is None else now))


def _number(value: str | None) -> float | None:
    """Seconds in a header, never negative; None where it holds none."""
    try:
        number = float(value or "")
    except ValueError:
        return None
    return max(0.0, number) if math.isfinite(number) else None


def error_code(payload: Any) -> str:
    """The provider's own code of an error body, empty where there is none."""
    error = payload.get("error") if isinstance(payload, dict) else None
    if not isinstance(error, dict):
        return ""
    for key in ("code", "status", "type"):
        value = error.get(key)
        if isinstance(value, str) and value:
            return value[:100]
    return ""


def error_text(payload: Any, data: bytes) -> str:
    """The provider's own words in an error body, on one line; empty where there are none."""
    if isinstance(payload, dict):
        error = payload.get("error", payload)
        candidates = [error]
        if isinstance(error, dict):
            candidates = [error.get(key) for key in ("message", "detail", "error", "title", "reason")]
        for candidate in candidates:
            if isinstance(candidate, str) and candidate.strip():
                return clean_line(candidate)
            if isinstance(candidate, (list, dict)) and candidate:
                return clean_line(orjson.dumps(candidate).decode())
    if payload is not None:
        return ""
    text = data[:4000].decode("utf-8", "replace")
    return "" if looks_like_html(text) else clean_line(text)


def failure(
    status: int, headers: Mapping[str, str], data: bytes, *, keys: KnownKeys | None = None, key_hint: str = ""
) -> HttpFailure:
    """The TargetFailure for a response with an error ``status``.

    ``key_hint`` tells where the key comes from and stands in the message about a rejected key.
    """
    try:
        payload: Any = orjson.loads(data) if data else None
    except orjson.JSONDecodeError:
        payload = None
    if keys:
        # Before words are cut to a line: half of a key is no key to whoever looks for the whole.
        payload = keys.mask(payload)
        data = keys.mask_text(data.decode("utf-8", "replace")).encode()
    words = redact(error_text(payload, data))
    said = f": {words}" if words else ""
    pause = retry_after(headers)

    def build(
        message: str, kind: FailureKind, *, retryable: bool = False, hint: str | None = None
    ) -> HttpFailure:
        return HttpFailure(
            message,
            status=status,
            payload=payload,
            kind=kind,
            retryable=retryable,
            retry_after=pause if retryable else None,
            hint=hint,
        )

    if status in (401, 403):
        return build(
            f"HTTP {status}, access refused{said}", FailureKind.AUTHENTICATION, hint=key_hint or None
        )
    if status == 429:
        # Providers answer 429 both for "slow down" and for "the money is gone".
        lasting = error_code(payload) in _LASTING_CODES
        what = "quota used up" if lasting else "rate limit reached"
        return build(f"HTTP 429, {what}{said}", FailureKind.RATE_LIMITED, retryable=not lasting)
    if status == 408:
        return build(f"HTTP 408, the server gave up waiting{said}", FailureKind.TIMEOUT, retryable=True)
    if status >= 500:
        return build(
            f"HTTP {status}, the server failed{said}",
            FailureKind.SERVER_ERROR,
            retryable=status not in _LASTING_SERVER,
        )
    hint = "check base_url, path and model" if status in (404, 405) else None
    return build(
        f"HTTP {status}, the request was refused{said}",
        FailureKind.BAD_REQUEST,
        retryable=status in _RETRYABLE_CLIENT,
        hint=hint,
    )
