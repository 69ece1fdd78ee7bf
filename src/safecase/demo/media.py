"""What the demo agent reads in pictures, sound and files: the text that a file carries beside its content.

No optical recognition and no speech recognition happens here. A picture is read through its PNG text chunks
and a sound through its WAV comment, which stand in for what a model would see or hear. Files (PDF, DOCX,
HTML, plain text) are read as a naive pipeline reads them: hidden text and comments included.
"""

from __future__ import annotations

import base64
import binascii
import html
import io
import re
import struct
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from safecase.model.transcript import ContentPart, Document

MEDIA_SOURCE = "media"
"""``source`` of the documents that are made of parts, so that they can be told from supplied ones."""
MAX_PARTS = 16
_MAX_BYTES = 2_000_000
_MAX_TEXT = 12_000
_MAX_CHUNKS = 400
_DATA_URI = re.compile(r"data:([\w.+-]{1,60}/[\w.+-]{1,100})?(?:;[\w-]{1,40}=[^;,]{0,200})*;base64,", re.I)
_SHOWN = re.compile(rb"\(((?:[^()\\]|\\.)*)\)\s*Tj", re.DOTALL)
_STREAM = re.compile(rb"stream\r?\n")
_RUN = re.compile(r"<w:t(?:\s[^>]{0,200})?>([^<]*)</w:t>|(</w:p>)")
_TAG = re.compile(r"<(?!!--)[^<>]{0,1000}>")
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
    if isinstance(part, ContentPart):
        if part.type == "text":
            return None
        return part.type, _text_of(part.uri, part.media_type)
    if not isinstance(part, Mapping):
        return None
    name = str(part.get("type"))
    kind = _OPENAI_KINDS.get(name, "")
    inner = part.get(name)
    if not kind or not isinstance(inner, Mapping):
        return None
    if name == "input_audio":
        return kind, _text_of(f"data:audio/{inner.get('format')};base64,{inner.get('data')}", "")
    address = inner.get("file_data") if name == "file" else inner.get("url")
    return kind, _text_of(address if isinstance(address, str) else "", "")


def _text_of(uri: str, media_type: str) -> str:
    match = _DATA_URI.match(uri[:1_000])
    if match is None or len(uri) > _MAX_BYTES * 4 // 3 + 1_000:
        return ""
    try:
        data = base64.b64decode(uri[match.end() :], validate=True)
    except (binascii.Error, ValueError):
        return ""
    reader = _READERS.get((media_type or match.group(1) or "").lower(), _plain)
    try:
        text = reader(data)
    except (ValueError, struct.error, zlib.error, zipfile.BadZipFile, KeyError, EOFError, RuntimeError):
        return ""
    return text[:_MAX_TEXT].encode("utf-16", "surrogatepass").decode("utf-16", "replace").strip()


def _inflated(data: bytes) -> bytes:
    """At most ``_MAX_BYTES`` of what ``data`` unpacks to: a bomb is cut off, never unpacked whole."""
    return zlib.decompressobj().decompress(data, _MAX_BYTES)


def _plain(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _markup(data: bytes) -> str:
    return html.unescape(_TAG.sub(" ", _plain(data)))


def _png(data: bytes) -> str:
    if not data.startswith(b"\x89PNG\r\n\x1a\n"):
        raise ValueError("no PNG signature")
    return "\n".join(_png_texts(data))


def _png_texts(data: bytes) -> Iterator[str]:
    for name, body in _chunks(data, 8, big_endian=True):
        if name == b"tEXt":
            yield body.partition(b"\0")[2].decode("latin-1")
        elif name == b"zTXt":
            yield _inflated(body.partition(b"\0")[2][1:]).decode("latin-1")
        elif name == b"iTXt":
            rest = body.partition(b"\0")[2]
            text = rest[2:].partition(b"\0")[2].partition(b"\0")[2]
            yield (_inflated(text) if rest[:1] == b"\1" else text).decode("utf-8", "replace")


def _chunks(data: bytes, start: int, *, big_endian: bool) -> Iterator[tuple[bytes, bytes]]:
    """Name and body of each chunk: PNG writes length, name, body, check sum; RIFF writes name first."""
    position = start
    for _ in range(_MAX_CHUNKS):
        if position + 8 > len(data):
            return
        if big_endian:
            length, name = struct.unpack_from(">I4s", data, position)
            step = length + 12
        else:
            name, length = struct.unpack_from("<4sI", data, position)
            step = length + 8 + length % 2
        yield name, data[position + 8 : position + 8 + length]
        position += step


def _wav(data: bytes) -> str:
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise ValueError("no WAV header")
    found = []
    for name, body in _chunks(data, 12, big_endian=False):
        if name == b"LIST" and body[:4] == b"INFO":
            for field, text in _chunks(body, 4, big_endian=False):
                if field == b"ICMT":
                    found.append(text.rstrip(b"\0").decode("utf-8", "replace"))
    return "\n".join(found)


def _pdf(data: bytes) -> str:
    if not data.startswith(b"%PDF-"):
        raise ValueError("no PDF header")
    lines: list[str] = []
    for number, match in enumerate(_STREAM.finditer(data)):
        end = data.find(b"endstream", match.end())
        if end < 0 or number >= _MAX_CHUNKS:
            break
        body = data[match.end() : end]
        if body[:1] == b"\x78":
            body = _inflated(body)
        lines += [re.sub(rb"\\(.)", rb"\1", shown).decode("latin-1") for shown in _SHOWN.findall(body)]
    return "\n".join(lines)


def _docx(data: bytes) -> str:
    with zipfile.ZipFile(io.BytesIO(data)) as archive, archive.open("word/document.xml") as handle:
        source = handle.read(_MAX_BYTES).decode("utf-8", "replace")
    return html.unescape("".join("\n" if end else text for text, end in _RUN.findall(source)))


_READERS: Mapping[str, Callable[[bytes], str]] = {
    "image/png": _png,
    "audio/wav": _wav,
    "audio/x-wav": _wav,
    "application/pdf": _pdf,
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": _docx,
    "text/html": _markup,
    "image/svg+xml": _markup,
}
