"""Writing pack files: equal content gives equal bytes."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

from safecase.base import InfrastructureError, InputError, try_lock
from safecase_verify.reading.entry_names import one_reading, why_refused
from safecase_verify.reading.layout import (
    DEFLATED,
    STORED,
    Entry,
    directory_entry,
    end_record,
    local_header,
)

_PART, _PART_END = ".pack-", ".part"


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
                f"the file {name!a} cannot go into a pack: its name {reason}", hint="rename the file"
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
