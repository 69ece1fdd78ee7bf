"""Personal data and secrets: found, replaced, restored; never a part of one across the pieces of a stream."""

from __future__ import annotations

import base64
import logging
import time
from types import SimpleNamespace

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from safecase.base import InputError
from safecase.guard import Check, Content, OutputStream, guard_from_mapping
from safecase.guard.personal_data._logs import RedactingFilter
from safecase.guard.personal_data._presidio import PresidioCheck
from safecase.guard.personal_data._vault import Vault, Vaults
from safecase.guard.personal_data.pii import PersonalDataCheck, PersonalDataParameters
from safecase.model import FlowPoint, GuardAction
from support.personal_data import PERSONAL_DATA as EXAMPLES
from support.personal_data import SECRETS as SECRET_EXAMPLES


def guarded(**parameters: object) -> Check:
    return PersonalDataCheck(PersonalDataParameters.model_validate(parameters), secrets=False)


def redacted(text: str, **parameters: object) -> str:
    guard = guard_from_mapping({"pii": {"check": "pii", "parameters": parameters}})
    return guard.check_output(text, session="s").text


def test_each_action_does_what_it_says(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "Write to ada@x.example please"
    assert redacted(text) == "Write to [EMAIL] please"
    assert redacted(text, action="drop") == "Write to  please"
    assert redacted(text, action="keep") == text
    assert redacted(text, action="block") == ""
    monkeypatch.setenv("SAFECASE_HASH_KEY", "k")
    one, two = redacted(text, action="hash"), redacted(text + " or bob@x.example", action="hash")
    assert one[9:29] == two[9:29]
    assert "ada" not in one
    monkeypatch.setenv("SAFECASE_HASH_KEY", "other")
    assert redacted(text, action="hash") != one
    monkeypatch.delenv("SAFECASE_HASH_KEY")
    with pytest.raises(InputError, match="SAFECASE_HASH_KEY"):
        redacted(text, action="hash")
    flagging = guard_from_mapping({"p": {"check": "pii", "parameters": {"actions": {"email": "flag"}}}})
    decision = flagging.check_output(f"{text} 536-22-8765")
    assert decision.action is GuardAction.FLAG
    assert decision.text == f"{text} [US_SSN]"
    assert "536" not in str(decision.to_json())


def test_hidden_personal_data_are_found() -> None:
    for hidden in (
        "ada\u200b@x.example",
        "\uff14\uff11\uff11\uff11 \uff11\uff11\uff11\uff11 \uff11\uff11\uff11\uff11 \uff11\uff11\uff11\uff11",
        base64.b64encode(b"her mail is ada@x.example").decode(),
    ):
        out = redacted(f"look: {hidden} ok")
        assert hidden not in out
        assert out.startswith("look: ")
        assert out.endswith(" ok")


def test_the_answer_is_made_personal_again_in_its_session_only() -> None:
    guard = guard_from_mapping({"pii": {"check": "pii", "parameters": {"action": "tokenise"}}})
    seen = guard.check_input("I am ada@x.example, not bob@x.example, ada@x.example", session="one").text
    assert "ada@" not in seen
    token = seen.split()[2].rstrip(",")
    assert seen.count(token) == 2
    assert guard.restore(f"Hello {token}", "one") == "Hello ada@x.example"
    assert guard.restore(f"Hello {token}", "two") == f"Hello {token}"
    other = guard.check_input("I am eve@x.example", session="two").text
    assert guard.restore("<EMAIL_1_aaaaaaaa>", "one") == "<EMAIL_1_aaaaaaaa>"
    assert guard.restore(other, "one") == other


def test_vaults_are_bounded_in_time_and_number() -> None:
    now = [0.0]
    vaults = Vaults(maximum_sessions=2, seconds=10, clock=lambda: now[0])
    token = vaults.of("a").token("email", "x@y.example")
    assert vaults.restore("a", token) == "x@y.example"
    now[0] = 11.0
    assert vaults.restore("a", token) == token
    for name in "bcd":
        vaults.of(name).token("email", name)
    assert len(vaults._vaults) == 2
    full = Vault(maximum_values=1)
    full.token("email", "one")
    spare = full.token("email", "two")
    assert full.restore(spare) == spare


WORD = st.sampled_from(
    [
        "the",
        "order",
        "came",
        "late,",
        "Oslo",
        "and",
        "then",
        "3",
        "42",
        "2019",
        "(see",
        "note)",
        "a.b",
        "x@",
        "\n",
        "é",
    ]
)
PLANTED = st.sampled_from([*EXAMPLES.values(), "call me: 452 7781", *SECRET_EXAMPLES.values()])


@settings(max_examples=120, deadline=None)
@example(["+44 20 7946 0958", "4111 1111 1111 1111"], [1])
@example(["+44 20 7946 0958", "3"], [1])
@given(
    st.lists(st.one_of(WORD, WORD, WORD, PLANTED), min_size=1, max_size=120),
    st.lists(st.integers(1, 60), min_size=1, max_size=40),
)
def test_no_part_of_an_entity_leaves_wherever_the_pieces_are_cut(parts: list[str], sizes: list[int]) -> None:
    text = " ".join(parts)
    guard = guard_from_mapping({"pii": "pii", "secrets": "secrets"})
    whole_personal = guard_from_mapping({"pii": {"check": "pii", "parameters": {"encoded": "ignore"}}})
    whole_secrets = guard_from_mapping({"s": {"check": "secrets", "parameters": {"encoded": "ignore"}}})
    expected = whole_secrets.check_output(whole_personal.check_output(text).text).text
    stream = OutputStream(guard)
    out, place, turn = [], 0, 0
    while place < len(text):
        size = sizes[turn % len(sizes)]
        out.append(stream.feed(text[place : place + size]))
        place, turn = place + size, turn + 1
    out.append(stream.finish())
    assert "".join(out) == expected
    for value in (*EXAMPLES.values(), *SECRET_EXAMPLES.values()):
        assert value not in "".join(out)


def test_a_long_answer_flows_and_holds_back_little() -> None:
    stream = OutputStream(guard_from_mapping({"pii": "pii"}))
    shown = 0
    for index in range(400):
        shown += len(stream.feed("some plain words that flow along "))
        assert (index + 1) * 33 - shown <= 900
    stream.finish()


def test_an_endless_run_is_replaced_as_a_whole() -> None:
    stream = OutputStream(guard_from_mapping({"pii": "pii"}))
    out = "".join(stream.feed("4111-") for _ in range(8000)) + stream.finish()
    assert "[REDACTED]" in out
    assert len(out) < 14_000


HOSTILE = (
    "1" * 40_000, "1 " * 50_000, "a@" * 50_000, "+49 " * 25_000, "a.b@c" * 20_000, "sk-" * 40_000,
    "-----BEGIN PRIVATE KEY-----" * 10_000, "://a:" * 20_000, "12:" * 40_000, "0x" * 50_000,
    "password is " * 25_000,
)  # fmt: skip


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_work_is_bounded(text: str) -> None:
    check = guarded()
    secrets = PersonalDataCheck(PersonalDataParameters(), secrets=True)

    def seconds(part: str) -> float:
        started = time.process_time()
        check.inspect(Content(FlowPoint.MODEL_OUTPUT, part))
        secrets.inspect(Content(FlowPoint.MODEL_OUTPUT, part))
        return time.process_time() - started

    quarter = seconds(text[: len(text) // 4])
    assert seconds(text) < 16 * max(quarter, 0.1)


@given(st.text(max_size=300))
def test_any_text_can_be_read(text: str) -> None:
    guarded().inspect(Content(FlowPoint.USER_INPUT, text.replace("\ud800", "")))


def test_log_records_are_redacted_before_they_are_written(caplog: pytest.LogCaptureFixture) -> None:
    logger = logging.getLogger("tests.pii")
    caplog.handler.addFilter(RedactingFilter())
    try:
        logger.error("user %s failed with %d", "ada@x.example", 7)
        try:
            raise ValueError("card 4111 1111 1111 1111")
        except ValueError:
            logger.exception("it failed")
    finally:
        caplog.handler.filters.clear()
    assert "user [EMAIL] failed with 7" in caplog.text
    assert "4111 1111" not in caplog.text
    assert "ValueError" in caplog.text


class FakeAnalyzer:
    def analyze(self, *, text: str, language: str, entities: list[str]) -> list[object]:
        place = text.find("Ada")
        found = SimpleNamespace(entity_type="PERSON", score=0.85, start=place, end=place + 3)
        return [found] if place >= 0 else []


def test_names_come_from_an_analyzer_of_the_hosts_choice() -> None:
    check = PresidioCheck(FakeAnalyzer())
    found = check.inspect(Content(FlowPoint.MODEL_OUTPUT, "Dear Ada, hello"))
    assert found.replacements[0].text == "[PERSON]"
    assert check.inspect(Content(FlowPoint.MODEL_OUTPUT, "hello")).action is GuardAction.ALLOW
