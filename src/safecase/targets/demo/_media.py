"""What the demo agent reads in pictures, sound and files: the text that a file carries beside its content.

What stands beside a picture's or a sound's content stands in for what a model would see or hear.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from safecase.model import ContentPart, Document
from safecase.text import attachment_text

MEDIA_SOURCE = "media"
"""``source`` of the documents that are made of parts, so that they can be told from supplied ones."""
MAX_PARTS = 16
"""Parts of a message that are read. Chosen without measurement."""
_OPENAI_KINDS = {"image_url": "image", "input_audio": "audio", "audio_url": "audio", "file": "document"}


def read_parts(parts: Any) -> tuple[Document, ...]:
    """The parts of a message that are no text, as untrusted documents; ``parts`` that carry none give ().

    Takes transcript parts and OpenAI-style mappings (``image_url``, ``input_audio``, ``file``) with base64
    ``data:`` addresses. What cannot be read gives a document with empty text: the agent says so.
    """
    if isinstance(parts, str) or not isinstance(parts, list | tuple):
        return ()
    found: list[Document] = []
    for part in parts[:200]:
        reading = _reading(part)
        if reading is None or len(found) >= MAX_PARTS:
            continue
        kind, text = reading
        found.append(
            Document(id=f"{kind}-{len(found) + 1}", title=f"Attached {kind}", text=text, source=MEDIA_SOURCE)
        )
    return tuple(found)


def _reading(part: Any) -> tuple[str, str] | None:
    """Kind and text of a part that is no text itself; None where it is."""
    if isinstance(part, ContentPart):
        if part.type == "text":
            return None
        return part.type, attachment_text(part.uri, part.media_type)
    if not isinstance(part, Mapping):
        return None
    name = str(part.get("type"))
    kind = _OPENAI_KINDS.get(name, "")
    inner = part.get(name)
    if not kind or not isinstance(inner, Mapping):
        return None
    if name == "input_audio":
        return kind, attachment_text(f"data:audio/{inner.get('format')};base64,{inner.get('data')}", "")
    address = inner.get("file_data") if name == "file" else inner.get("url")
    return kind, attachment_text(address if isinstance(address, str) else "", "")
