"""What was chosen about a run: recorded as it was, found by a resume, refused in another format."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import numpy as np
import pytest

from safecase.base import InputError
from safecase.engine import ResponseCache, RunFolder, build_plan, run_plan, settled_heap
from safecase.engine.journal._arrow import (
    number_array,
    numpy_column,
    text_array,
    word_array,
    word_codes,
)
from safecase.model import DrawOrder, Limits, RunSettings, candidate_digest, suite_references
from support.cases import case, cases
from support.run_requests import request
from support.targets import FakeTarget


async def test_the_manifest_keeps_the_settings_as_they_were_and_tells_what_was_used(tmp_path: Path) -> None:
    chosen = RunSettings(
        limits=Limits(concurrency=3, tries=2), complete=True, vulnerabilities=("one",), guard_without=("a",)
    )
    plan = build_plan(cases(4), seed=3, order=DrawOrder.UNIFORM)
    cache = ResponseCache(tmp_path / "cache.sqlite")
    asked = request(tmp_path / "runs", plan, settings=chosen, cache=cache)
    manifest = RunFolder.open((await run_plan(asked)).path).manifest
    assert manifest.settings == chosen.model_copy(update={"cache": True, "executor": "local"})
    assert manifest.draw_order is DrawOrder.UNIFORM
    assert manifest.target_fingerprint == {"model": "1"}
    assert manifest.candidate == candidate_digest(asked.system, asked.gates)


async def test_a_run_in_another_format_is_refused_by_its_number(tmp_path: Path) -> None:
    folder = await run_plan(request(tmp_path, cases(2)))
    file = folder.path / "manifest.json"
    old = {**json.loads(file.read_bytes()), "schema_version": 1, "settings": {"draw_order": "uniform"}}
    file.write_text(json.dumps(old))
    with pytest.raises(InputError, match="format 1") as caught:
        RunFolder.open(folder.path)
    assert "safecase_version" in (caught.value.hint or "")


def test_suites_are_told_with_their_version_or_the_digest_of_their_cases() -> None:
    chosen = (case("a", suite="x"), case("b", suite="y"), case("c", suite="x"))
    first, second = suite_references(chosen, {"x": "7"})
    assert (first.id, first.version, first.cases) == ("x", "7", 2)
    assert (second.id, second.cases) == ("y", 1)
    assert second.version.startswith("sha256:")
    assert second.version == suite_references(chosen[1:2], {})[0].version


async def test_the_engine_leaves_the_heap_of_its_host_alone(tmp_path: Path) -> None:
    frozen: list[int] = []

    def respond(asked: object, number: int) -> None:
        frozen.append(gc.get_freeze_count())

    await run_plan(request(tmp_path, cases(2), target=FakeTarget(respond)))
    assert frozen == [0, 0]
    with settled_heap():
        assert gc.get_freeze_count() > 0
        with settled_heap():
            pass
        assert gc.get_freeze_count() > 0, "who froze the heap thaws it"
    assert gc.get_freeze_count() == 0


def test_arrow_arrays_from_buffers_are_those_that_pyarrow_makes() -> None:
    import pyarrow as pa

    numbers = np.array([3, -1, 2**40], dtype=np.int64)
    assert number_array(numbers).equals(pa.array(numbers))
    flags = np.array([True, False, True, True, False, False, False, True, True])
    assert number_array(flags).equals(pa.array(flags))
    values = number_array(np.array([1.5, 0.0, -2.0]), np.array([True, False, True]))
    assert values.equals(pa.array([1.5, None, -2.0]))
    texts = ["", "ä", "one\ntwo"]
    assert text_array([text.encode() for text in texts]).equals(pa.array(texts))
    words = ["b", None, "a", "b"]
    assert word_array(words).equals(pa.array(words).dictionary_encode())


def test_columns_come_back_across_chunks_slices_and_nulls() -> None:
    import pyarrow as pa

    flags = np.arange(21) % 3 == 0
    sliced = number_array(flags).slice(5, 9)
    assert numpy_column(pa.chunked_array([sliced, number_array(flags)])).tolist() == [*flags[5:14], *flags]
    values = numpy_column(pa.chunked_array([pa.array([None, 1.0, None, 4.0]).slice(1)]))
    np.testing.assert_array_equal(values, [1.0, np.nan, 4.0])
    codes, words = word_codes(pa.chunked_array([word_array(["b", None, "a"]), word_array(["a", "c"])]))
    assert codes.tolist() == [0, -1, 1, 1, 2]
    assert words == ("b", "a", "c")
