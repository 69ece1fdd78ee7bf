"""Locks on files that end with their process, on every system that has them."""

from __future__ import annotations

import importlib
import os

try:
    import fcntl
except ImportError:  # Windows has msvcrt in its place
    fcntl = None  # type: ignore[assignment]

# Windows keeps others from reading what is locked, so a byte is locked far behind any content.
_FAR_BEHIND = 1 << 30


def try_lock(descriptor: int) -> bool:
    """Lock an open file for this process alone, without waiting; False where another one holds it.

    The lock ends when the file is closed or its process dies. Raises OSError where the file system
    knows no locks.
    """
    if fcntl is not None:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True
    windows = importlib.import_module("msvcrt")
    position = os.lseek(descriptor, 0, os.SEEK_CUR)
    os.lseek(descriptor, _FAR_BEHIND, os.SEEK_SET)
    try:
        windows.locking(descriptor, windows.LK_NBLCK, 1)
    except PermissionError:
        return False
    finally:
        os.lseek(descriptor, position, os.SEEK_SET)
    return True
