"""Reading and writing pack files: deterministic when written, distrustful when read."""

from __future__ import annotations

import contextlib
import hashlib
import os
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO

from safecase.base import CheckFailed, InfrastructureError, InputError, try_lock
from safecase.evidence._entry_names import one_reading, why_refused
from safecase.evidence._layout import (
    DEFLATED,
    STORED,
    Entry,
    check_layout,
    directory_entry,
    directory_size,
    end_record,
    local_header,
)

MAXIMUM_ENTRIES = 10_000
MAXIMUM_DIRECTORY_BYTES = 8 * 1024**2
"""The directory is read whole before anything of it is known: 10,000 entries with long names have 2 MiB."""
MAXIMUM_ENTRY_BYTES = 8 * 1024**3
MAXIMUM_TOTAL_BYTES = 16 * 1024**3
"""Far above what packs need and far below what hurts (design/pack-format.md)."""
MAXIMUM_RATIO = 250
"""Times its packed size: deflate reaches about 1,000, and records repeat themselves less than a bomb does.
Chosen without measurement."""
_RATIO_FREE_BYTES = 1024 * 1024
"""Up to here an entry may swell as it likes: small files of equal lines do, and cannot hurt."""
BROKEN_BYTES = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError)
"""What reading an entry of a damaged archive can raise."""
_PART, _PART_END = ".pack-", ".part"
_PIECE = 1 << 20
"""Entries are read and written by the mebibyte, so that memory does not grow with them."""


class PackWriter:
    """Writes a pack beside its destination and moves it there when it is whole.

    Entries carry no times and no owners, so equal content gives equal bytes.
    """

    def __init__(self, destination: Path) -> None:
        self.destination = destination
        self._temporary: Path | None = None
        self._stream: BinaryIO | None = None
        self._entries: list[Entry] = []
        self._names: dict[str, str] = {}

    def __enter__(self) -> PackWriter:
        try:
            self.destination.parent.mkdir(parents=True, exist_ok=True)
            remove_abandoned(self.destination.parent)
            handle, name = tempfile.mkstemp(dir=self.destination.parent, prefix=_PART, suffix=_PART_END)
            # Whoever holds the lock is at work on the file; a process that was killed holds none.
            with contextlib.suppress(OSError):
                try_lock(handle)
        except OSError as error:
            raise InfrastructureError(
                f"cannot write the pack: {error.strerror}", where=str(self.destination)
            ) from error
        self._temporary = Path(name)
        self._stream = os.fdopen(handle, "w+b")
        return self

    def add(self, name: str, data: bytes, *, compressed: bool = False) -> str:
        """Add an entry; ``compressed`` says that its bytes are compressed already.

        Returns the SHA-256, in hex, of the bytes as they stand in the pack.
        """
        return self.add_pieces(name, (data,), compressed=compressed)

    def add_pieces(self, name: str, pieces: Iterable[bytes], *, compressed: bool = False) -> str:
        """Add an entry piece by piece; returns the same.

        Raises InputError where the name may not stand in a pack, or stands there in another spelling.
        """
        stream = self._stream
        if stream is None:
            raise RuntimeError("the pack is not open")
        self._take_name(name)
        # Written twice, because size and checksum come last.
        packer = None if compressed else zlib.compressobj(6, zlib.DEFLATED, -zlib.MAX_WBITS)
        state = hashlib.sha256()
        checksum = size = packed = 0
        place = stream.tell()
        method = STORED if compressed else DEFLATED
        stream.write(local_header(Entry(name, method, 0, 0, 0, place)))
        for piece in pieces:
            checksum, size = zlib.crc32(piece, checksum), size + len(piece)
            out = packer.compress(piece) if packer else piece
            state.update(out)
            packed += stream.write(out)
        if packer:
            rest = packer.flush()
            state.update(rest)
            packed += stream.write(rest)
        entry = Entry(name, method, checksum, packed, size, place)
        stream.seek(place)
        stream.write(local_header(entry))
        stream.seek(entry.end)
        self._entries.append(entry)
        return state.hexdigest()

    def _take_name(self, name: str) -> None:
        reason = why_refused(name)
        other = self._names.setdefault(one_reading(name), name)
        if other != name:
            reason = f"differs from '{other}' by its spelling only"
        if reason:
            raise InputError(
                f"the file {ascii(name)} cannot go into a pack: its name {reason}", hint="rename the file"
            )

    def _finish(self, stream: BinaryIO) -> None:
        """Write the directory."""
        start = stream.tell()
        directory = b"".join(directory_entry(entry) for entry in self._entries)
        stream.write(directory + end_record(len(self._entries), len(directory), start))
        stream.flush()
        os.fsync(stream.fileno())

    def __exit__(self, kind: object, *_: object) -> None:
        try:
            with self._stream or contextlib.nullcontext():
                if kind is None and self._stream is not None:
                    self._finish(self._stream)
            if kind is None and self._temporary is not None:
                self._temporary.chmod(0o644)
                self._temporary.replace(self.destination)
                self._temporary = None
        except OSError as error:
            raise InfrastructureError(
                f"cannot write the pack: {error.strerror}",
                where=str(self.destination),
                hint="free some space",
            ) from error
        finally:
            self._stream = None
            if self._temporary is not None:
                self._temporary.unlink(missing_ok=True)


def remove_abandoned(folder: Path) -> None:
    """Remove what killed processes left of packs in a folder; what a living one writes stays."""
    for part in folder.glob(f"{_PART}*{_PART_END}"):
        with contextlib.suppress(OSError), part.open("rb") as stream:
            if try_lock(stream.fileno()):
                part.unlink()


@contextlib.contextmanager
def open_pack(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open a pack after looking at every entry's name, kind and size.

    Raises InputError where the file is no pack, CheckFailed where an entry could do harm: a path
    that leads outside, a link, a duplicate, a bomb; or where a byte around the entries was changed.
    """
    if not path.is_file():
        raise InputError("there is no such pack", where=str(path))
    if directory_size(path) > MAXIMUM_DIRECTORY_BYTES:
        raise CheckFailed("the pack's directory is larger than packs need: it is not read", where=str(path))
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(
            "this is not an evidence pack: it is not a zip file, or it is cut short", where=str(path)
        ) from error
    with archive:
        _inspect(archive, str(path))
        check_layout(path, archive.infolist())
        yield archive


def _inspect(archive: zipfile.ZipFile, where: str) -> None:
    """Refuse an archive whose directory tells that reading it would hurt, before anything is unpacked."""
    entries = archive.infolist()
    if len(entries) > MAXIMUM_ENTRIES:
        raise CheckFailed(
            f"the pack has {len(entries)} entries; at most {MAXIMUM_ENTRIES} are read", where=where
        )
    seen: dict[str, str] = {}
    total = 0
    for entry in entries:
        name, before = entry.filename, len(seen)
        place = f"{where}!{ascii(name)[1:-1][:120]}"
        # The name as it stands in the file: the reader cuts what follows a NUL.
        reason = why_refused(entry.orig_filename)
        if reason:
            raise CheckFailed(f"the pack holds an entry whose name {reason}", where=place)
        mode = entry.external_attr >> 16
        if stat.S_IFMT(mode) not in (0, stat.S_IFREG):
            raise CheckFailed("the pack holds a link or a special file", where=place)
        other = seen.setdefault(one_reading(name), name)
        if len(seen) == before:
            twice = "twice" if other == name else f"and {ascii(other)[1:-1]}, which some systems take for it"
            raise CheckFailed(f"the pack holds this entry {twice}", where=place)
        total += entry.file_size
        swollen = entry.file_size > _RATIO_FREE_BYTES and entry.file_size > MAXIMUM_RATIO * max(
            entry.compress_size, 1
        )
        if swollen or entry.file_size > MAXIMUM_ENTRY_BYTES or total > MAXIMUM_TOTAL_BYTES:
            raise CheckFailed("the pack unpacks to far more than it holds: it is not read", where=place)


def read_entry(archive: zipfile.ZipFile, name: str, *, limit: int = 64 * 1024**2) -> bytes:
    """One entry's bytes, at most ``limit`` of them, whatever its header claims.

    Raises CheckFailed where the entry is absent, too large or corrupt.
    """
    try:
        with archive.open(name) as stream:
            data = stream.read(limit + 1)
    except KeyError:
        raise CheckFailed(f"the pack lacks {name}") from None
    except BROKEN_BYTES as error:
        raise CheckFailed("this entry of the pack is corrupt", where=name) from error
    if len(data) > limit:
        raise CheckFailed("this entry of the pack is too large to read", where=name)
    return data


def packed_digest(archive: zipfile.ZipFile, name: str) -> str:
    """SHA-256, in hex, of an entry's bytes as they stand in the pack, compressed."""
    info = archive.getinfo(name)
    entry = Entry(name, info.compress_type, info.CRC, info.compress_size, info.file_size, info.header_offset)
    state = hashlib.sha256()
    with Path(archive.filename or "").open("rb") as stream:
        stream.seek(entry.data_place)
        left = entry.packed
        while left and (piece := stream.read(min(left, _PIECE))):
            state.update(piece)
            left -= len(piece)
    return state.hexdigest()
