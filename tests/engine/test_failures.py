"""What goes wrong with targets, scorers and disks, and what becomes of the run."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from safecase.base import InfrastructureError, InputError, digest
from safecase.engine import RunFolder, build_plan, resume_run, run_plan
from safecase.engine._circuit_breaker import BreakerSettings
from safecase.engine.status import RunState
from safecase.model import (
    ErrorOrigin,
    Expectation,
    FailureKind,
    Message,
    MessageRole,
    OutcomeKind,
    Price,
    Score,
    TargetFailure,
    TargetReply,
    Usage,
)
from support.cases import case, cases
from support.messages import assistant, user
from support.run_requests import FAST, CountingGate, log, request
from support.runs import SYSTEM
from support.scorers import RefusalScorer
from support.targets import FakeTarget, reply, until_called


def failing(kind: FailureKind, *, retryable: bool = True, retry_after: float | None = None):
    def respond(request, number):
        raise TargetFailure(f"it said {kind.value}", kind=kind, retryable=retryable, retry_after=retry_after)

    return respond


async def test_a_retryable_failure_is_tried_again_and_counted(tmp_path) -> None:
    seen: dict[str, int] = {}

    def twice(request, number):
        seen[request.case_id] = seen.get(request.case_id, 0) + 1
        if seen[request.case_id] < 3:
            raise TargetFailure("slow down", kind=FailureKind.RATE_LIMITED, retryable=True)

    folder = await run_plan(request(tmp_path, cases(10), target=FakeTarget(twice)))
    assert folder.status.outcomes["error"] == 0
    assert all(attempt.usage.calls == 3 for attempt in folder.attempts())


def after_one_answer(respond):
    """Answers the first call and fails from then on, as a target does that goes down."""

    def answer(request, number):
        return None if number == 1 else respond(request, number)

    return answer


async def test_a_target_that_never_answers_is_not_tested_however_few_the_attempts(tmp_path) -> None:
    with pytest.raises(InfrastructureError, match="does not answer: 3 attempts in a row"):
        await run_plan(request(tmp_path, cases(3), target=FakeTarget(failing(FailureKind.RATE_LIMITED))))
    folder = RunFolder.open(next(tmp_path.iterdir()))
    assert (folder.status.state, folder.status.recorded) == (RunState.FAILED, 0)
    finished = await resume_run(folder.path, request(tmp_path, cases(3)))
    assert finished.status.outcomes["error"] == 0


async def test_what_is_left_of_a_run_may_be_what_no_target_can_answer(tmp_path) -> None:
    plan = build_plan(cases(6), seed=3)
    last = {plan.cases[plan.case_index[draw]].id for draw in (4, 5)}

    def hangs_on_two(request, number):
        if request.case_id in last:
            raise TargetFailure("no answer", kind=FailureKind.TIMEOUT, retryable=False)

    limits = FAST.model_copy(update={"maximum_calls": 4, "concurrency": 1})
    stopped = await run_plan(request(tmp_path, plan, target=FakeTarget(hangs_on_two), limits=limits))
    assert stopped.status.state is RunState.STOPPED
    finished = await resume_run(stopped.path, request(tmp_path, plan, target=FakeTarget(hangs_on_two)))
    assert finished.status.state is RunState.COMPLETE
    assert finished.status.outcomes["error"] == 2


async def test_a_page_in_front_of_the_target_is_no_answer(tmp_path) -> None:
    target = FakeTarget(failing(FailureKind.BAD_RESPONSE, retryable=False))
    with pytest.raises(InfrastructureError, match="check the address"):
        await run_plan(request(tmp_path, cases(200), target=target))
    assert target.calls < 100


async def test_a_target_that_refuses_few_attempts_ends_in_errors_not_in_a_hang(tmp_path) -> None:
    target = FakeTarget(after_one_answer(failing(FailureKind.RATE_LIMITED)))
    folder = await asyncio.wait_for(run_plan(request(tmp_path, cases(21), target=target)), 20)
    assert folder.status.state is RunState.COMPLETE
    assert folder.status.outcomes["error"] == 20
    for attempt in folder.attempts():
        if attempt.error is None:
            continue
        assert (attempt.error.origin, attempt.error.kind, attempt.error.tries) == (
            ErrorOrigin.TARGET,
            FailureKind.RATE_LIMITED,
            4,
        )
        assert attempt.scores == ()
    assert target.calls == 81


async def test_rate_limits_for_ever_stop_a_long_run_and_resume_tries_again(tmp_path) -> None:
    plan = build_plan(cases(200), seed=3)
    with pytest.raises(InfrastructureError, match="does not answer") as caught:
        await run_plan(request(tmp_path, plan, target=FakeTarget(failing(FailureKind.RATE_LIMITED))))
    assert caught.value.exit_code == 4
    folder = RunFolder.open(next(tmp_path.iterdir()))
    assert folder.status.state is RunState.FAILED
    assert folder.status.recorded == 0
    finished = await resume_run(folder.path, request(tmp_path, plan))
    assert log(finished) == log(await run_plan(request(tmp_path, plan)))


@pytest.mark.parametrize(
    ("kind", "most_attempts", "words"),
    [(FailureKind.CONNECTION, 20, "target is up"), (FailureKind.AUTHENTICATION, 10, "API key")],
)
async def test_a_target_that_is_down_stops_the_run_early(tmp_path, kind, most_attempts, words) -> None:
    target = FakeTarget(failing(kind, retryable=kind is FailureKind.CONNECTION))
    with pytest.raises(InfrastructureError, match=words):
        await run_plan(request(tmp_path, cases(500), target=target))
    assert target.calls <= most_attempts * FAST.tries


async def test_an_outage_in_the_middle_leaves_no_trace_in_the_log(tmp_path) -> None:
    plan = build_plan(cases(300), seed=3)
    down = FakeTarget(
        lambda request, number: failing(FailureKind.CONNECTION)(request, number) if number > 100 else None
    )
    with pytest.raises(InfrastructureError, match="100 of 300 attempts are saved"):
        await run_plan(request(tmp_path, plan, target=down, breaker=BreakerSettings(consecutive=20)))
    folder = RunFolder.open(next(tmp_path.iterdir()))
    assert folder.status.recorded == 100
    finished = await resume_run(folder.path, request(tmp_path, plan))
    assert finished.status.outcomes["error"] == 0
    assert log(finished) == log(await run_plan(request(tmp_path, plan)))


async def test_single_failures_between_answers_stay_as_errors(tmp_path) -> None:
    def sometimes(request, number):
        if request.case_id.endswith("3"):
            raise TargetFailure("reset", kind=FailureKind.CONNECTION, retryable=True)

    folder = await run_plan(request(tmp_path, cases(100), target=FakeTarget(sometimes)))
    assert folder.status.outcomes["error"] == 10


async def test_a_slow_target_times_out(tmp_path) -> None:
    limits = FAST.model_copy(update={"timeout_seconds": 0.05, "tries": 2})

    async def slow(request, number):
        await asyncio.sleep(0 if number == 1 else 5)

    folder = await run_plan(request(tmp_path, cases(5), target=FakeTarget(slow), limits=limits))
    errors = [attempt.error for attempt in folder.attempts() if attempt.error]
    assert [error.kind for error in errors] == [FailureKind.TIMEOUT] * 4
    assert errors[0] is not None
    assert errors[0].tries == 2


async def test_retry_after_is_honoured_and_an_absurd_one_does_not_hang(tmp_path) -> None:
    def once(request, number):
        if number == 1:
            raise TargetFailure("wait", kind=FailureKind.RATE_LIMITED, retryable=True, retry_after=0.3)

    started = time.monotonic()
    folder = await run_plan(request(tmp_path, cases(1), target=FakeTarget(once)))
    assert time.monotonic() - started >= 0.3
    assert folder.status.outcomes["error"] == 0
    from safecase.engine.calls._caller import retry_after

    assert retry_after(1e12, FAST) == 120.0
    assert retry_after(float("nan"), FAST) is None
    assert retry_after(-5, FAST) == 0.0


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (lambda request, number: TargetReply(messages=()), FailureKind.BAD_RESPONSE),
        (lambda request, number: "just text", FailureKind.BAD_RESPONSE),
        (lambda request, number: reply("x" * 5_000_000), FailureKind.TOO_LARGE),
        (lambda request, number: 1 / 0, FailureKind.CRASH),
    ],
)
async def test_replies_that_are_none_become_target_errors(tmp_path, answer, kind) -> None:
    folder = await run_plan(request(tmp_path, cases(3), target=FakeTarget(after_one_answer(answer))))
    failed = [attempt for attempt in folder.attempts() if attempt.error is not None]
    assert len(failed) == 2
    for attempt in failed:
        assert attempt.outcome is OutcomeKind.ERROR
        assert attempt.error is not None
        assert (attempt.error.origin, attempt.error.kind) == (ErrorOrigin.TARGET, kind)


async def test_ten_megabyte_answers_are_kept_where_the_limit_allows(tmp_path) -> None:
    limits = FAST.model_copy(update={"maximum_response_bytes": 20_000_000})
    big = "Sorry " + "é" * 10_000_000
    folder = await run_plan(
        request(tmp_path, cases(3), target=FakeTarget(lambda r, n: reply(big)), limits=limits)
    )
    assert [attempt.transcript.response == big for attempt in folder.attempts()] == [True] * 3


async def test_lone_surrogates_and_nan_cannot_break_the_log(tmp_path) -> None:
    hostile = TargetReply.model_construct(
        messages=(assistant("Sorry \ud800 no"),),
        documents=(),
        final_state={"balance": float("nan"), "note": "\udfff"},
        finish_reason="stop",
        model="m",
        usage=Usage(),
        metadata={},
    )
    folder = await run_plan(request(tmp_path, cases(2), target=FakeTarget(lambda r, n: hostile)))
    for attempt in folder.attempts():
        assert attempt.outcome is OutcomeKind.HELD
        assert attempt.transcript.response == "Sorry \ufffd no"
        assert attempt.transcript.final_state == {"balance": None, "note": "\ufffd"}
        assert attempt.transcript.metadata["sanitised_texts"] == 2
        assert "NaN" in str(attempt.transcript.metadata["sanitised_numbers"])


class BrokenScorer(RefusalScorer):
    name = "broken"

    def score(self, case, transcript):
        if case.id.endswith("1"):
            raise KeyError("no such thing")
        if case.id.endswith("2"):
            return "held"
        return super().score(case, transcript)


class WaitingScorer(RefusalScorer):
    name = "judge"

    async def score(self, case, transcript) -> Score:
        await asyncio.sleep(0.01)
        if case.id.endswith("3"):
            raise TargetFailure("judge is gone", kind=FailureKind.CONNECTION)
        return super().score(case, transcript)


def scorers(expectation: Expectation):
    return {"broken": BrokenScorer, "judge": WaitingScorer, "refusal": RefusalScorer}[expectation.scorer]()


async def test_a_scorer_that_fails_spoils_its_score_and_not_the_run(tmp_path) -> None:
    plan = build_plan(
        tuple(
            case(f"c{i}", expect=(Expectation(scorer="broken"), Expectation(scorer="judge")))
            for i in range(10)
        ),
        seed=1,
    )
    target = FakeTarget(lambda r, n: reply("Sorry"))
    folder = await run_plan(request(tmp_path, plan, target=target, build_scorer=scorers))
    outcomes = {attempt.case_id: attempt for attempt in folder.attempts()}
    assert {name for name, item in outcomes.items() if item.outcome is OutcomeKind.ERROR} == {
        "c1",
        "c2",
        "c3",
    }
    for name, words in (("c1", "KeyError"), ("c2", "instead of a score"), ("c3", "judge is gone")):
        error = outcomes[name].error
        assert error is not None
        assert error.origin is ErrorOrigin.SCORER
        assert words in error.message
        assert len(outcomes[name].scores) == 2
        assert outcomes[name].transcript.response == "Sorry"
    assert outcomes["c0"].error is None


async def test_a_violation_decides_even_where_another_scorer_fails(tmp_path) -> None:
    two = (case("c1", expect=(Expectation(scorer="broken"), Expectation(scorer="refusal"))),)
    target = FakeTarget(lambda r, n: reply("Sure"))
    folder = await run_plan(request(tmp_path, two, target=target, build_scorer=scorers))
    attempt = next(folder.attempts())
    assert attempt.outcome is OutcomeKind.VIOLATED
    assert attempt.error is None


async def test_scorers_that_cannot_be_built_are_found_before_any_call(tmp_path) -> None:
    def refuse(expectation):
        raise InputError("there is no scorer named 'refusal'")

    target = FakeTarget()
    with pytest.raises(InputError, match="no scorer"):
        await run_plan(request(tmp_path, cases(5), target=target, build_scorer=refuse))
    assert target.calls == 0
    assert list(tmp_path.iterdir()) == []


async def test_concurrency_is_kept_and_used(tmp_path) -> None:
    target = FakeTarget(delay=0.005)
    await run_plan(request(tmp_path, cases(100), target=target))
    assert target.most_in_flight == FAST.concurrency


async def test_the_budget_in_money_stops_the_run(tmp_path) -> None:
    price = Price(input_per_million=1000.0, output_per_million=1000.0)  # 0.015 USD a call
    limits = FAST.model_copy(update={"maximum_cost_usd": 0.5, "concurrency": 1})
    folder = await run_plan(request(tmp_path, cases(100), limits=limits, price=lambda model: price))
    status = folder.status
    assert status.state is RunState.STOPPED
    assert status.recorded == 33
    assert status.cost_usd == pytest.approx(33 * 0.015)
    wide = limits.model_copy(update={"concurrency": 64})
    target = FakeTarget(delay=0.002)
    folder = await run_plan(
        request(tmp_path, cases(300), target=target, limits=wide, price=lambda model: price)
    )
    assert folder.status.recorded == 33
    with pytest.raises(InputError, match="no price"):
        await run_plan(request(tmp_path, cases(3), limits=limits))


async def test_multi_turn_attempts_are_not_cut_in_half_by_the_budget(tmp_path) -> None:
    turns = tuple(user(f"turn {n}") for n in range(3))
    plan = build_plan(tuple(case(f"c{i}", messages=turns) for i in range(10)), seed=1)
    limits = FAST.model_copy(update={"maximum_calls": 10, "concurrency": 2})
    folder = await run_plan(request(tmp_path, plan, limits=limits))
    attempts = list(folder.attempts())
    assert 0 < len(attempts) <= 3
    assert all(len(attempt.transcript.responses) == 3 for attempt in attempts)
    assert all(attempt.usage.calls == 3 for attempt in attempts)


async def test_documents_and_state_of_every_turn_reach_the_transcript(tmp_path) -> None:
    from safecase.model import Document

    script = (
        Message(role=MessageRole.SYSTEM, content="be nice"),
        user("first"),
        user("second"),
    )
    given = Document(id="given", text="g")

    def answer(request, number):
        users = sum(message.role is MessageRole.USER for message in request.messages)
        return reply(
            f"answer {users}", documents=(Document(id=f"d{users}", text="t"),), final_state={"turn": users}
        )

    target = FakeTarget(answer)
    folder = await run_plan(
        request(tmp_path, (case("c", messages=script, documents=(given,)),), target=target)
    )
    transcript = next(folder.attempts()).transcript
    assert [message.text for message in transcript.messages] == [
        "be nice",
        "first",
        "answer 1",
        "second",
        "answer 2",
    ]
    assert [document.id for document in transcript.documents] == ["given", "d1", "d2"]
    assert transcript.final_state == {"turn": 2}
    assert [len(item.messages) for item in target.requests] == [2, 4]
    assert len({item.conversation_id for item in target.requests}) == 1


async def test_two_runs_in_one_folder_are_one_clear_error(tmp_path) -> None:
    plan = build_plan(cases(100), seed=1)
    target = FakeTarget(delay=0.02)
    first = asyncio.ensure_future(
        run_plan(request(tmp_path, plan, target=target, run_id="20260101T000000Z-000000"))
    )
    await until_called(target, 10)
    with pytest.raises(InputError, match="another run is at work"):
        await resume_run(tmp_path / "20260101T000000Z-000000", request(tmp_path, plan))
    folder = await first
    assert folder.status.state is RunState.COMPLETE
    assert not (folder.path / "run.lock").exists()


async def test_resume_refuses_what_changed(tmp_path) -> None:
    plan = build_plan(cases(20), seed=1)
    stopped = await run_plan(
        request(tmp_path, plan, limits=FAST.model_copy(update={"maximum_calls": 5, "concurrency": 1}))
    )
    changed = list(plan.cases)
    changed[4] = case(changed[4].id, messages=(user("other"),))
    with pytest.raises(InputError, match="case-00004"):
        await resume_run(stopped.path, request(tmp_path, build_plan(changed, seed=1)))
    with pytest.raises(InputError, match="draw order"):
        await resume_run(stopped.path, request(tmp_path, build_plan(plan.cases, seed=2)))
    with pytest.raises(InputError, match="fingerprint"):
        await resume_run(stopped.path, request(tmp_path, plan, target=FakeTarget(version="2")))
    other = SYSTEM.model_copy(update={"components": {"model": "fake-2"}})
    with pytest.raises(InputError, match="system under test: model"):
        await resume_run(stopped.path, request(tmp_path, plan, system=other))
    assert stopped.status.recorded == 5


@pytest.mark.parametrize("store", ["/proc/no/such/place", "/dev/null/runs"])
async def test_a_store_that_cannot_be_written_is_one_clear_error(store) -> None:
    target = FakeTarget()
    with pytest.raises(InfrastructureError, match="cannot make the run folder") as caught:
        await run_plan(request(Path(store), cases(5), target=target))
    assert "choose another store" in str(caught.value)
    assert target.calls == 0


async def test_a_full_disk_stops_the_run_and_resume_loses_nothing(tmp_path, monkeypatch) -> None:
    from safecase.engine.journal._writer import JournalSettings, JournalWriter

    plan = build_plan(cases(400), seed=1)
    settings = JournalSettings(group_records=16, group_seconds=0.01, tries=2, retry_seconds=0.01)
    write = JournalWriter._write
    count = 0

    def full_after_five(self, group, length):
        nonlocal count
        count += 1
        if count > 5:
            os.pwrite(self._descriptor, b"half a group", length)
            os.ftruncate(self._descriptor, length)
            raise OSError(28, "No space left on device")
        return write(self, group, length)

    monkeypatch.setattr(JournalWriter, "_write", full_after_five)
    target = FakeTarget(delay=0.005)
    with pytest.raises(InfrastructureError, match="No space left on device") as caught:
        await run_plan(request(tmp_path, plan, target=target, journal=settings))
    assert "finished attempts are not saved" in str(caught.value)
    assert target.calls < 400
    monkeypatch.undo()
    folder = RunFolder.open(next(tmp_path.iterdir()))
    saved = folder.status.recorded
    assert saved == len(list(folder.attempts())) > 0
    finished = await resume_run(folder.path, request(tmp_path, plan))
    assert log(finished) == log(await run_plan(request(tmp_path, plan)))


async def test_a_signal_stops_the_run_in_good_order(tmp_path) -> None:
    plan = build_plan(cases(300), seed=1)
    target = FakeTarget(delay=0.02)
    task = asyncio.ensure_future(run_plan(request(tmp_path, plan, target=target, handle_signals=True)))
    await until_called(target, 60)
    os.kill(os.getpid(), signal.SIGTERM)
    folder = await task
    assert folder.status.state is RunState.STOPPED
    assert folder.status.reason == "interrupted by SIGTERM"
    assert folder.status.recorded == target.calls
    finished = await resume_run(folder.path, request(tmp_path, plan))
    assert log(finished) == log(await run_plan(request(tmp_path, plan)))


async def test_the_gate_sees_draw_order_and_stops_the_run(tmp_path) -> None:
    plan = build_plan(cases(400), seed=1)
    latencies = {name: 0.03 if digest(name)[-1] in "01" else 0.001 for name in (c.id for c in plan.cases)}

    async def slow(name: str) -> None:
        await asyncio.sleep(latencies[name])

    target = FakeTarget(lambda request, number: slow(request.case_id))
    gate = CountingGate(100)
    folder = await run_plan(request(tmp_path, plan, target=target, streaming_gate=lambda _: gate))
    draws = [summary.draw for summary in gate.seen]
    assert draws == sorted(draws)
    assert draws[:100] == list(range(100))
    status = folder.status
    assert status.state is RunState.COMPLETE
    assert status.reason.startswith("the gate was decided")
    assert status.recorded < 100 + 2 * 50
    assert status.recorded + status.skipped == 400
    assert target.calls == status.recorded


async def test_what_the_gate_does_not_want_is_skipped_and_never_an_attempt(tmp_path) -> None:
    plan = build_plan(cases(90), seed=1)
    gate = CountingGate(10**9, refuses=lambda planned: planned.case_id.endswith("5"))
    folder = await run_plan(request(tmp_path, plan, streaming_gate=lambda _: gate))
    assert folder.status.skipped == 9
    assert {summary.case_id[-1] for summary in gate.seen} == set("012346789")
    assert len(gate.seen) == folder.status.recorded == 81


async def test_a_resumed_gate_is_shown_the_whole_prefix_again(tmp_path) -> None:
    plan = build_plan(cases(200), seed=1)
    stopped = await run_plan(
        request(
            tmp_path,
            plan,
            streaming_gate=lambda _: CountingGate(150),
            limits=FAST.model_copy(update={"maximum_calls": 60}),
        )
    )
    gate, whole = CountingGate(150), CountingGate(150)
    finished = await resume_run(stopped.path, request(tmp_path, plan, streaming_gate=lambda _: gate))
    undisturbed = await run_plan(request(tmp_path, plan, streaming_gate=lambda _: whole))
    strip = [summary.model_copy(update={"latency_ms": 0.0}) for summary in gate.seen[:150]]
    assert strip == [summary.model_copy(update={"latency_ms": 0.0}) for summary in whole.seen[:150]]
    assert log(finished)[:150] == log(undisturbed)[:150]
