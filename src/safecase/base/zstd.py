"""Zstandard frames, written with checksums and read within bounds.

One place for both names of the same module: the standard library's from Python 3.14 on, and its backport
before. (The older ``zstandard`` package does the same and takes twenty times the room.)
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import IO

if sys.version_info >= (3, 14):
    from compression.zstd import (
        CompressionParameter,
        ZstdCompressor,
        ZstdDecompressor,
        ZstdError,
        get_frame_info,
    )
else:
    from backports.zstd import (
        CompressionParameter,
        ZstdCompressor,
        ZstdDecompressor,
        ZstdError,
        get_frame_info,
    )

__all__ = ["FrameWriter", "ZstdError", "compress_frame", "decompress_frame", "decompressed_pieces"]

_PIECE = 128 * 1024
"""Compressed bytes that are read at once: the size of one of the format's blocks."""


def compress_frame(data: bytes, *, level: int = 3) -> bytes:
    """One frame that declares its size and carries a checksum of its content."""
    compressor = _compressor(level)
    # Ending the frame in the one call lets the library write the size into its header.
    return compressor.compress(data, ZstdCompressor.FLUSH_FRAME)


def decompress_frame(data: bytes, *, limit: int) -> bytes:
    """The content of exactly one frame that declares its size.

    Raises ZstdError where the bytes are no whole frame, where something stands behind it, where no size is
    declared or it is over ``limit`` bytes, and where the content is not as long as declared.
    """
    declared = get_frame_info(data).decompressed_size
    if declared is None or declared > limit:
        raise ZstdError("the frame's declared size is absent or absurd")
    decompressor = ZstdDecompressor()
    # One byte more than declared would show a header that lies; the library refuses such a frame as well.
    content = decompressor.decompress(data, max_length=declared + 1)
    if not decompressor.eof or decompressor.unused_data or len(content) != declared:
        raise ZstdError("this is not one whole frame")
    return content


def decompressed_pieces(stream: IO[bytes], *, size: int = 1 << 20) -> Iterator[bytes]:
    """The content of a stream that holds one frame, in pieces of at most ``size`` bytes.

    Never more than that is unpacked ahead of the reader, whatever the frame claims. Raises ZstdError where
    the frame is damaged or cut short, or something stands behind it that this reader would pass over.
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


class FrameWriter:
    """Compresses a stream into one frame with a checksum; its size is not known ahead and not declared.

    with path.open("wb") as file, FrameWriter(file) as frame:
        frame.write(data)
    """

    def __init__(self, stream: IO[bytes], *, level: int = 3) -> None:
        self._stream = stream
        self._compressor = _compressor(level)

    def __enter__(self) -> FrameWriter:
        return self

    def write(self, data: bytes) -> None:
        """Add ``data`` to the frame."""
        self._stream.write(self._compressor.compress(data))

    def __exit__(self, kind: object, *_: object) -> None:
        # After an error the frame stays open, so that no reader takes it for whole.
        if kind is None:
            self._stream.write(self._compressor.flush(ZstdCompressor.FLUSH_FRAME))


def _compressor(level: int) -> ZstdCompressor:
    options: dict[int, int] = {
        CompressionParameter.compression_level: level,
        CompressionParameter.checksum_flag: 1,
    }
    return ZstdCompressor(options=options)
