"""The log of an ended run: what stands in it, and that damage is told and never read over."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import orjson
import pytest

from safecase.base import InfrastructureError
from safecase.engine import RunFolder, build_plan, run_plan
from safecase.engine._array_file import read_arrays, read_text, write_arrays
from safecase.engine.journal import _log as log_module
from safecase.engine.journal._compaction import compact
from safecase.engine.journal._log import COLUMNS_NAME, LOG_NAME, AttemptLog
from support.cases import cases
from support.run_requests import FAST, request

STOP = FAST.model_copy(update={"maximum_calls": 30, "concurrency": 1})


@pytest.fixture
def small_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(log_module, "_FRAME_RECORDS", 7)


async def stopped_run(folder: Path) -> RunFolder:
    plan = build_plan(cases(60), seed=1)
    return await run_plan(request(folder, plan, limits=STOP))


@pytest.mark.usefixtures("small_frames")
async def test_log_and_columns_say_what_the_journals_said(tmp_path: Path) -> None:
    run = await stopped_run(tmp_path)
    records, columns = list(run.records()), run.columns()
    compact(run.path, run.plan)
    assert list(run.records()) == records
    compacted = run.columns()
    for name in ("draw", "case_index", "outcome", "latency_ms", "cost_usd", "value", "cached", "label"):
        np.testing.assert_array_equal(getattr(compacted, name), getattr(columns, name))
        assert getattr(compacted, name).dtype == getattr(columns, name).dtype
    assert compacted.labels == columns.labels
    index = read_arrays(run.path / COLUMNS_NAME, ("frame_offset", "frame_draw"))
    assert index["frame_offset"].tolist()[0] == 0
    assert len(index["frame_draw"]) == -(-30 // 7)


@pytest.mark.usefixtures("small_frames")
async def test_one_attempt_is_found_by_its_draw_and_others_are_not(tmp_path: Path) -> None:
    run = await stopped_run(tmp_path)
    records = {orjson.loads(record)["draw"]: record for record in run.records()}
    compact(run.path, run.plan)
    log = AttemptLog.of(run.path)
    assert {draw: log.record(draw) for draw in records} == records
    assert [log.record(draw) for draw in (-1, 59, 10**12) if draw not in records] == [None, None, None]


@pytest.mark.usefixtures("small_frames")
async def test_a_kill_at_any_step_of_compaction_leaves_the_journals_or_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each file operation in turn is the last one: what is left reads as before, and compacts to the same."""
    run = await stopped_run(tmp_path)
    records = list(run.records())
    expected = log_module.hashlib.sha256(b"".join(record + b"\n" for record in records)).hexdigest()
    steps = 0
    for last in range(10):
        done = 0

        def counted(original, *arguments, last=last):
            nonlocal done
            if done == last:
                raise KeyboardInterrupt
            done += 1
            return original(*arguments)

        with monkeypatch.context() as patch:
            for name in ("replace", "unlink"):
                original = getattr(Path, name)
                patch.setattr(
                    Path, name, lambda self, *rest, original=original, **_: counted(original, self, *rest)
                )
            try:
                compact(run.path, run.plan)
            except KeyboardInterrupt:
                steps += 1
            else:
                break
        assert list(run.records()) == records
        assert len(run.columns()) == len(records)
        if run.compacted:
            break
    assert steps >= 2
    if not run.compacted:
        compact(run.path, run.plan)
    assert AttemptLog.of(run.path).digest() == (30, "sha256:" + expected)


@pytest.mark.usefixtures("small_frames")
async def test_damage_to_the_log_is_told(tmp_path: Path) -> None:
    run = await stopped_run(tmp_path)
    compact(run.path, run.plan)
    path = run.path / LOG_NAME
    whole = path.read_bytes()
    offsets = read_arrays(run.path / COLUMNS_NAME, ("frame_offset",))["frame_offset"]
    for data in (whole[:-1], whole[: offsets[2]], whole + whole[: offsets[1]], b""):
        path.write_bytes(data)
        with pytest.raises(InfrastructureError, match="not as long"):
            list(run.records())
    for place in range(0, len(whole), 97):
        changed = bytearray(whole)
        changed[place] ^= 0xFF
        path.write_bytes(bytes(changed))
        with pytest.raises(InfrastructureError, match="damaged at byte"):
            list(run.records())


async def test_damage_to_the_columns_is_told(tmp_path: Path) -> None:
    run = await stopped_run(tmp_path)
    compact(run.path, run.plan)
    path = run.path / COLUMNS_NAME
    whole = path.read_bytes()
    place = whole.index(np.asarray(run.columns().latency_ms).tobytes()) + 5
    changed = bytearray(whole)
    changed[place] ^= 1
    for data in (b"", whole[:-30], bytes(changed)):
        path.write_bytes(data)
        with pytest.raises(InfrastructureError, match="cannot read the attempts"):
            run.columns()
    path.unlink()
    with pytest.raises(InfrastructureError, match="cannot read the attempts"):
        list(run.records())


def file_of(arrays: dict[str, np.ndarray]) -> bytes:
    buffer = io.BytesIO()
    write_arrays(buffer, arrays, texts={"word.json": b'["a"]'})
    return buffer.getvalue()


def test_arrays_come_back_read_only_and_equal_arrays_give_equal_bytes(tmp_path: Path) -> None:
    arrays = {"a": np.arange(5, dtype=np.int32), "b": np.array([np.nan, 1.5]), "c": np.array([True, False])}
    (tmp_path / "x.npz").write_bytes(file_of(arrays))
    assert file_of(arrays) == file_of(arrays)
    found = read_arrays(tmp_path / "x.npz", ["c", "a", "b"])
    for name, array in arrays.items():
        np.testing.assert_array_equal(found[name], array)
        assert not found[name].flags.writeable
    assert read_text(tmp_path / "x.npz", "word.json") == b'["a"]'
    with np.load(tmp_path / "x.npz", allow_pickle=False) as numpys:
        np.testing.assert_array_equal(numpys["a"], arrays["a"])


def test_arrays_that_are_not_what_they_claim_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.npz"
    pickled = io.BytesIO()
    np.lib.format.write_array(pickled, np.array([{}], dtype=object), allow_pickle=True)
    huge = io.BytesIO()
    np.lib.format.write_array_header_1_0(huge, {"descr": "<f8", "fortran_order": False, "shape": (10**15,)})
    square = io.BytesIO()
    np.lib.format.write_array(square, np.zeros((2, 2)))
    for content in (pickled.getvalue(), huge.getvalue(), square.getvalue(), b"", b"\x93NUMPY\x01\x00"):
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("a.npy", content)
        with pytest.raises(ValueError):
            read_arrays(path, ["a"])
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(10_000_000))
    with pytest.raises(ValueError, match="compressed"):
        read_arrays(path, ["a"])
    with pytest.raises(ValueError, match="missing"):
        read_arrays(path, ["b"])
