"""The journal's writer: records in groups, each group one zstd frame, durable before it is acknowledged."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from safecase.base import InfrastructureError, compress_frame

# A group is decompressed as a whole, so its size is what a reader must hold at once.
_FRAME_BYTES = 8 * 1024 * 1024
# A disk that is slower than the target may be this far behind before workers wait for it.
_BACKLOG_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class JournalSettings:
    """How records are grouped: a group is written when it is full or when its time has come."""

    group_records: int = 256
    group_seconds: float = 0.5
    compression_level: int = 3
    tries: int = 3
    """Writes of a group before the disk counts as failed."""
    retry_seconds: float = 0.5


class JournalWriter:
    """Appends records to a new ``journal-<writer>.jsonl.zst``.

    ``append`` never blocks; ``acknowledged`` is called with the number of records of each group once the
    group has been flushed to the disk (fsync). A group that cannot be written stays in memory, the file is
    cut back to its last good length, and ``failure`` says what happened and what to do; nothing more is
    accepted silently: ``room`` and ``close`` raise it.
    """

    def __init__(
        self,
        path: Path,
        settings: JournalSettings | None = None,
        *,
        acknowledged: Callable[[int], None] | None = None,
    ) -> None:
        self.path = path
        self.settings = settings if settings is not None else JournalSettings()
        self.failure: InfrastructureError | None = None
        self._acknowledged = acknowledged if acknowledged is not None else _ignore
        self._waiting: list[bytes] = []
        self._waiting_bytes = 0
        self._flushing: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._length = 0
        try:
            self._descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            flush_folder(path.parent)
        except OSError as error:
            raise self._broken(error) from error
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="journal")

    @property
    def waiting(self) -> int:
        """Records that are not durable yet."""
        return len(self._waiting)

    def append(self, record: bytes) -> None:
        """Take one record: one line of JSON without its line break."""
        self._waiting.append(record)
        self._waiting_bytes += len(record)
        if self._flushing is not None or self.failure is not None:
            return
        if len(self._waiting) >= self.settings.group_records or self._waiting_bytes >= _FRAME_BYTES:
            self._start()
        elif self._timer is None:
            loop = asyncio.get_running_loop()
            self._timer = loop.call_later(self.settings.group_seconds, self._start)

    async def room(self) -> None:
        """Wait while too much is unwritten. Raises the failure where the disk has failed."""
        if self.failure is not None:
            raise self.failure
        while self._waiting_bytes > _BACKLOG_BYTES or len(self._waiting) > 64 * self.settings.group_records:
            await self._drain_once()

    async def flush(self) -> None:
        """Return once everything appended so far is durable. Raises the failure where it is not."""
        while self._waiting:
            await self._drain_once()

    async def _drain_once(self) -> None:
        self._start()
        if self._flushing is not None:
            await asyncio.shield(self._flushing)
        if self.failure is not None:
            raise self.failure

    async def close(self) -> None:
        """Flush and close; an empty journal is removed. Raises the failure where records were not saved."""
        try:
            if self.failure is not None:
                # The disk may have room again by now: the records are still here.
                self.failure = None
            await self.flush()
        finally:
            if self._timer is not None:
                self._timer.cancel()
            self._thread.shutdown(wait=True)
            os.close(self._descriptor)
            if self._length == 0:
                with contextlib.suppress(OSError):
                    self.path.unlink()

    def _start(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._flushing is None and self._waiting and self.failure is None:
            self._flushing = asyncio.get_running_loop().create_task(self._write_group())

    async def _write_group(self) -> None:
        count, size = 0, 0
        for record in self._waiting:
            if count and (size + len(record) > _FRAME_BYTES or count >= 16 * self.settings.group_records):
                break
            count += 1
            size += len(record)
        group = self._waiting[:count]
        loop = asyncio.get_running_loop()
        try:
            for number in range(1, self.settings.tries + 1):
                try:
                    self._length = await loop.run_in_executor(self._thread, self._write, group, self._length)
                    break
                except OSError as error:
                    if number == self.settings.tries:
                        self.failure = self._broken(error)
                        return
                    await asyncio.sleep(self.settings.retry_seconds)
            del self._waiting[:count]
            self._waiting_bytes -= size
            self._acknowledged(count)
        finally:
            self._flushing = None
            if self._waiting and self.failure is None:
                if len(self._waiting) >= self.settings.group_records:
                    self._start()
                elif self._timer is None:
                    self._timer = loop.call_later(self.settings.group_seconds, self._start)

    def _write(self, group: list[bytes], length: int) -> int:
        frame = compress_frame(b"\n".join(group) + b"\n", level=self.settings.compression_level)
        try:
            done = 0
            while done < len(frame):
                done += os.pwrite(self._descriptor, frame[done:], length + done)
            os.fsync(self._descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(self._descriptor, length)
            raise
        return length + len(frame)

    def _broken(self, error: OSError) -> InfrastructureError:
        waiting = f"; {len(self._waiting)} finished attempts are not saved" if self._waiting else ""
        return InfrastructureError(
            f"cannot write the run log: {error.strerror or error}{waiting}",
            where=str(self.path),
            hint="free space or mend the rights, then run `safecase resume`; what was saved stays valid",
        )


def _ignore(count: int) -> None:
    return None


def flush_folder(folder: Path) -> None:
    """Make a new file's name durable, not only its content."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
