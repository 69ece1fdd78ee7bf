"""Zstandard frames, read within bounds: the standard library's reader, or its backport before Python 3.14."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import IO

if sys.version_info >= (3, 14):
    from compression.zstd import ZstdDecompressor, ZstdError
else:
    from backports.zstd import ZstdDecompressor, ZstdError

__all__ = ["ZstdError", "unpacked_pieces"]

_PIECE = 128 * 1024
"""Compressed bytes that are read at once: the size of one of the format's blocks."""


def unpacked_pieces(stream: IO[bytes], *, size: int = 1 << 20) -> Iterator[bytes]:
    """The content of a stream that holds one frame, in pieces of at most ``size`` bytes.

    Never more than that is unpacked ahead of the reader, whatever the frame claims. Raises ZstdError where
    the frame is damaged or cut short, or where something stands behind it.
    """
    decompressor = ZstdDecompressor()
    while not decompressor.eof:
        data = b""
        if decompressor.needs_input:
            data = stream.read(_PIECE)
            if not data:
                raise ZstdError("the frame is cut short")
        if piece := decompressor.decompress(data, max_length=size):
            yield piece
    if decompressor.unused_data or stream.read(1):
        raise ZstdError("something stands behind the frame")
