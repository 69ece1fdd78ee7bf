"""The response cache: what is a hit, what is kept, and what a damaged entry does."""

from __future__ import annotations

import sqlite3

import pytest

from safecase.base import InfrastructureError
from safecase.engine import ResponseCache, build_plan, run_plan
from safecase.model import FailureKind, TargetFailure, TargetRequest
from support.cases import cases
from support.messages import user
from support.run_requests import log, request
from support.targets import FakeTarget, reply


def ask(**fields) -> TargetRequest:
    return TargetRequest(messages=(user("hello"),), **fields)


def test_the_key_covers_target_content_seed_and_repeat_and_nothing_of_the_run(tmp_path) -> None:
    cache = ResponseCache(tmp_path / "cache.sqlite")
    key = cache.key({"model": "1"}, ask(seed=1))
    assert key == cache.key({"model": "1"}, ask(seed=1, conversation_id="another run"))
    others = [
        cache.key({"model": "2"}, ask(seed=1)),
        cache.key({"model": "1"}, ask(seed=2)),
        cache.key({"model": "1"}, ask(seed=1, repeat=1)),
        cache.key({"model": "1"}, ask(seed=1, environment={"a": 1})),
    ]
    assert len({key, *others}) == 5
    cache.close()
    cache.close()


async def test_a_second_run_calls_nothing_and_says_cached(tmp_path) -> None:
    plan = build_plan(cases(40), seed=1, repeats=2)
    cache = ResponseCache(tmp_path / "cache.sqlite")
    first = await run_plan(request(tmp_path / "runs", plan, cache=cache))
    target = FakeTarget()
    second = await run_plan(request(tmp_path / "runs", plan, target=target, cache=cache))
    assert target.calls == 40, "repeats above 0 are fresh draws unless asked for"
    for before, after in zip(first.attempts(), second.attempts(), strict=True):
        assert after.cached == (after.repeat == 0)
        assert after.transcript == before.transcript
        assert after.outcome is before.outcome
        if after.cached:
            assert after.usage.calls == 0
            assert after.usage.cost_usd == 0
    await run_plan(request(tmp_path / "runs", plan, cache=cache, cache_repeats=True))
    silent = FakeTarget()
    third = await run_plan(request(tmp_path / "runs", plan, target=silent, cache=cache, cache_repeats=True))
    assert silent.calls == 0
    assert [entry[-2] for entry in log(third)] != []
    cache.close()


async def test_errors_are_never_kept(tmp_path) -> None:
    cache = ResponseCache(tmp_path / "cache.sqlite")

    def refuse(request, number):
        raise TargetFailure("no", kind=FailureKind.BAD_REQUEST)

    plan = build_plan(cases(5), seed=1)
    await run_plan(request(tmp_path / "runs", plan, target=FakeTarget(refuse), cache=cache))
    target = FakeTarget()
    folder = await run_plan(request(tmp_path / "runs", plan, target=target, cache=cache))
    assert target.calls == 5
    assert folder.status.outcomes["error"] == 0
    cache.close()


def test_entries_survive_the_process_and_damaged_ones_are_absent(tmp_path) -> None:
    path = tmp_path / "cache.sqlite"
    cache = ResponseCache(path)
    keys = [cache.key({}, ask(seed=seed)) for seed in range(2)]
    for key in keys:
        cache.put(key, reply("hello"), 12.5)
    cache.close()
    with sqlite3.connect(path) as database:
        database.execute("UPDATE replies SET reply = ? WHERE key = ?", (b"garbage", keys[1]))
    again = ResponseCache(path)
    found = again.get(keys[0])
    assert found is not None
    assert (found.reply, found.latency_ms) == (reply("hello"), 12.5)
    assert again.get(keys[1]) is None
    assert (again.hits, again.misses) == (1, 1)
    again.close()


def test_a_file_that_is_no_cache_is_one_clear_error(tmp_path) -> None:
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"this is not a database at all, it is a text" * 30)
    with pytest.raises(InfrastructureError, match="response cache cannot be used"):
        ResponseCache(path)
