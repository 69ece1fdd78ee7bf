"""Files of the built-in suites (pictures, sound, documents), carried inside the case as data: addresses."""

from __future__ import annotations

import base64
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files

from safecase.base import digest_bytes
from safecase.model import Case, ContentPart, Message

_PREFIX = "media/"
_MEDIA_TYPES = {
    "png": "image/png",
    "wav": "audio/wav",
    "pdf": "application/pdf",
    "html": "text/html",
    "txt": "text/plain",
    "docx": "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
}


@lru_cache(maxsize=256)
def _file(name: str) -> tuple[str, str, str]:
    """Media type, ``data:`` address and digest of a file of the package."""
    data = (files("safecase.workspace.library") / "media" / name).read_bytes()
    media_type = _MEDIA_TYPES[name.rpartition(".")[2]]
    return media_type, f"data:{media_type};base64,{base64.b64encode(data).decode()}", digest_bytes(data)


def with_media(case: Case) -> Case:
    """The case with its ``media/...`` parts inline, so that it runs in any workspace; others as they are.

    Raises FileNotFoundError where a built-in suite names a file that the package lacks.
    """
    if all(isinstance(message.content, str) for message in case.messages):
        return case
    return case.model_copy(update={"messages": tuple(_each(item, _inline) for item in case.messages)})


def _each(message: Message, change: Callable[[ContentPart], ContentPart]) -> Message:
    if isinstance(message.content, str):
        return message
    return message.model_copy(update={"content": tuple(change(part) for part in message.content)})


def _inline(part: ContentPart) -> ContentPart:
    """A part with the package's file in it; other parts as they are."""
    if not part.uri.startswith(_PREFIX):
        return part
    media_type, uri, digest = _file(part.uri.removeprefix(_PREFIX))
    return part.model_copy(update={"media_type": media_type, "uri": uri, "digest": digest})
