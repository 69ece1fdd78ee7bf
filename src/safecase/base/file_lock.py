"""A lock on an open file that ends with its process, on every system."""

from __future__ import annotations

import sys
from typing import IO

# Windows' locks are mandatory, so the locked byte must be none that anybody reads.
_FAR_BYTE = 1 << 40


def lock_file(stream: IO[bytes]) -> None:
    """Take the one lock on an open file, until it is closed.

    Raises BlockingIOError where another process holds it: it never waits.
    """
    if sys.platform == "win32":  # pragma: no cover
        import msvcrt

        position = stream.tell()
        try:
            stream.seek(_FAR_BYTE)
            msvcrt.locking(stream.fileno(), msvcrt.LK_NBLCK, 1)
        except OSError as error:
            raise BlockingIOError(error.errno, "locked by another process") from error
        finally:
            stream.seek(position)
    else:
        import fcntl

        fcntl.flock(stream, fcntl.LOCK_EX | fcntl.LOCK_NB)
