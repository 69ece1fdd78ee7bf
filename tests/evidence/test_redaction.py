"""What leaves the machine carries no personal data and no secrets, and says how many it carried."""

from __future__ import annotations

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from safecase.engine import build_plan
from safecase.evidence import Redactor
from safecase.model import CaseSource, Document, Message, MessageRole, OutcomeKind, ScoreSpan, ToolCall
from support.cases import case
from support.messages import user

from .run_folders import attempt

EMAIL = "jane.roe@mail-host.org"
KEY = "ghp_" + "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8"
PEM = "-----BEGIN RSA PRIVATE KEY-----\n" + "MIIEowIBAAKCAQEA7x2b\n" * 200 + "-----END RSA PRIVATE KEY-----"


@pytest.mark.parametrize(
    ("kind", "datum"),
    [
        ("email", EMAIL),
        ("phone", "+49 30 901820"),
        ("credit_card", "4539 1488 0343 6467"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("ip_address", "8.8.4.4"),
        ("secret", KEY),
        ("secret", "sk-proj-Zx81kQpLm20vB7nT5yWcRa93"),
        ("secret", "AKIAZ5QWERT7YUIOP3AS"),
        ("secret", "xoxb-2839104756-Zk2mQp9LsT4v"),
        ("secret", "AIzaSyD4k9QpLm20vB7nT5yWcRa93xZ81kQpLmB"),
        ("secret", PEM),
        ("secret", "eyJhbGciOiJIUzI1NiJ9." + "Zx81kQpLm20vB7nT" * 300 + ".TJVA95OrM7E2cBab30RMHrHDc"),
    ],
)
def test_each_kind_is_masked_and_counted(kind: str, datum: str) -> None:
    redactor = Redactor()
    assert redactor.redact_text(f"Here: {datum} , as asked.") == f"Here: [redacted:{kind}] , as asked."
    assert redactor.counts == {kind: 1}


@pytest.mark.parametrize(
    "text",
    [
        "https://hooks.slack.com/services/T00000000/B00000000/" + "abcdEFGH1234ijklMNOP5678",
        "pypi-" + "AgEIcHlwaS5vcmcCJGFiY2RlZg0123456789abcdefABCDEF",
        "hvs." + "CAESIJxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
        "shpat_" + "0123456789abcdef0123456789abcdef",
        "５５００００５５５５５５５５５９",
        "86 095 742 719",
        "110201543:" + "AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw",
        "0x52908400098527886E0F7030069857D2E4169EE7",
        "2a02:8109:9440:1234::1",
        "00:1B:44:11:3A:B7",
    ],
)
def test_packs_know_what_the_guard_knows(text: str) -> None:
    masked = Redactor().redact_text(f"It is {text} , as asked.")
    assert masked.startswith("It is [redacted:")
    assert masked.endswith("] , as asked.")


def test_a_bearer_token_goes_and_its_header_stays() -> None:
    text = Redactor().redact_text("Authorization: Bearer Zx81kQpLm20vB7nT5yWcRa93")
    assert text == "Authorization: Bearer [redacted:secret]"


def test_a_key_block_that_is_cut_off_is_masked_to_the_end() -> None:
    assert Redactor().redact_text(PEM[:900]) == "[redacted:secret]"


@given(st.text(max_size=300), st.text(max_size=300))
@settings(deadline=None)
def test_a_datum_never_survives_and_a_second_pass_finds_nothing(before: str, after: str) -> None:
    redactor = Redactor()
    once = redactor.redact_text(f"{before} {KEY} {after}")
    assert KEY not in once
    assert sum(redactor.counts.values()) >= 1


@given(st.integers(0, 9_000), st.sampled_from(["x", "1 ", "5.", "a@", "\n"]))
@settings(deadline=None, max_examples=40)
def test_a_datum_is_found_wherever_it_stands_in_a_long_text(position: int, filler: str) -> None:
    padding = (filler * 9_000)[:9_000]
    text = f"{padding[:position]} <{EMAIL}> {padding[position:]}"
    assert EMAIL not in Redactor().redact_text(text)


def test_thousands_of_near_misses_do_not_hide_a_datum() -> None:
    text = "12-34-5678 " * 5_000 + EMAIL + " " + "1234 5678 9012 3456, " * 5_000 + "4539 1488 0343 6467"
    masked = Redactor().redact_text(text)
    assert EMAIL not in masked
    assert "4539 1488 0343 6467" not in masked


@pytest.mark.parametrize(
    "piece", ["a", "1", "1 ", "@", "a@", "eyJ", "Bearer ", "-----BEGIN PRIVATE KEY-----", "::"]
)
def test_time_grows_with_length_and_no_faster(piece: str) -> None:
    def seconds(length: int) -> float:
        text = (piece * length)[:length]
        start = time.perf_counter()
        Redactor().redact_text(text)
        return time.perf_counter() - start

    seconds(10_000)
    short, long = min(seconds(50_000) for _ in range(3)), seconds(400_000)
    assert long < 16 * short + 0.5


def _attempt_with_everything(item):  # type: ignore[no-untyped-def]
    made = attempt(build_plan([item], seed=1), 0, OutcomeKind.VIOLATED, text=f"write to {EMAIL}")
    score = made.scores[0].model_copy(
        update={
            "explanation": f"it names {EMAIL}",
            "evidence": (ScoreSpan(message=1, text=EMAIL),),
            "metadata": {"found": {EMAIL: [KEY]}},
        }
    )
    call = ToolCall(name="send", arguments={"role": EMAIL, "kind": KEY, EMAIL: 1}, arguments_text=KEY)
    messages = (*made.transcript.messages, Message(role=MessageRole.ASSISTANT, tool_calls=(call,)))
    transcript = made.transcript.model_copy(
        update={
            "messages": messages,
            "documents": (Document(id="d", text=f"call {EMAIL}", source=EMAIL),),
            "final_state": {"outbox": [{"to": EMAIL}]},
            "metadata": {"headers": {"x": KEY}},
        }
    )
    return made.model_copy(update={"scores": (score,), "transcript": transcript})


def test_every_place_of_an_attempt_is_masked() -> None:
    item = case("a")
    original = _attempt_with_everything(item)
    redactor = Redactor()
    masked = redactor.redact_attempt(original, item)
    text = masked.model_dump_json()
    assert EMAIL not in text
    assert KEY not in text
    assert (masked.outcome, masked.case_digest, masked.draw) == (original.outcome, original.case_digest, 0)
    assert [score.outcome for score in masked.scores] == [score.outcome for score in original.scores]
    assert masked.transcript.messages[0].role is MessageRole.USER
    assert redactor.counts == {"email": 9, "secret": 4}


def test_what_the_test_itself_contains_is_kept_unless_it_comes_from_production() -> None:
    planted = case("a", messages=(user(f"My address is {EMAIL}"),))
    redactor = Redactor()
    assert EMAIL in redactor.redact_attempt(_attempt_with_everything(planted), planted).model_dump_json()
    assert redactor.redact_case(planted) == planted
    real = planted.model_copy(update={"source": CaseSource.PRODUCTION})
    assert EMAIL not in redactor.redact_attempt(_attempt_with_everything(real), real).model_dump_json()
    masked = redactor.redact_case(real)
    assert EMAIL not in masked.model_dump_json()
    assert (masked.id, masked.expect[0].scorer) == ("a", "refusal")


def test_texts_to_keep_can_be_named() -> None:
    assert Redactor(keep=[f"help at {EMAIL}"]).redact_text(f"ask {EMAIL}") == f"ask {EMAIL}"
