"""Zstandard frames: what is written comes back, and nothing is unpacked beyond its bound."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safecase.base import FrameWriter, ZstdError, compress_frame, decompress_frame, decompressed_pieces

LINES = b'{"draw":1,"text":"a line of a log"}\n' * 20_000
FRAME = compress_frame(LINES)


def streamed(content: bytes) -> bytes:
    buffer = io.BytesIO()
    with FrameWriter(buffer) as frame:
        frame.write(content[: len(content) // 2])
        frame.write(content[len(content) // 2 :])
    return buffer.getvalue()


@given(st.binary(max_size=5_000))
@settings(max_examples=50, deadline=None)
def test_frames_come_back(content: bytes) -> None:
    assert decompress_frame(compress_frame(content), limit=len(content)) == content
    assert b"".join(decompressed_pieces(io.BytesIO(streamed(content)), size=100)) == content


def test_equal_content_gives_equal_frames() -> None:
    assert compress_frame(LINES) == FRAME
    assert streamed(LINES) == streamed(LINES)


def test_a_frame_over_its_limit_or_without_a_size_is_not_unpacked() -> None:
    with pytest.raises(ZstdError, match="absent or absurd"):
        decompress_frame(FRAME, limit=len(LINES) - 1)
    with pytest.raises(ZstdError, match="absent or absurd"):
        decompress_frame(streamed(LINES), limit=1 << 30)


def test_no_piece_is_longer_than_asked_for() -> None:
    pieces = list(decompressed_pieces(io.BytesIO(FRAME), size=1_000))
    assert max(map(len, pieces)) == 1_000
    assert b"".join(pieces) == LINES


@pytest.mark.parametrize("cut", [0, 3, 10, len(FRAME) - 5, len(FRAME) - 1])
def test_a_frame_that_is_cut_short_is_refused(cut: int) -> None:
    with pytest.raises(ZstdError):
        decompress_frame(FRAME[:cut], limit=len(LINES))
    with pytest.raises(ZstdError, match="cut short"):
        list(decompressed_pieces(io.BytesIO(FRAME[:cut])))


def test_bytes_behind_a_frame_are_refused() -> None:
    for more in (b"x", FRAME):
        with pytest.raises(ZstdError):
            decompress_frame(FRAME + more, limit=len(LINES))
        with pytest.raises(ZstdError, match="behind"):
            list(decompressed_pieces(io.BytesIO(FRAME + more)))


@given(st.integers(4, len(FRAME) - 1), st.integers(1, 255))
@settings(max_examples=100, deadline=None)
def test_a_changed_byte_never_gives_other_content(position: int, flip: int) -> None:
    data = bytearray(FRAME)
    data[position] ^= flip
    try:
        assert decompress_frame(bytes(data), limit=len(LINES)) == LINES
    except ZstdError:
        return


def test_a_frame_that_was_not_ended_for_an_error_is_no_whole_frame() -> None:
    buffer = io.BytesIO()
    writer = FrameWriter(buffer)
    writer.write(LINES)
    writer.__exit__(KeyError)
    with pytest.raises(ZstdError, match="cut short"):
        list(decompressed_pieces(io.BytesIO(buffer.getvalue())))
