"""One run at a time in one folder: a lock that a dead process cannot keep."""

from __future__ import annotations

import os
import socket
import time
from pathlib import Path
from types import TracebackType

import orjson

from safecase.base import InfrastructureError, InputError, try_lock

_GLANCE_SECONDS = 0.25
"""Who only looks whether a run is at work holds its lock for an instant."""
_POLL_SECONDS = 0.01


class RunLock:
    """Holds ``run.lock`` in a run folder for the life of a ``with`` block.

    The kernel's file lock decides, so the lock of a killed process is free at once; the file's text (process
    id, host) is for people. Raises InputError where another run holds the folder, InfrastructureError where
    the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.path = folder / "run.lock"
        self._descriptor: int | None = None

    def __enter__(self) -> RunLock:
        self.acquire()
        return self

    def acquire(self) -> None:
        """Take the lock; whoever takes it without a ``with`` block calls `release`."""
        deadline = time.monotonic() + _GLANCE_SECONDS
        while True:
            descriptor = self._open()
            if not self._lock(descriptor):
                holder = _holder(descriptor)
                os.close(descriptor)
                if time.monotonic() < deadline:
                    time.sleep(_POLL_SECONDS)
                    continue
                raise InputError(
                    f"another run is at work in this folder ({holder})",
                    where=str(self.path.parent),
                    hint="wait for it or stop it; two runs in one folder would spoil each other's log",
                )
            if self._still_there(descriptor):
                break
            os.close(descriptor)
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, orjson.dumps({"pid": os.getpid(), "host": socket.gethostname()}), 0)
        self._descriptor = descriptor

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give the lock back."""
        if self._descriptor is None:
            return
        self.path.unlink(missing_ok=True)
        os.close(self._descriptor)
        self._descriptor = None

    def _open(self) -> int:
        try:
            return os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise InfrastructureError(
                f"cannot write in the run folder: {error.strerror}",
                where=str(self.path.parent),
                hint="check the rights and the free space, or choose another store",
            ) from error

    def _lock(self, descriptor: int) -> bool:
        try:
            return try_lock(descriptor)
        except OSError:
            return False

    def _still_there(self, descriptor: int) -> bool:
        """False where the holder removed the file between our open and our lock."""
        try:
            return os.stat(self.path).st_ino == os.fstat(descriptor).st_ino
        except FileNotFoundError:
            return False


def _holder(descriptor: int) -> str:
    try:
        text = orjson.loads(os.pread(descriptor, 4096, 0))
        return f"process {text['pid']} on {text['host']}"
    except (ValueError, KeyError, TypeError, OSError):
        return "its process is not known"
