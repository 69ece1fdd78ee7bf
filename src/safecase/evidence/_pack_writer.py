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

from safecase.base import InfrastructureError
from safecase_verify.reading.layout import (
    DEFLATED,
    STORED,
    Entry,
    directory_entry,
    end_record,
    local_header,
)

_PIECE = 1 << 20
"""Entries are written by the mebibyte, so that memory does not grow with them."""


class PackWriter:
    """Writes a pack beside its destination and moves it there when it is whole.

    Entries carry no times and no owners, so equal content gives equal bytes.
    """

    def __init__(self, destination: Path) -> None:
        self.destination = destination
        self._temporary: Path | None = None
        self._stream: BinaryIO | None = None
        self._entries: list[Entry] = []

    def __enter__(self) -> PackWriter:
        try:
            self.destination.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(dir=self.destination.parent, prefix=".pack-", suffix=".part")
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
        return self._add(name, (data,), compressed)

    def add_file(self, name: str, path: Path, *, compressed: bool = False) -> str:
        """Add an entry from a file, in pieces; returns the same."""
        with path.open("rb") as source:
            return self._add(name, iter(lambda: source.read(_PIECE), b""), compressed)

    def _add(self, name: str, pieces: Iterable[bytes], compressed: bool) -> str:
        """Write an entry piece by piece; its header is written twice, because size and checksum come last."""
        stream = self._stream
        if stream is None:
            raise RuntimeError("the pack is not open")
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
