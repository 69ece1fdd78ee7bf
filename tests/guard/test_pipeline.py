"""The pipeline: strictest wins, all are kept, failures are told, nothing takes the host along."""

from __future__ import annotations

import asyncio
import logging
import threading
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from safecase.base import InputError
from safecase.guard import Content, Guard, guard_from_controls, guard_from_mapping
from safecase.guard._redaction import apply_replacements, merge_spans
from safecase.model import (
    BuildContext,
    CheckFailure,
    Control,
    ControlLayer,
    FlowPoint,
    GuardAction,
    Replacement,
    Severity,
)

from .checks import CrashingCheck, RemoteWordCheck, SlowCheck, WordCheck, placed


def test_the_strictest_action_wins_and_every_verdict_is_kept() -> None:
    guard = Guard(
        [
            placed(WordCheck("a", GuardAction.FLAG), "flags"),
            placed(WordCheck("b", GuardAction.BLOCK), "blocks"),
            placed(WordCheck("c", GuardAction.REQUIRE_APPROVAL), "asks"),
        ]
    )
    decision = guard.check_input("a b c")
    assert decision.action is GuardAction.BLOCK
    assert decision.text == ""
    assert [v.action for v in decision.verdicts] == ["flag", "block", "require_approval"]
    assert guard.check_input("a c").action is GuardAction.REQUIRE_APPROVAL
    assert not guard.check_input("a c").allowed
    assert guard.check_input("a").allowed
    assert guard.check_input("nothing").action is GuardAction.ALLOW


def test_a_check_reads_its_surfaces_only() -> None:
    guard = Guard([placed(WordCheck("x"), surfaces=frozenset({FlowPoint.MODEL_OUTPUT}))])
    assert guard.check_input("x").allowed
    assert guard.check_output("x").blocked


def test_a_surface_that_a_check_cannot_read_is_refused() -> None:
    check = WordCheck("x", surfaces=frozenset({FlowPoint.MODEL_OUTPUT}))
    with pytest.raises(InputError, match="cannot look at user_input"):
        placed(check, surfaces=frozenset({FlowPoint.USER_INPUT}))


def test_redactions_of_several_checks_are_all_made() -> None:
    guard = Guard(
        [
            placed(WordCheck("secret", GuardAction.REDACT), "one"),
            placed(WordCheck("key", GuardAction.REDACT), "two"),
        ]
    )
    decision = guard.check_output("a secret key here")
    assert decision.action is GuardAction.REDACT
    assert decision.text == "a [gone] [gone] here"


def test_a_check_that_always_fails_does_not_fill_the_log(caplog: pytest.LogCaptureFixture) -> None:
    guard = Guard([placed(CrashingCheck())])
    with caplog.at_level(logging.ERROR):
        for _ in range(100):
            guard.check_input("x")
    assert len(caplog.records) == 7
    assert "for the 64th time" in caplog.text
    assert guard.counters.snapshot() == {"check": {"block": 100, "error": 100}}


def test_a_crash_fails_closed_or_open_as_declared_and_is_counted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.ERROR):
        closed = Guard([placed(CrashingCheck())])
        open_ = Guard([placed(CrashingCheck(), fail_closed=False)])
        assert closed.check_input("my password").blocked
        decision = open_.check_input("my password")
    assert decision.allowed
    assert decision.failures[0].failure is CheckFailure.ERROR
    assert open_.counters.snapshot() == {"check": {"allow": 1, "error": 1}}
    assert "ValueError" in caplog.text
    assert "my password" not in caplog.text
    assert "my password" not in str(decision.to_json())


def test_a_check_that_is_too_slow_is_given_up_on() -> None:
    guard = Guard([placed(SlowCheck(), timeout_seconds=0.02)])
    decision = guard.check_input("x")
    assert decision.blocked
    assert decision.verdicts[0].failure is CheckFailure.TIMEOUT
    assert asyncio.run(guard.inspect_async(Content(FlowPoint.USER_INPUT, "x"))).blocked


def test_remote_checks_must_be_declared_and_run_together() -> None:
    with pytest.raises(InputError, match="leaves the process"):
        placed(RemoteWordCheck("x"))
    with pytest.raises(InputError, match="does not leave"):
        placed(WordCheck("x"), remote=True)
    guard = Guard([placed(RemoteWordCheck("x", 0.05), f"r{n}", remote=True) for n in range(4)])
    decision = asyncio.run(guard.inspect_async(Content(FlowPoint.USER_INPUT, "x")))
    assert decision.action is GuardAction.FLAG
    assert decision.latency_seconds < 0.15
    assert guard.check_input("x").action is GuardAction.FLAG
    slow = Guard([placed(RemoteWordCheck("x", 5), remote=True, timeout_seconds=0.02)])
    assert slow.check_input("x").failures
    assert asyncio.run(slow.inspect_async(Content(FlowPoint.USER_INPUT, "x"))).failures


def test_what_is_too_long_is_blocked_unread() -> None:
    guard = Guard([placed(CrashingCheck(), fail_closed=False)], maximum_characters=10)
    decision = guard.check_input("x" * 11)
    assert decision.blocked
    assert "11 characters" in decision.reasons[0]


@pytest.mark.parametrize("wrong", [None, b"bytes", 7, ["x"]])
def test_what_is_no_text_is_a_clear_error(wrong: object) -> None:
    with pytest.raises(InputError, match="reads text"):
        Guard([placed(WordCheck("x"))]).check_input(wrong)  # type: ignore[arg-type]


def test_lone_surrogates_keep_the_offsets() -> None:
    decision = Guard([placed(WordCheck("x", GuardAction.FLAG))]).check_input("\ud800\udfffab x")
    assert decision.verdicts[0].evidence[0].start == 5
    decision.text.encode("utf-8")


def test_the_callback_cannot_take_the_host_along(caplog: pytest.LogCaptureFixture) -> None:
    def bad(*_: object) -> None:
        raise RuntimeError("the host's log is full")

    assert Guard([placed(WordCheck("x"))], on_decision=bad).check_input("x").blocked
    assert "callback" in caplog.text


def test_one_guard_serves_many_threads() -> None:
    guard = Guard([placed(WordCheck("x", GuardAction.FLAG))])
    threads = [
        threading.Thread(target=lambda: [guard.check_input("x") for _ in range(200)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert guard.counters.snapshot() == {"check": {"flag": 800}}


def test_leaving_a_check_out_names_what_there_is() -> None:
    guard = Guard([placed(WordCheck("x"), "words"), placed(CrashingCheck(), "other")])
    assert guard.without("other").check_input("y").allowed
    with pytest.raises(InputError, match="words"):
        guard.without("word")


def test_two_checks_of_one_name_are_refused() -> None:
    with pytest.raises(InputError, match="two checks"):
        Guard([placed(WordCheck("x")), placed(WordCheck("y"))])


def test_a_guard_comes_from_controls_or_plain_data() -> None:
    with pytest.raises(InputError, match=r"no guard check named 'injektion'.*injection"):
        guard_from_mapping({"a": "injektion"})
    with pytest.raises(InputError, match="surfaces"):
        guard_from_mapping({"a": {"check": "injection", "surfaces": ["everywhere"]}})
    control = Control(id="c", title="c", layer=ControlLayer.PROCESS)
    with pytest.raises(InputError, match="no control declares"):
        guard_from_controls([control], {}, BuildContext())
    bad = Control(id="c", title="c", layer=ControlLayer.INPUT_GUARD, configuration={"check": 3})
    with pytest.raises(InputError, match="control 'c': check"):
        guard_from_controls([bad], {"r": Severity.SEV1}, BuildContext())


replacement_lists = st.lists(
    st.tuples(st.integers(0, 30), st.integers(1, 8), st.sampled_from(["", "#", "[name]"])), max_size=8
)


@given(st.text(min_size=40, max_size=60), replacement_lists)
def test_replaced_places_never_survive(text: str, raw: list[tuple[int, int, str]]) -> None:
    items = [Replacement(start, start + size, new) for start, size, new in raw]
    gone = {place for item in items for place in range(item.start, item.end)}
    disjoint = merge_spans(items)
    assert {place for item in disjoint for place in range(item.start, item.end)} == gone
    assert all(one.end <= two.start for one, two in pairwise(disjoint))
    kept = "".join(letter for place, letter in enumerate(text) if place not in gone)
    assert len(apply_replacements(text, items)) == len(kept) + sum(len(item.text) for item in disjoint)
