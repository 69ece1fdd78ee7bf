"""File locks, with fcntl and, as on Windows, without it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from safecase.base import try_lock

WITHOUT_FCNTL = """
import os, sys, types
from pathlib import Path

held, positions = {}, []

def locking(descriptor, mode, count):
    # Like msvcrt's: it locks from where the file stands, and refuses what another descriptor holds.
    positions.append(os.lseek(descriptor, 0, os.SEEK_CUR))
    place = os.fstat(descriptor).st_ino
    if held.setdefault(place, descriptor) != descriptor:
        raise PermissionError("locked")

sys.modules["fcntl"] = None
sys.modules["msvcrt"] = types.SimpleNamespace(locking=locking, LK_NBLCK=2)

import safecase.records.decisions
from safecase.base import InputError, try_lock
from safecase.engine._run_lock import RunLock

folder = Path(sys.argv[1])
(folder / "file").write_bytes(b"content")
with (folder / "file").open("r+b") as one, (folder / "file").open("rb") as other:
    one.seek(3)
    assert try_lock(one.fileno())
    assert os.lseek(one.fileno(), 0, os.SEEK_CUR) == 3, "the place in the file is as it was"
    assert not try_lock(other.fileno())
assert min(positions) > 1 << 20, "the content stays readable for others"
with RunLock(folder):
    try:
        RunLock(folder).__enter__()
    except InputError as error:
        print(error.message)
"""


def test_one_holder_at_a_time_and_none_after_the_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    with path.open() as first, path.open() as second:
        assert try_lock(first.fileno())
        assert not try_lock(second.fileno())
    with path.open() as third:
        assert try_lock(third.fileno())


def test_without_fcntl_the_lock_of_windows_is_taken(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_FCNTL, str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "another run is at work" in done.stdout
