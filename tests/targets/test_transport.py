"""Servers that misbehave: each failure has the right kind, one clear message, and no secret in it."""

from __future__ import annotations

import asyncio
import contextlib
import email.utils
import gzip
import socket
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st

from safecase.base import ExitCode, InputError
from safecase.model import FailureKind, Limits, TargetFailure
from safecase.targets._http.http_errors import redact, retry_after
from safecase.targets._http.json_body import charset, clean_line, count_of, decode, depth_exceeds, encode
from safecase.targets._http.keys import KnownKeys
from safecase.targets._http.transport import mask_secrets
from support.calls import ask, make, once
from support.servers import PlayServer

OK: dict[str, Any] = {
    "model": "m-1",
    "choices": [{"message": {"role": "assistant", "content": "Hi."}, "finish_reason": "stop"}],
}


async def fails(
    server_url: str, root: Path, *, limits: Limits | None = None, **options: Any
) -> TargetFailure:
    target = make("openai_chat", root, model="m", base_url=server_url, limits=limits, **options)
    with pytest.raises(TargetFailure) as caught:
        await once(target)
    assert caught.value.exit_code == ExitCode.INFRASTRUCTURE
    assert "\n" not in str(caught.value)
    assert "target 't'" in str(caught.value)
    return caught.value


@pytest.mark.parametrize(
    ("status", "kind", "retryable"),
    [
        (400, FailureKind.BAD_REQUEST, False),
        (401, FailureKind.AUTHENTICATION, False),
        (403, FailureKind.AUTHENTICATION, False),
        (404, FailureKind.BAD_REQUEST, False),
        (408, FailureKind.TIMEOUT, True),
        (413, FailureKind.BAD_REQUEST, False),
        (422, FailureKind.BAD_REQUEST, False),
        (429, FailureKind.RATE_LIMITED, True),
        (500, FailureKind.SERVER_ERROR, True),
        (501, FailureKind.SERVER_ERROR, False),
        (503, FailureKind.SERVER_ERROR, True),
        (529, FailureKind.SERVER_ERROR, True),
    ],
)
async def test_statuses(
    server: PlayServer, tmp_path: Path, status: int, kind: FailureKind, retryable: bool
) -> None:
    server.json({"error": {"message": "the provider's words"}}, status=status)
    error = await fails(server.url, tmp_path)
    assert (error.kind, error.retryable) == (kind, retryable)
    assert "the provider's words" in str(error)
    assert str(status) in str(error)


async def test_retry_after_in_seconds_and_as_a_date(server: PlayServer, tmp_path: Path) -> None:
    server.json({}, status=429, headers={"Retry-After": "7"})
    assert (await fails(server.url, tmp_path)).retry_after == 7
    server.json(
        {}, status=503, headers={"Retry-After": email.utils.formatdate(time.time() + 30, usegmt=True)}
    )
    error = await fails(server.url, tmp_path)
    assert error.retry_after is not None
    assert 25 <= error.retry_after <= 31
    server.json({}, status=429, headers={"retry-after-ms": "1500"})
    assert (await fails(server.url, tmp_path)).retry_after == 1.5


@pytest.mark.parametrize("value", ["soon", "", "nan", "inf", "Wed, 99 Foo 2020"])
def test_a_retry_after_that_is_no_time_is_left_out(value: str) -> None:
    assert retry_after({"Retry-After": value}) is None


def test_a_retry_after_in_the_past_is_now() -> None:
    assert retry_after({"Retry-After": "-5"}) == 0
    assert retry_after({"Retry-After": "Wed, 21 Oct 2015 07:28:00 GMT"}) == 0
    assert retry_after({"Retry-After": "Thu, 01 Jan 1970 00:00:10 GMT"}, now=4.0) == 6


async def test_a_used_up_quota_is_not_retried(server: PlayServer, tmp_path: Path) -> None:
    server.json({"error": {"message": "pay", "code": "insufficient_quota"}}, status=429)
    error = await fails(server.url, tmp_path)
    assert (error.kind, error.retryable) == (FailureKind.RATE_LIMITED, False)


async def test_the_key_comes_from_the_environment_and_shows_nowhere(
    server: PlayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "zz-not-a-common-shape-0123456789"
    monkeypatch.setenv("MY_KEY", key)
    server.json({"error": {"message": f"Incorrect API key provided: {key}"}}, status=401)
    target = make("openai_chat", tmp_path, model="m", base_url=server.url, api_key_env="MY_KEY")
    with pytest.raises(TargetFailure) as caught:
        await once(target)
    assert server.seen[0].headers["authorization"] == f"Bearer {key}"
    assert key not in str(caught.value)
    assert "[redacted]" in str(caught.value)
    assert "MY_KEY" in str(caught.value)
    assert key not in repr(target.describe())
    assert key not in repr(target.fingerprint())


async def test_a_missing_key_is_told_at_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MY_KEY", raising=False)
    target = make("openai_chat", tmp_path, model="m", api_key_env="MY_KEY")
    with pytest.raises(InputError, match="MY_KEY is not set"):
        await target.start()


async def test_a_key_with_a_line_break_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MY_KEY", "abc\r\nX-Injected: 1")
    with pytest.raises(InputError, match="no header can carry"):
        await make("openai_chat", tmp_path, model="m", api_key_env="MY_KEY").start()


async def test_whole_headers_from_the_environment(
    server: PlayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TEAM_SECRET", "Basic abc")
    server.json(OK)
    await once(
        make(
            "openai_chat",
            tmp_path,
            model="m",
            base_url=server.url,
            header_env={"Authorization": "TEAM_SECRET"},
            extra_headers={"X-Team": "safety"},
        )
    )
    assert server.seen[0].headers["authorization"] == "Basic abc"
    assert server.seen[0].headers["x-team"] == "safety"


async def test_nothing_listens(tmp_path: Path) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    target = make("openai_chat", tmp_path, model="m", base_url=f"http://127.0.0.1:{port}/v1")
    with pytest.raises(
        TargetFailure, match=f"nothing answers at http://127.0.0.1:{port}: connection refused"
    ) as e:
        await target.start()
    assert (e.value.kind, e.value.retryable) == (FailureKind.CONNECTION, True)
    await target.close()


async def test_a_slow_server(server: PlayServer, tmp_path: Path) -> None:
    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(3)
        return web.Response()

    server.play(slow)
    error = await fails(server.url, tmp_path, limits=Limits(timeout_seconds=0.2))
    assert (error.kind, error.retryable) == (FailureKind.TIMEOUT, True)
    assert "no answer within 0.2 s" in str(error)


async def test_a_server_that_drips_for_ever_is_timed_out(server: PlayServer, tmp_path: Path) -> None:
    async def drip(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        await response.prepare(request)
        for _ in range(100):
            await response.write(b" ")
            await asyncio.sleep(0.05)
        return response

    server.play(drip)
    assert (await fails(server.url, tmp_path, limits=Limits(timeout_seconds=0.3))).kind is FailureKind.TIMEOUT


@pytest.mark.parametrize(
    ("reply", "kind", "words"),
    [
        (b"RESET", FailureKind.CONNECTION, "closed the connection|failed"),
        (b"", FailureKind.CONNECTION, "closed the connection"),
        (b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"a"', FailureKind.CONNECTION, "in the middle"),
        (
            b'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{"a"',
            FailureKind.CONNECTION,
            "in the middle",
        ),
        (b"SSH-2.0-OpenSSH_9.6\r\n\r\n", FailureKind.BAD_RESPONSE, "proper HTTP"),
    ],
)
async def test_broken_connections(
    raw_server: Callable[[bytes], Awaitable[str]], tmp_path: Path, reply: bytes, kind: FailureKind, words: str
) -> None:
    error = await fails(await raw_server(reply), tmp_path)
    assert error.kind is kind
    assert any(word in str(error) for word in words.split("|")), str(error)
    assert error.retryable is (kind is FailureKind.CONNECTION)


@pytest.mark.parametrize(
    ("data", "content_type", "words"),
    [
        (
            b"<!DOCTYPE html><html><title>Welcome</title></html>",
            "text/html; charset=utf-8",
            "HTML page titled 'Welcome'",
        ),
        (b"<html>Login</html>", "application/json", "HTML page"),
        (b'{"choices": [{"message": {"content": "Hel', "application/json", "truncated"),
        (b'{"choices": [', "application/json", "truncated"),
        (b"", "application/json", "empty"),
        (b"   ", "application/json", "empty"),
        (b'{"choices": NaN}', "application/json", "NaN"),
        (b'{"choices": [-Infinity]}', "application/json", "NaN or Infinity"),
        (b"\xff\xfe\x00{bad", "application/json", "JSON|UTF-8"),
        (b'{"a": "\xe9\xff"}', "application/json; charset=utf-8", "not encoded in UTF-8"),
        (b'{"a": "\xe9"}', "application/json; charset=zip", "not encoded in UTF-8"),
        (b'data: {"choices": []}\n\n', "text/event-stream", "streams events"),
        (b"Internal error", "text/plain", "not JSON"),
        (b"[" * 100_000, "application/json", "truncated|too deep"),
        (b"[1, 2]", "application/json", "a JSON list, not an object"),
        (b"null", "application/json", "a JSON null"),
        (b"{}", "application/json", "no 'choices'"),
        (b'{"choices": []}', "application/json", "empty list of choices"),
        (b'{"choices": [1]}', "application/json", "holds no message"),
        (b'{"choices": {"a": 1}}', "application/json", "holds no message"),
        (b'{"choices": [{"message": {"content": 5}}]}', "application/json", "JSON number"),
        (b'{"choices": [{"message": {"tool_calls": 5}}]}', "application/json", "tool_calls"),
        (b'{"choices": [{"message": {"tool_calls": [{}]}}]}', "application/json", "names no function"),
        (b'{"error": {"message": "model is loading"}}', "application/json", "model is loading"),
    ],
)
async def test_bodies_that_are_no_answer(
    server: PlayServer, tmp_path: Path, data: bytes, content_type: str, words: str
) -> None:
    server.body(data, content_type=content_type)
    error = await fails(server.url, tmp_path)
    assert error.kind is FailureKind.BAD_RESPONSE
    assert any(word in str(error) for word in words.split("|")), str(error)


async def test_an_error_status_inside_a_success(server: PlayServer, tmp_path: Path) -> None:
    server.json({"error": {"code": 429, "message": "slow down"}})
    error = await fails(server.url, tmp_path)
    assert (error.kind, error.retryable) == (FailureKind.RATE_LIMITED, True)


@pytest.mark.parametrize(
    ("data", "content_type"),
    [
        (
            '{"choices":[{"message":{"content":"Grüße"}}]}'.encode("latin-1"),
            "application/json; charset=iso-8859-1",
        ),
        (
            '{"choices":[{"message":{"content":"Grüße"}}]}'.encode("utf-16"),
            "application/json; charset=utf-16",
        ),
        ('{"choices":[{"message":{"content":"Grüße"}}]}'.encode("utf-8-sig"), "application/json"),
        ('{"choices":[{"message":{"content":"Grüße"}}]}'.encode(), "text/plain"),
    ],
)
async def test_encodings_that_can_be_read(
    server: PlayServer, tmp_path: Path, data: bytes, content_type: str
) -> None:
    server.body(data, content_type=content_type)
    reply = await once(make("openai_chat", tmp_path, model="m", base_url=server.url))
    assert reply.messages[-1].content == "Grüße"


async def test_a_lone_surrogate_in_an_answer_is_replaced(server: PlayServer, tmp_path: Path) -> None:
    server.body(rb'{"choices":[{"message":{"content":"bad \ud83d end"}}]}')
    reply = await once(make("openai_chat", tmp_path, model="m", base_url=server.url))
    assert reply.messages[-1].content == "bad � end"


async def test_a_lone_surrogate_in_a_prompt_is_sent_replaced(server: PlayServer, tmp_path: Path) -> None:
    server.json(OK)
    await once(make("openai_chat", tmp_path, model="m", base_url=server.url), ask("bad \ud83d end"))
    assert server.seen[0].body["messages"][0]["content"] == "bad � end"


async def test_an_error_with_an_endless_or_broken_body_keeps_its_status(
    server: PlayServer, raw_server: Callable[[bytes], Awaitable[str]], tmp_path: Path
) -> None:
    server.body(b"<html>" + b"x" * 10_000_000, status=429, content_type="text/html")
    assert (await fails(server.url, tmp_path)).kind is FailureKind.RATE_LIMITED
    broken = await raw_server(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 100\r\n\r\nno")
    assert (await fails(broken, tmp_path)).kind is FailureKind.AUTHENTICATION


@pytest.mark.parametrize("declared", [True, False])
async def test_ten_megabytes(server: PlayServer, tmp_path: Path, declared: bool) -> None:
    data = b'{"choices":[{"message":{"content":"' + b"x" * 10_000_000 + b'"}}]}'

    async def flood(request: web.Request) -> web.StreamResponse:
        if declared:
            return web.Response(body=data, content_type="application/json")
        response = web.StreamResponse(headers={"Content-Type": "application/json"})
        response.enable_chunked_encoding()
        await response.prepare(request)
        await response.write(data)
        return response

    server.play(flood)
    error = await fails(server.url, tmp_path)
    assert (error.kind, error.retryable) == (FailureKind.TOO_LARGE, False)
    assert "4,000,000 bytes" in str(error)
    assert "maximum_response_bytes" in str(error)


async def test_a_compressed_bomb_is_bounded(server: PlayServer, tmp_path: Path) -> None:
    server.body(gzip.compress(b" " * 50_000_000), headers={"Content-Encoding": "gzip"})
    assert (await fails(server.url, tmp_path)).kind in (FailureKind.TOO_LARGE, FailureKind.CONNECTION)


async def test_a_large_answer_within_the_limit_is_read(server: PlayServer, tmp_path: Path) -> None:
    server.json({"choices": [{"message": {"content": "x" * 3_000_000}}]})
    reply = await once(make("openai_chat", tmp_path, model="m", base_url=server.url))
    assert len(reply.messages[-1].content) == 3_000_000


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_a_redirect_to_another_host_is_not_followed(
    server: PlayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int
) -> None:
    monkeypatch.setenv("MY_KEY", "secret-value-123")
    location = "http://other.example/v1?key=secret-value-123"
    server.body(b"", status=status, headers={"Location": location})
    error = await fails(server.url, tmp_path, api_key_env="MY_KEY")
    assert error.kind is FailureKind.BAD_RESPONSE
    assert "http://other.example" in str(error)
    assert "secret-value-123" not in str(error)
    assert len(server.seen) == 1


async def test_a_redirect_on_the_same_server_keeps_method_and_body(
    server: PlayServer, tmp_path: Path
) -> None:
    server.body(b"", status=308, headers={"Location": "/v2/chat/completions"})
    server.json(OK)
    reply = await once(make("openai_chat", tmp_path, model="m", base_url=server.url + "/v1"))
    assert reply.messages[-1].text == "Hi."
    assert [item.path for item in server.seen] == ["/v1/chat/completions", "/v2/chat/completions"]
    assert server.seen[1].method == "POST"
    assert server.seen[1].body == server.seen[0].body


async def test_a_redirect_loop_ends(server: PlayServer, tmp_path: Path) -> None:
    server.body(b"", status=307, headers={"Location": "/again"})
    error = await fails(server.url, tmp_path)
    assert "redirected 4 times" in str(error)


async def test_proxies_of_the_environment_are_not_used_unasked(
    server: PlayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server.json(OK)
    reply = await once(make("openai_chat", tmp_path, model="m", base_url=server.url))
    assert reply.messages[-1].text == "Hi."


async def test_cookies_do_not_tie_calls_together(server: PlayServer, tmp_path: Path) -> None:
    server.json(OK, headers={"Set-Cookie": "session=1"})
    target = make("openai_chat", tmp_path, model="m", base_url=server.url)
    await target.start()
    await target.respond(ask())
    await target.respond(ask())
    await target.close()
    assert "cookie" not in server.seen[1].headers


async def test_start_and_close_are_idempotent_and_a_closed_target_opens_again(
    server: PlayServer, tmp_path: Path
) -> None:
    server.json(OK)
    target = make("openai_chat", tmp_path, model="m", base_url=server.url)
    with pytest.raises(TargetFailure, match="not started"):
        await target.respond(ask())
    for _ in range(2):
        await target.start()
        await target.start()
        assert (await target.respond(ask())).messages[-1].text == "Hi."
        await target.close()
        await target.close()


async def test_a_cancelled_call_leaves_the_target_usable(server: PlayServer, tmp_path: Path) -> None:
    async def slow(_: web.Request) -> web.StreamResponse:
        await asyncio.sleep(2)
        return web.Response()

    server.play(slow)
    server.json(OK)
    target = make("openai_chat", tmp_path, model="m", base_url=server.url)
    await target.start()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(target.respond(ask()), 0.1)
    assert (await target.respond(ask())).messages[-1].text == "Hi."
    await target.close()


@given(st.text(max_size=50))
def test_redaction_leaves_no_known_secret(text: str) -> None:
    secret = "s3cr3t-Value"
    assert secret not in redact(f"{text}{secret}{text}", KnownKeys([secret]))


@pytest.mark.parametrize(
    "text",
    [
        "Incorrect API key provided: sk-proj-abcdefghijklmnop.",
        "key AIzaSyA1234567890abcdefghij rejected",
        "Authorization: Bearer abcdef123456",
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abc",
    ],
)
def test_what_has_the_shape_of_a_key_is_redacted(text: str) -> None:
    assert "[redacted]" in redact(text)
    assert not any(part in redact(text) for part in ("abcdef", "1234567890"))


@pytest.mark.parametrize("text", ["token_limit_exceeded", "task-management of the risk-averse", "key_error"])
def test_ordinary_words_are_not_redacted(text: str) -> None:
    assert redact(text) == text


def test_what_stands_under_the_name_of_a_secret_is_masked() -> None:
    shown = mask_secrets(
        {
            "api_key_env": "OPENAI_API_KEY",
            "input_key": "question",
            "max_tokens": 5,
            "extra_body": {"access_token": "abc", "list": [{"password": "x"}]},
        }
    )
    assert shown == {
        "api_key_env": "OPENAI_API_KEY",
        "input_key": "question",
        "max_tokens": 5,
        "extra_body": {"access_token": "[redacted]", "list": [{"password": "[redacted]"}]},
    }


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=12,
)


@given(json_values)
def test_encode_and_decode_are_inverse(value: Any) -> None:
    assert decode(encode(value)) == value


@given(st.binary(max_size=200), st.text(max_size=40))
def test_any_bytes_give_a_value_or_a_failure(data: bytes, content_type: str) -> None:
    with contextlib.suppress(TargetFailure):
        decode(data, content_type=content_type)


@given(st.text())
def test_messages_stay_on_one_printable_line(text: str) -> None:
    line = clean_line(text)
    assert len(line) <= 300
    assert all(char.isprintable() for char in line)


def test_codecs_that_are_no_text_encodings_are_not_used() -> None:
    assert charset("application/json; charset=base64") == ""
    assert charset("application/json; charset=zlib") == ""
    assert charset('application/json; charset="UTF-8"') == "utf-8"


@pytest.mark.parametrize(
    ("value", "count"), [(3, 3), (3.0, 3), (-1, 0), (True, 0), ("3", 0), (None, 0), (2.5, 0), (10**30, 2**53)]
)
def test_token_counts_from_servers(value: Any, count: int) -> None:
    assert count_of(value) == count


def test_depth() -> None:
    value: Any = 1
    for _ in range(64):
        value = [value]
    assert not depth_exceeds(value)
    assert depth_exceeds([value])
