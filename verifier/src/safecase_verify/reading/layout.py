"""The bytes of a pack around its entries, rendered once for writing and once for checking.

A zip file has room for bytes that no reader looks at: dates, versions, attributes, gaps, comments. A pack
leaves none: everything but the entries' data follows from their names, sizes, checksums and places, so a
changed byte shows, wherever it is. (``.ZIP File Format Specification`` of PKWARE, version 6.3.)
"""

from __future__ import annotations

import os
import struct
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from safecase.base import CheckFailed

STORED, DEFLATED = zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED
_NEEDED, _MADE_BY = 45, 3 << 8 | 45
"""Zip64, made on Unix, so that the attributes are a mode."""
_UTF_8 = 0x800
"""The flag that names are UTF-8, bit 11 of the zip format."""
_TIME, _DATE = 0, 1 << 5 | 1
"""1 January 1980, the first day a zip file can name: equal content gives equal bytes."""
_MODE = 0o100644 << 16
"""A plain file that its owner may write and all may read, whoever packs it: equal content gives equal
bytes."""
_FULL, _FULL_COUNT = 0xFFFFFFFF, 0xFFFF
"""What the zip format writes where the value stands in the Zip64 field."""
_PARTS = ((4, 10, "version or flags"), (10, 14, "date"), (14, 18, "checksum"), (18, 30, "sizes"))
"""Places in a header in front of the name, and what stands there."""
_SEARCHED = 1 << 20
"""Bytes on either side in which a header that moved is looked for: edits by hand are small."""
_ZIP64 = 1
"""The number of that field among the extra fields of the zip format."""


@dataclass(frozen=True)
class Entry:
    """One entry of a pack."""

    name: str
    method: int
    checksum: int
    """CRC-32 of the content."""
    packed: int
    """Bytes in the pack."""
    size: int
    """Bytes of the content."""
    place: int
    """Where its header begins."""

    @property
    def data_place(self) -> int:
        """Where its data begin."""
        return self.place + 30 + len(self.name.encode()) + 20

    @property
    def end(self) -> int:
        """Where its data end."""
        return self.data_place + self.packed


def local_header(entry: Entry) -> bytes:
    """What stands in front of an entry's data; its length does not depend on the sizes."""
    name = entry.name.encode()
    fixed = struct.pack(
        "<4s5H3L2H",
        b"PK\x03\x04", _NEEDED, _UTF_8, entry.method, _TIME, _DATE,
        entry.checksum, _FULL, _FULL, len(name), 20,
    )  # fmt: skip
    return fixed + name + struct.pack("<2H2Q", _ZIP64, 16, entry.size, entry.packed)


def directory_entry(entry: Entry) -> bytes:
    """An entry of the directory at the end."""
    name = entry.name.encode()
    large = [value for value in (entry.size, entry.packed, entry.place) if value >= _FULL]
    extra = struct.pack(f"<2H{len(large)}Q", _ZIP64, 8 * len(large), *large) if large else b""
    fixed = struct.pack(
        "<4s6H3L5H2L",
        b"PK\x01\x02", _MADE_BY, _NEEDED, _UTF_8, entry.method, _TIME, _DATE,
        entry.checksum, min(entry.packed, _FULL), min(entry.size, _FULL), len(name), len(extra), 0, 0, 0,
        _MODE, min(entry.place, _FULL),
    )  # fmt: skip
    return fixed + name + extra


def end_record(count: int, size: int, place: int) -> bytes:
    """The end of the file behind a directory of ``count`` entries and ``size`` bytes at ``place``."""
    record = b""
    if count >= _FULL_COUNT or size >= _FULL or place >= _FULL:
        record = struct.pack(
            "<4sQ2H2L4Q", b"PK\x06\x06", 44, _MADE_BY, _NEEDED, 0, 0, count, count, size, place
        ) + struct.pack("<4sLQL", b"PK\x06\x07", 0, place + size, 1)
    few = min(count, _FULL_COUNT)
    return record + struct.pack(
        "<4s4H2LH", b"PK\x05\x06", 0, 0, few, few, min(size, _FULL), min(place, _FULL), 0
    )


def directory_size(path: Path) -> int:
    """Bytes of the directory as the end of the file says; 0 where it says none."""
    with path.open("rb") as stream:
        size = stream.seek(0, os.SEEK_END)
        stream.seek(max(size - 98 - 0xFFFF, 0))
        end = stream.read()
    at = end.rfind(b"PK\x05\x06")
    if at < 0 or len(end) - at < 22:
        return 0
    found: int = struct.unpack("<L", end[at + 12 : at + 16])[0]
    zip64 = at - 76
    if found == _FULL and zip64 >= 0 and end[zip64 : zip64 + 4] == b"PK\x06\x06":
        found = struct.unpack("<Q", end[zip64 + 40 : zip64 + 48])[0]
    return found


def check_layout(path: Path, infos: Sequence[zipfile.ZipInfo]) -> tuple[Entry, ...]:
    """The entries of a pack. Raises CheckFailed, naming the entry, where a byte around one was changed.

    ``infos`` is what a reader made of the directory; every other byte is held against it.
    """
    entries: list[Entry] = []
    place = 0
    with path.open("rb") as stream:
        for info in infos:
            # The place follows from the entries before: what the directory says of it is held against that.
            entry = Entry(info.orig_filename, info.compress_type, info.CRC, info.compress_size,
                          info.file_size, place)  # fmt: skip
            if entry.method not in (STORED, DEFLATED):
                raise CheckFailed(
                    "this entry is packed by a method that packs do not use",
                    where=f"{path}!{entry.name[:120]}",
                )
            wanted = local_header(entry)
            stream.seek(place)
            held = stream.read(len(wanted))
            if held != wanted:
                raise _misplaced(path, stream, entry, held, entries)
            place = entry.end
            entries.append(entry)
        start = place
        stream.seek(start)
        for entry in entries:
            wanted = directory_entry(entry)
            held = stream.read(len(wanted))
            if held != wanted:
                if place == start and (shift := _shift(stream, wanted, start, entries[-1].place)):
                    raise _stretched(path, entries[-1], shift)
                raise CheckFailed(
                    "this entry's line in the pack's directory was changed after the pack was written",
                    where=f"{path}!{entry.name[:120]}",
                )
            place += len(wanted)
        wanted = end_record(len(entries), place - start, start)
        if stream.read(len(wanted) + 1) != wanted:
            raise CheckFailed("the end of the pack was changed after it was written", where=str(path))
    return tuple(entries)


def _misplaced(
    path: Path, stream: BinaryIO, entry: Entry, held: bytes, before: Sequence[Entry]
) -> CheckFailed:
    """What to say where an entry's header does not stand in its place: it has other bytes, or what is in
    front of it has another length."""
    name = entry.name.encode("utf-8", "surrogatepass")
    wanted = local_header(entry)
    if held[:4] != wanted[:4] or held[30 : 30 + len(name)] != name:
        shift = _shift(stream, wanted, entry.place, before[-1].place if before else 0)
        if shift and before:
            return _stretched(path, before[-1], shift)
        if shift:
            return CheckFailed(
                f"{abs(shift)} bytes were put in front of the pack after it was written", where=str(path)
            )
    found = [words for start, end, words in _PARTS if held[start:end] != wanted[start:end]]
    return CheckFailed(
        f"this entry's header was changed after the pack was written ({found[0] if found else 'its end'})",
        where=f"{path}!{entry.name[:120]}",
    )


def _stretched(path: Path, entry: Entry, shift: int) -> CheckFailed:
    return CheckFailed(
        f"this entry's data were changed after the pack was written: they are {abs(shift)} bytes "
        f"{'longer' if shift > 0 else 'shorter'}",
        where=f"{path}!{entry.name[:120]}",
    )


def _shift(stream: BinaryIO, wanted: bytes, place: int, after: int) -> int:
    """How far behind its place a header or line of the directory stands; 0 where it does not stand near."""
    start = max(place - _SEARCHED, after)
    stream.seek(start)
    at = stream.read(2 * _SEARCHED).find(wanted)
    return start + at - place if at >= 0 else 0
