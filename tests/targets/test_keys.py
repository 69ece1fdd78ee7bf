"""A key that comes back is masked before anybody else reads the answer, whatever shape it has by then."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from safecase.model import TargetFailure
from safecase.targets._http.keys import MASK, KnownKeys, environment_keys, query_keys
from support.calls import ask, make, once
from support.servers import PlayServer

KEY = "corp-live/8fj3kd93+jd02kd"
SHAPES: list[Callable[[str], str]] = [
    lambda key: key,
    lambda key: f"Bearer {key}",
    lambda key: key.upper(),
    lambda key: key[::-1],
    lambda key: quote(key, safe=""),
    lambda key: quote(quote(key, safe=""), safe=""),
    lambda key: json.dumps({"key": key}),
    lambda key: key.encode().hex(),
    lambda key: base64.b64encode(key.encode()).decode(),
    lambda key: base64.b64encode(f"Bearer {key}".encode()).decode(),
    lambda key: base64.b64encode(f"user:{key}".encode()).decode(),
    lambda key: base64.b64encode(f"me:{key}:x".encode()).decode(),
    lambda key: base64.urlsafe_b64encode(key.encode()).decode(),
]


def readable(text: str) -> bool:
    """Whether eight characters of the key, or of its Base64, stand in ``text``."""
    encoded = base64.b64encode(KEY.encode()).decode()[:24]
    known = (KEY, KEY.upper(), KEY[::-1], encoded, KEY.encode().hex())
    return any(whole[at : at + 8] in text for whole in known for at in range(len(whole) - 7))


@pytest.mark.parametrize("shape", SHAPES)
async def test_no_part_of_an_answer_holds_the_key_in_any_shape(
    server: PlayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, shape: Callable[[str], str]
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    said = f"I was called with {shape(KEY)}, thanks."
    call = {"id": "1", "type": "function", "function": {"name": "say", "arguments": json.dumps({"it": said})}}
    server.json(
        {
            "model": said,
            "choices": [
                {
                    "message": {
                        "role": "assistant",
                        "content": [{"type": "text", "text": said}],
                        "tool_calls": [call],
                    },
                    "finish_reason": said,
                }
            ],
        }
    )
    target = make("openai_chat", tmp_path, model="m", base_url=server.url, api_key_env="MY_KEY")
    reply = (await once(target)).model_dump_json()
    assert server.seen[0].headers["authorization"] == f"Bearer {KEY}"
    assert "I was called with" in reply
    assert not readable(reply)


@pytest.mark.parametrize("status", [200, 400, 401, 500])
async def test_no_error_holds_the_key_or_half_of_it(
    server: PlayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    # The message is cut to a line, and the cut lies inside of the key.
    for before in (0, 270, 280, 285, 290):
        server.answers.clear()
        server.position = 0
        server.json(
            {"error": {"message": f"{'x' * before} wrong key {KEY} given", "code": "no"}}, status=status
        )
        target = make("openai_chat", tmp_path, model="m", base_url=server.url, api_key_env="MY_KEY")
        with pytest.raises(TargetFailure) as caught:
            await once(target)
        assert not readable(str(caught.value))


async def test_a_key_in_the_address_and_in_a_cookie_is_known_too(
    server: PlayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MY_COOKIE", "session=a8f2kd93jd02; theme=dark")
    server.json({"text": "at /chat?key=Q7xT42mZ0 with a8f2kd93jd02"})
    target = make(
        "http_json",
        tmp_path,
        url=f"{server.url}/chat?key=Q7xT42mZ0",
        body={"q": "${prompt}"},
        header_env={"Cookie": "MY_COOKIE"},
        response={"text": "text"},
    )
    assert (await once(target)).messages[-1].text == f"at /chat?key={MASK} with {MASK}"


@given(st.integers(1, 40), st.integers(1, 40))
@example(5, 9)
def test_a_key_across_pieces_is_masked_and_the_rest_stays(first: int, second: int) -> None:
    text = f"before {KEY} behind"
    cuts = sorted({min(first, len(text)), min(second, len(text))})
    pieces = [text[: cuts[0]], text[cuts[0] : cuts[-1]], text[cuts[-1] :]]
    assert "".join(KnownKeys([KEY]).mask_pieces(pieces)) == f"before {MASK} behind"
    parts = [{"type": "text", "text": piece} for piece in pieces]
    assert "".join(part["text"] for part in KnownKeys([KEY]).mask(parts)) == f"before {MASK} behind"


@given(st.text(alphabet="abcdefXYZ0189+/=-_.~ ", min_size=0, max_size=40))
def test_what_holds_no_key_stays_as_it_is(text: str) -> None:
    assert KnownKeys(["Zq81vTn0-pLw55"]).mask({"a": [text, {"b": text}]}) == {"a": [text, {"b": text}]}


@pytest.mark.parametrize("word", ["EMPTY", "none", "test", "key"])
def test_a_word_that_servers_on_ones_own_machine_take_for_a_key_is_no_secret(word: str) -> None:
    assert KnownKeys([word]).mask_text(f"The box is {word}.") == f"The box is {word}."


def test_a_short_key_is_masked_as_a_word_of_its_own() -> None:
    assert KnownKeys(["a1b2c"]).mask_text("a1b2c, not xa1b2cx") == f"{MASK}, not xa1b2cx"


def test_structures_deeper_than_anybody_reads_are_masked_as_text() -> None:
    deep: object = KEY
    for _ in range(900):
        deep = [deep]
    assert not readable(json.dumps(KnownKeys([KEY]).mask(deep)))


def test_only_what_is_called_a_key_is_taken_from_addresses_and_the_environment() -> None:
    assert query_keys("https://h/p?api-version=2024-10-21&sig=Ab3dEf6h&subscription-key=k1") == (
        "Ab3dEf6h",
        "k1",
    )
    keys = environment_keys(
        {"MY_API_KEY": "k9f2mmw81qpz", "HOME": "/home/k9f2mmw81", "KEY": "production-key"}
    )
    assert keys.mask_text("k9f2mmw81qpz in /home/k9f2mmw81 production-key") == (
        f"{MASK} in /home/k9f2mmw81 production-key"
    )


async def test_code_that_tells_a_key_of_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SHOP_API_KEY", "k9f2mmw81qpz77")
    (tmp_path / "teller.py").write_text(
        "import os\n"
        "def answer(text):\n"
        "    key = os.environ['SHOP_API_KEY']\n"
        "    if text == 'crash':\n"
        "        raise RuntimeError(f'rejected {key}')\n"
        "    calls = [{'name': 'say', 'arguments': {'key': key}}]\n"
        "    return {'text': f'my key is {key}', 'tool_calls': calls}\n"
    )
    target = make("python_callable", tmp_path, callable="teller:answer")
    assert "k9f2mmw8" not in (await once(target)).model_dump_json()
    with pytest.raises(TargetFailure) as caught:
        await once(target, ask("crash"))
    assert "rejected" in str(caught.value)
    assert "k9f2mmw8" not in str(caught.value)
