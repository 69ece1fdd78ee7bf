"""Reading journals: where each record stands, in draw order, with memory that does not grow with records."""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
from numpy.typing import NDArray

from safecase.base import InfrastructureError, ZstdError, decompress_frame

_MAGIC = b"\x28\xb5\x2f\xfd"  # RFC 8878, section 3.1.1
# A frame says how much it unpacks to: a damaged or hostile one must not take all memory. The writer's frames
# hold 8 MB, or one record where that is larger.
_LARGEST_FRAME = 1024 * 1024 * 1024
# Three full groups: records in draw order jump between groups that were written about the same time.
_CACHE_BYTES = 24 * 1024 * 1024
# `encode_attempt` promises that the draw is a record's first key, so that an index needs no JSON parser.
_DRAW = re.compile(rb'^\{"draw":(\d+),', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Frame:
    """One group of records in a journal."""

    path: Path
    offset: int
    length: int
    """Compressed bytes."""


@dataclass(frozen=True, slots=True)
class TornTail:
    """The end of a journal that a crash left half written: never acknowledged, so nothing is lost."""

    path: Path
    offset: int
    dropped_bytes: int


def journal_paths(folder: Path) -> tuple[Path, ...]:
    """The journals of a run folder, in name order."""
    return tuple(sorted(folder.glob("journal-*.jsonl.zst")))


def scan_frames(path: Path) -> tuple[list[Frame], TornTail | None]:
    """Find the frames of one journal without decompressing them.

    Raises InfrastructureError with the offset where something that is no frame stands before the end.
    """
    frames: list[Frame] = []
    size = path.stat().st_size
    with path.open("rb") as file:
        offset = 0
        while offset < size:
            length = _frame_length(file, offset, size)
            if length is None:
                return frames, TornTail(path, offset, size - offset)
            if length < 0:
                if _only_zeros(file, offset):
                    return frames, TornTail(path, offset, size - offset)
                raise _corrupt(path, offset, "this is not the start of a group of records")
            frames.append(Frame(path, offset, length))
            offset += length
    return frames, None


def read_frame(frame: Frame) -> bytes:
    """The records of one group, one a line. Raises InfrastructureError where they are damaged."""
    with frame.path.open("rb") as file:
        file.seek(frame.offset)
        data = file.read(frame.length)
    try:
        return decompress_frame(data, limit=_LARGEST_FRAME)
    except ZstdError as error:
        raise _corrupt(frame.path, frame.offset, str(error)) from error


def _frame_length(file: BinaryIO, offset: int, size: int) -> int | None:
    """Compressed length of the frame at ``offset``: None where it is cut off, -1 where it is none.

    Walks the block headers of RFC 8878, section 3.1.1.
    """
    file.seek(offset)
    head = file.read(18)
    if head[:4] != _MAGIC[: len(head)]:
        return -1
    if len(head) < 5:
        return None
    descriptor = head[4]
    single_segment = descriptor >> 5 & 1
    dictionary_bytes = (0, 1, 2, 4)[descriptor & 3]
    content_bytes = (1 if single_segment else 0, 2, 4, 8)[descriptor >> 6]
    position = offset + 5 + (0 if single_segment else 1) + dictionary_bytes + content_bytes
    while True:
        if position + 3 > size:
            return None
        file.seek(position)
        header = int.from_bytes(file.read(3), "little")
        last, kind, block = header & 1, header >> 1 & 3, header >> 3
        if kind == 3:
            return -1
        position += 3 + (1 if kind == 1 else block)
        if last:
            break
    if descriptor >> 2 & 1:
        position += 4
    return position - offset if position <= size else None


def _only_zeros(file: BinaryIO, offset: int) -> bool:
    """A power cut can leave a lengthened file whose new bytes were never written."""
    file.seek(offset)
    while chunk := file.read(1 << 20):
        if chunk.strip(b"\0"):
            return False
    return True


def _corrupt(path: Path, offset: int, reason: str) -> InfrastructureError:
    return InfrastructureError(
        f"the run log is damaged at byte {offset}: {reason}",
        where=str(path),
        hint="restore the file from a copy; records that were acknowledged may be missing",
    )


class JournalIndex:
    """The draws that a set of journals holds, and where each record stands.

    Memory: 16 bytes a record plus a fixed cache of decompressed groups. Raises InfrastructureError on damage
    and on a draw that was recorded twice. The last group of an unfinished run may be damaged by a power cut;
    it then counts as torn, because only whole groups are acknowledged.
    """

    def __init__(self, paths: Sequence[Path], *, finished: bool = False) -> None:
        self.torn: list[TornTail] = []
        self._frames: list[Frame] = []
        self._cache: OrderedDict[int, list[bytes]] = OrderedDict()
        self._cache_sizes: dict[int, int] = {}
        self._cached = 0
        draws: list[NDArray[np.int64]] = []
        places: list[NDArray[np.int32]] = []
        for path in paths:
            frames, torn = scan_frames(path)
            if torn is not None:
                if finished:
                    raise _corrupt(path, torn.offset, "the last group of records is cut off")
                self.torn.append(torn)
            for frame in frames:
                last = frame is frames[-1] and torn is None
                try:
                    numbers = _draws_in(frame)
                except InfrastructureError:
                    if finished or not last:
                        raise
                    self.torn.append(TornTail(path, frame.offset, frame.length))
                    continue
                place = np.empty((len(numbers), 2), dtype=np.int32)
                place[:, 0] = len(self._frames)
                place[:, 1] = np.arange(len(numbers))
                self._frames.append(frame)
                draws.append(numbers)
                places.append(place)
        every = np.concatenate(draws) if draws else np.empty(0, dtype=np.int64)
        where = np.concatenate(places) if places else np.empty((0, 2), dtype=np.int32)
        order = np.argsort(every, kind="stable")
        self.draws: NDArray[np.int64] = every[order]
        """Shape (n,): the recorded draws, ascending."""
        self._where = where[order]
        twice = np.flatnonzero(self.draws[1:] == self.draws[:-1])
        if len(twice):
            frame = self._frames[self._where[twice[0] + 1, 0]]
            raise _corrupt(frame.path, frame.offset, f"draw {self.draws[twice[0]]} is recorded twice")

    def __len__(self) -> int:
        return len(self.draws)

    @property
    def dropped_bytes(self) -> int:
        """Bytes at torn ends, which no one was told were saved."""
        return sum(tail.dropped_bytes for tail in self.torn)

    def records(self) -> Iterator[bytes]:
        """Each record (one JSON object, no line break) in draw order."""
        for position in range(len(self.draws)):
            yield self._record(position)

    def record(self, draw: int) -> bytes | None:
        """The record of one draw, or None where there is none."""
        position = int(np.searchsorted(self.draws, draw))
        if position >= len(self.draws) or self.draws[position] != draw:
            return None
        return self._record(position)

    def _record(self, position: int) -> bytes:
        number, line = self._where[position]
        return self._lines(int(number))[int(line)]

    def _lines(self, number: int) -> list[bytes]:
        lines = self._cache.get(number)
        if lines is not None:
            self._cache.move_to_end(number)
            return lines
        data = read_frame(self._frames[number])
        lines = data.split(b"\n")[:-1]
        self._cache[number] = lines
        self._cache_sizes[number] = len(data)
        self._cached += len(data)
        while self._cached > _CACHE_BYTES and len(self._cache) > 1:
            oldest, _ = self._cache.popitem(last=False)
            self._cached -= self._cache_sizes.pop(oldest)
        return lines


def _draws_in(frame: Frame) -> NDArray[np.int64]:
    data = read_frame(frame)
    numbers = [int(match) for match in _DRAW.findall(data)]
    if len(numbers) != data.count(b"\n") or not data.endswith(b"\n"):
        raise _corrupt(frame.path, frame.offset, "a line is not a record of an attempt")
    return np.array(numbers, dtype=np.int64)
