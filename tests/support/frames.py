"""Zstandard frames, opened and made as a pack's entries are."""

from __future__ import annotations

import io

from safecase.base import FrameWriter, decompressed_pieces


def unpack_frame(frame: bytes) -> bytes:
    """What one frame holds."""
    return b"".join(decompressed_pieces(io.BytesIO(frame)))


def undeclared_frame(content: bytes) -> bytes:
    """A frame whose header does not say how much it holds, as a pack's attempts are written."""
    buffer = io.BytesIO()
    with FrameWriter(buffer) as frame:
        frame.write(content)
    return buffer.getvalue()
