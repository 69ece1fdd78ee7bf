"""What was chosen about a run: recorded as it was, found by a resume, refused in another format."""

from __future__ import annotations

import gc
import json
from pathlib import Path

import pytest

from safecase.base import InputError
from safecase.engine import ResponseCache, RunFolder, build_plan, run_plan, settled_heap
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
