"""Streams: nothing goes out before it was read, wherever the answer is cut."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from safecase.guard import Guard, OutputStream
from safecase.model import GuardAction

from .checks import CrashingCheck, WordCheck, placed


def pieces(text: str, cuts: list[int]) -> list[str]:
    places = sorted({min(cut, len(text)) for cut in cuts})
    return [text[a:b] for a, b in zip([0, *places], [*places, len(text)], strict=True)]


def shown(guard: Guard, parts: list[str]) -> tuple[str, OutputStream]:
    stream = OutputStream(guard)
    out = "".join(stream.feed(part) for part in parts)
    return out + stream.finish(), stream


@given(st.text("abc. \n", max_size=200), st.lists(st.integers(0, 200), max_size=12))
def test_a_clean_answer_comes_out_whole(text: str, cuts: list[int]) -> None:
    for windowed in (True, False):
        guard = Guard([placed(WordCheck("SECRET", windowed=windowed))])
        out, stream = shown(guard, pieces(text, cuts))
        assert out == text
        assert stream.decision.action is GuardAction.ALLOW


@given(
    st.text("abc. \n", max_size=120),
    st.text("abc. \n", max_size=120),
    st.lists(st.integers(0, 250), max_size=20),
)
def test_no_part_of_what_is_blocked_gets_out(before: str, after: str, cuts: list[int]) -> None:
    text = f"{before}SECRET{after}"
    for windowed in (True, False):
        guard = Guard([placed(WordCheck("SECRET", windowed=windowed))])
        out, stream = shown(guard, pieces(text, cuts))
        assert stream.blocked
        assert not set("SECRT") & set(out)
        assert before.startswith(out)


@given(st.lists(st.integers(0, 60), max_size=8))
def test_what_the_whole_answer_must_be_read_for_is_held_until_the_end(cuts: list[int]) -> None:
    guard = Guard([placed(WordCheck("name", GuardAction.REDACT))])
    stream = OutputStream(guard)
    parts = pieces("hello, my name is Ada. And that is all.", cuts)
    assert "".join(stream.feed(part) for part in parts) == ""
    assert stream.finish() == "hello, my [gone] is Ada. And that is all."
    assert stream.decision.action is GuardAction.REDACT


def test_a_check_that_crashes_on_the_stream_fails_as_declared() -> None:
    closed = Guard([placed(CrashingCheck())])
    out, stream = shown(closed, ["some text"])
    assert (out, stream.blocked) == ("", True)
    check = WordCheck("x", windowed=True)
    check.inspect = CrashingCheck().inspect  # type: ignore[method-assign]
    out, stream = shown(Guard([placed(check)]), ["one. two. ", "three"])
    assert (out, stream.blocked) == ("", True)
    out, stream = shown(Guard([placed(check, fail_closed=False)]), ["one. two. ", "three"])
    assert stream.decision.action is GuardAction.FLAG
    assert stream.decision.failures


def test_an_answer_over_the_limit_is_stopped() -> None:
    guard = Guard([placed(WordCheck("x", windowed=True))], maximum_characters=50)
    out, stream = shown(guard, ["aaaa bbbb. "] * 20)
    assert stream.blocked
    assert len(out) <= 50
