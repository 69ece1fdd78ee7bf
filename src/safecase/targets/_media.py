"""Images, audio and files of a message, as base64 for providers that take them inline."""

from __future__ import annotations

import base64
import binascii
import mimetypes
import re
from dataclasses import dataclass
from pathlib import Path

from safecase.base import InputError, digest_bytes, resolve_inside
from safecase.model import ContentPart, FailureKind, Message, TargetFailure

MAXIMUM_MEDIA_BYTES = 20_000_000
"""About what providers take inside of a request, and all of it is held in memory."""
_DATA_URI = re.compile(
    r"^data:([a-z0-9.+-]+/[a-z0-9.+-]+)?((?:;[a-z0-9-]+=[^;,]*)*)(;base64)?,", re.IGNORECASE
)


@dataclass(frozen=True, slots=True)
class Media:
    """Media type and base64 text of one part."""

    media_type: str
    data: str
    name: str

    @property
    def uri(self) -> str:
        """The part as a data: URI."""
        return f"data:{self.media_type};base64,{self.data}"

    def text(self) -> str:
        """The part as text, for providers that take text files only as text; bad bytes are replaced."""
        return base64.b64decode(self.data).decode("utf-8", "replace")


def load_media(part: ContentPart, root: Path) -> Media:
    """The bytes behind a part: a data: URI with base64, or a file of the workspace.

    Raises TargetFailure (bad request) where it cannot be read, lies outside the workspace, is too large,
    or does not have the digest that the part declares. Remote addresses are refused: nothing is fetched.
    """
    try:
        media_type, data = _read(part.uri, root)
    except (InputError, OSError, binascii.Error, ValueError) as error:
        message = error.message if isinstance(error, InputError) else str(error)
        raise _refused(part, message) from None
    if part.digest and part.digest != digest_bytes(data):
        raise _refused(part, "the file has changed: its digest is not the one that the case declares")
    media_type = part.media_type or media_type
    if not media_type:
        raise _refused(part, "its media type is unknown; set media_type")
    inline = part.uri.startswith("data:")
    name = f"file{mimetypes.guess_extension(media_type) or ''}" if inline else Path(part.uri).name
    return Media(media_type, base64.b64encode(data).decode(), name)


def inline_media(message: Message, root: Path) -> Message:
    """The message with each medium inline as a base64 data: URI, for targets without a file system.

    Raises TargetFailure as :func:`load_media` does.
    """
    if isinstance(message.content, str) or all(part.type == "text" for part in message.content):
        return message
    parts = []
    for part in message.content:
        if part.type != "text":
            media = load_media(part, root)
            part = part.model_copy(update={"media_type": media.media_type, "uri": media.uri})
        parts.append(part)
    return message.model_copy(update={"content": tuple(parts)})


def _read(uri: str, root: Path) -> tuple[str, bytes]:
    """Media type and bytes of a workspace file or a ``data:`` address. Raises ValueError for anything
    else."""
    match = _DATA_URI.match(uri)
    if match is not None:
        if match.group(3) is None:
            raise ValueError("a data: URI must be base64")
        if len(uri) > MAXIMUM_MEDIA_BYTES * 4 // 3 + 200:
            raise ValueError(f"it is larger than {MAXIMUM_MEDIA_BYTES:,} bytes")
        return match.group(1) or "", base64.b64decode(uri[match.end() :], validate=True)
    if "://" in uri or uri.startswith("data:"):
        raise ValueError("only workspace files and base64 data: URIs are sent; nothing is fetched")
    path = resolve_inside(root, uri, what="content part")
    if path.stat().st_size > MAXIMUM_MEDIA_BYTES:
        raise ValueError(f"it is larger than {MAXIMUM_MEDIA_BYTES:,} bytes")
    return mimetypes.guess_type(path.name)[0] or "", path.read_bytes()


def _refused(part: ContentPart, reason: str) -> TargetFailure:
    shown = part.uri if len(part.uri) < 80 else part.uri[:60] + "…"
    return TargetFailure(f"{part.type} part '{shown}': {reason}", kind=FailureKind.BAD_REQUEST)


def unsupported(part: ContentPart, provider: str, media: Media | None = None) -> TargetFailure:
    """The failure for a kind of part, or a media type in it, that a provider does not take."""
    form = f" of type {media.media_type}" if media else ""
    return TargetFailure(f"{provider} takes no {part.type} parts{form}", kind=FailureKind.BAD_REQUEST)
