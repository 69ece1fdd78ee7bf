"""An attempt as one line of JSON, whatever a hostile target put into its texts."""

from __future__ import annotations

from typing import Any

from pydantic_core import PydanticSerializationError

from safecase.model import Attempt


def encode_attempt(attempt: Attempt) -> bytes:
    """One JSON object without a line break; ``draw`` is its first key.

    Lone surrogates, which UTF-8 cannot carry, become U+FFFD; the transcript's metadata then says how many
    texts were changed (``sanitised_texts``).
    """
    try:
        return attempt.model_dump_json().encode()
    except (PydanticSerializationError, UnicodeEncodeError):
        changed = [0]
        cleaned: dict[str, Any] = _clean(attempt.model_dump(mode="python", warnings=False), changed)
        cleaned["transcript"]["metadata"]["sanitised_texts"] = changed[0]
        return Attempt.model_validate(cleaned).model_dump_json().encode()


def without_surrogates(value: Any) -> Any:
    """``value`` with U+FFFD in the place of each lone surrogate in its strings."""
    return _clean(value, [0])


def _clean(value: Any, changed: list[int]) -> Any:
    if isinstance(value, str) and type(value) is str:
        try:
            value.encode()
        except UnicodeEncodeError:
            changed[0] += 1
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return value
    if isinstance(value, dict):
        return {_clean(key, changed): _clean(item, changed) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_clean(item, changed) for item in value]
    return value
