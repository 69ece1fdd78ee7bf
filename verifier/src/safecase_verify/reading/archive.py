"""Reading pack files with distrust."""

from __future__ import annotations

import contextlib
import hashlib
import stat
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

from safecase.base import CheckFailed, InputError
from safecase_verify.reading.entry_names import one_reading, why_refused
from safecase_verify.reading.layout import Entry, check_layout, directory_size

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
_FREE_PARTS = 600_000
"""Fields, lists and objects that all JSON of a pack may have, beside one for each two of its bytes: the
manifest of a run has 10,000 of them, and each takes a hundred bytes of memory or more."""
BROKEN_BYTES = (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError)
"""What reading an entry of a damaged archive can raise."""
_PIECE = 1 << 20
"""Entries are read and written by the mebibyte, so that memory does not grow with them."""


class PackArchive(zipfile.ZipFile):
    """An open pack, which counts the parts of the JSON that is read from it."""

    parts_left = 0

    def spend(self, data: bytes, where: str, *, most: int | None = None) -> None:
        """Count the parts of JSON before it is parsed: each becomes an object, however few bytes it has.

        Raises CheckFailed where one text has more than ``most``, or all of them together more than packs
        have.
        """
        found = count_parts(data)
        self.parts_left -= found
        if self.parts_left < 0 or (most is not None and found > most):
            raise CheckFailed("this entry holds more parts than packs have: it is not parsed", where=where)


def count_parts(data: bytes) -> int:
    """At least the number of objects, lists and fields of a JSON text, without parsing it."""
    return data.count(b'":') + data.count(b"[") + data.count(b"{") + data.count(b",[") + data.count(b',"')


@contextlib.contextmanager
def open_pack(path: Path) -> Iterator[PackArchive]:
    """Open a pack after looking at every entry's name, kind and size.

    Raises InputError where the file is no pack, CheckFailed where an entry could do harm: a path
    that leads outside, a link, a duplicate, a bomb; or where a byte around the entries was changed.
    """
    if not path.is_file():
        raise InputError("there is no such pack", where=str(path))
    if directory_size(path) > MAXIMUM_DIRECTORY_BYTES:
        raise CheckFailed("the pack's directory is larger than packs need: it is not read", where=str(path))
    try:
        archive = PackArchive(path)
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError) as error:
        raise InputError(
            "this is not an evidence pack: it is not a zip file, or it is cut short", where=str(path)
        ) from error
    with archive:
        _inspect(archive, str(path))
        check_layout(path, archive.infolist())
        archive.parts_left = _FREE_PARTS + path.stat().st_size // 2
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
    if isinstance(archive, PackArchive) and name.endswith((".json", ".jsonl", ".sarif")):
        archive.spend(data, name)
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


def content_digest(archive: zipfile.ZipFile, name: str) -> str:
    """SHA-256, in hex, of an entry's content. Raises CheckFailed where it is missing or corrupt."""
    state = hashlib.sha256()
    try:
        with archive.open(name) as stream:
            while piece := stream.read(1 << 20):
                state.update(piece)
    except KeyError:
        raise CheckFailed("this entry is listed and missing", where=name) from None
    except BROKEN_BYTES as error:
        raise CheckFailed("this entry is corrupt", where=name) from error
    return state.hexdigest()
