"""The journal's writer and readers: grouping, durability, torn ends, damage."""

from __future__ import annotations

import subprocess

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safecase.base import FrameWriter, InfrastructureError, InputError, compress_frame
from safecase.engine._run_lock import RunLock
from safecase.engine.journal._reader import JournalIndex, journal_paths, scan_frames
from safecase.engine.journal._writer import JournalSettings, JournalWriter


def record(draw: int, text: str = "x") -> bytes:
    return orjson.dumps({"draw": draw, "text": text})


def frame(draws, text: str = "x") -> bytes:
    lines = b"".join(record(draw, text) + b"\n" for draw in draws)
    return compress_frame(lines)


FRAMES = [frame(range(k * 5, k * 5 + 5), "text " * (k + 1)) for k in range(4)]
WHOLE = b"".join(FRAMES)
STARTS = np.cumsum([0, *(len(item) for item in FRAMES)])


async def test_groups_are_acknowledged_only_once_they_are_on_the_disk(tmp_path) -> None:
    path = tmp_path / "journal-a.jsonl.zst"
    told: list[int] = []

    def acknowledged(count: int) -> None:
        told.append(count)
        assert len(JournalIndex([path])) == sum(told)

    writer = JournalWriter(
        path, JournalSettings(group_records=10, group_seconds=60), acknowledged=acknowledged
    )
    for draw in range(25):
        writer.append(record(draw))
    await writer.close()
    assert sum(told) == 25
    assert told[0] >= 10
    index = JournalIndex([path])
    assert [orjson.loads(line)["draw"] for line in index.records()] == list(range(25))
    assert len(scan_frames(path)[0]) == len(told)


async def test_a_group_that_is_not_full_is_written_when_its_time_has_come(tmp_path) -> None:
    import asyncio

    path = tmp_path / "journal-a.jsonl.zst"
    told: list[int] = []
    writer = JournalWriter(path, JournalSettings(group_seconds=0.02), acknowledged=told.append)
    writer.append(record(0))
    assert told == []
    for _ in range(100):
        await asyncio.sleep(0.01)
        if told:
            break
    assert told == [1]
    await writer.close()


async def test_an_unused_journal_leaves_no_file_and_an_existing_one_is_never_touched(tmp_path) -> None:
    path = tmp_path / "journal-a.jsonl.zst"
    await JournalWriter(path).close()
    assert not path.exists()
    path.write_bytes(b"something")
    with pytest.raises(InfrastructureError):
        JournalWriter(path)
    assert path.read_bytes() == b"something"


@given(st.integers(0, len(WHOLE)))
@settings(max_examples=120, deadline=None)
def test_a_torn_end_costs_only_the_torn_group(tmp_path_factory, length: int) -> None:
    path = tmp_path_factory.mktemp("torn") / "journal-a.jsonl.zst"
    path.write_bytes(WHOLE[:length])
    index = JournalIndex([path])
    whole = int(np.searchsorted(STARTS, length, side="right")) - 1
    assert index.draws.tolist() == list(range(5 * whole))
    assert index.dropped_bytes == length - STARTS[whole]
    if index.dropped_bytes:
        with pytest.raises(InfrastructureError, match=f"byte {STARTS[whole]}"):
            JournalIndex([path], finished=True)


@given(st.integers(0, STARTS[3] - 1), st.integers(1, 255))
@settings(max_examples=150, deadline=None)
def test_damage_before_the_last_group_is_never_read_over(tmp_path_factory, position: int, flip: int) -> None:
    """One changed byte: an error with a place in the file, or a torn end, never wrong records."""
    data = bytearray(WHOLE)
    data[position] ^= flip
    path = tmp_path_factory.mktemp("damaged") / "journal-a.jsonl.zst"
    path.write_bytes(bytes(data))
    with pytest.raises(InfrastructureError, match="byte"):
        JournalIndex([path], finished=True)


def test_zeros_after_a_power_cut_count_as_torn(tmp_path) -> None:
    path = tmp_path / "journal-a.jsonl.zst"
    path.write_bytes(WHOLE + bytes(4096))
    index = JournalIndex([path])
    assert len(index) == 20
    assert index.dropped_bytes == 4096


def test_several_journals_are_read_in_draw_order_and_a_double_draw_is_an_error(tmp_path) -> None:
    (tmp_path / "journal-0001-a.jsonl.zst").write_bytes(frame([0, 4, 2]) + frame([9, 6]))
    (tmp_path / "journal-0002-b.jsonl.zst").write_bytes(frame([5, 1, 3]))
    index = JournalIndex(journal_paths(tmp_path))
    assert [orjson.loads(line)["draw"] for line in index.records()] == [0, 1, 2, 3, 4, 5, 6, 9]
    assert orjson.loads(index.record(6) or b"")["draw"] == 6
    assert index.record(7) is None
    (tmp_path / "journal-0003-c.jsonl.zst").write_bytes(frame([6]))
    with pytest.raises(InfrastructureError, match="draw 6 is recorded twice"):
        JournalIndex(journal_paths(tmp_path))


def test_a_bomb_is_refused(tmp_path) -> None:
    path = tmp_path / "journal-a.jsonl.zst"
    with path.open("wb") as file, FrameWriter(file) as undeclared:
        undeclared.write(bytes(5_000_000))
        undeclared.write(bytes(5_000_000))
    with pytest.raises(InfrastructureError, match="declared size"):
        JournalIndex([path], finished=True)


def test_the_lock_of_a_dead_process_is_taken_over(tmp_path) -> None:
    code = (
        "import os,sys; from pathlib import Path; from safecase.engine._run_lock import RunLock; "
        "RunLock(Path(sys.argv[1])).__enter__(); os.kill(os.getpid(), 9)"
    )
    import sys

    subprocess.run([sys.executable, "-c", code, str(tmp_path)], check=False)
    assert (tmp_path / "run.lock").exists()
    with RunLock(tmp_path), pytest.raises(InputError, match="another run"):
        RunLock(tmp_path).__enter__()
    assert not (tmp_path / "run.lock").exists()
