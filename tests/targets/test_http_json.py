"""Any JSON application: templates out, paths in, sessions between turns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safecase.base import InputError
from safecase.model import Document, FailureKind, Message, MessageRole, TargetFailure, TargetRequest, ToolCall
from support.calls import ask, make, once
from support.messages import user
from support.servers import PlayServer

FULL_RESPONSE = {
    "text": "data.answers[0].text",
    "tool_calls": {"path": "data.calls", "name": "tool", "arguments": "with", "id": "ref"},
    "documents": {"path": "data.sources", "id": "uri", "text": "snippet", "title": "meta.title"},
    "final_state": "data.state",
    "model": "data.engine",
    "finish_reason": "data.why",
    "input_tokens": "data.tokens.in",
    "output_tokens": "data.tokens.out",
    "error": "failure",
}


async def test_request_and_response(server: PlayServer, tmp_path: Path) -> None:
    server.json(
        {
            "failure": None,
            "data": {
                "answers": [{"text": "Rain."}],
                "calls": [
                    {"tool": "weather", "with": {"city": "Ulm"}, "ref": "1"},
                    {"tool": "log", "with": "{bad"},
                ],
                "sources": [
                    {"uri": "kb-1", "snippet": "It rains.", "meta": {"title": "Weather"}},
                    "bare text",
                ],
                "state": {"asked": 1},
                "engine": "shop-7",
                "why": "done",
                "tokens": {"in": 3, "out": 4},
            },
        }
    )
    target = make(
        "http_json",
        tmp_path,
        url=server.url + "/api/chat",
        body={
            "q": "${prompt}",
            "history": "${messages}",
            "session": "conv-${conversation_id}",
            "opts": {"seed": "${seed}", "turn": "${turn}", "system": "${system}", "docs": "${documents}"},
        },
        query={"v": "2", "seed": "${seed}"},
        extra_headers={"X-App": "shop"},
        response=FULL_RESPONSE,
    )
    request = TargetRequest(
        messages=(
            Message(role=MessageRole.SYSTEM, content="Be kind."),
            user('Weather?", "admin": true'),
        ),
        documents=(Document(id="d", text="t"),),
        conversation_id="c9",
        seed=11,
    )
    reply = await once(target, request)
    seen = server.seen[0]
    assert (seen.method, seen.path, seen.query) == ("POST", "/api/chat", {"v": "2", "seed": "11"})
    assert seen.headers["x-app"] == "shop"
    assert seen.body == {
        "q": 'Weather?", "admin": true',
        "history": [
            {"role": "system", "content": "Be kind."},
            {"role": "user", "content": 'Weather?", "admin": true'},
        ],
        "session": "conv-c9",
        "opts": {
            "seed": 11,
            "turn": 1,
            "system": "Be kind.",
            "docs": [{"id": "d", "text": "t", "title": "", "source": "", "trusted": False}],
        },
    }
    assert reply.messages == (
        Message(
            role=MessageRole.ASSISTANT,
            content="Rain.",
            tool_calls=(
                ToolCall(name="weather", arguments={"city": "Ulm"}, id="1"),
                ToolCall(name="log", arguments_text="{bad"),
            ),
        ),
    )
    assert reply.documents == (
        Document(id="kb-1", text="It rains.", title="Weather"),
        Document(id="document-2", text="bare text"),
    )
    assert reply.final_state == {"asked": 1}
    assert (reply.model, reply.finish_reason) == ("shop-7", "done")
    assert (reply.usage.input_tokens, reply.usage.output_tokens, reply.usage.calls) == (3, 4, 1)


async def test_documents_reach_an_application_whose_template_has_no_place_for_them(
    server: PlayServer, tmp_path: Path
) -> None:
    server.json({"a": "x"})
    options: dict[str, Any] = {"url": server.url, "body": {"q": "${prompt}"}, "response": {"text": "a"}}
    request = ask("hi", documents=(Document(id="d", text="planted"),), environment={"orders": []})
    reply = await once(make("http_json", tmp_path, **options), request)
    assert server.seen[0].body == {"q": '<document id="d">\nplanted\n</document>\n\nhi'}
    assert reply.metadata == {"environment_ignored": ["orders"]}
    await once(make("http_json", tmp_path, **options, documents="omit"), request)
    assert server.seen[1].body == {"q": "hi"}


async def test_get_with_a_query(server: PlayServer, tmp_path: Path) -> None:
    server.json({"a": "x"})
    target = make(
        "http_json", tmp_path, url=server.url, method="GET", query={"q": "${prompt}"}, response={"text": "a"}
    )
    await once(target, ask("a&b=c #?"))
    assert server.seen[0].method == "GET"
    assert server.seen[0].query == {"q": "a&b=c #?"}
    assert server.seen[0].body is None


async def test_sessions_and_cookies_belong_to_one_conversation(server: PlayServer, tmp_path: Path) -> None:
    server.json({"a": "1", "sid": "S1"}, headers={"Set-Cookie": "who=one; Path=/"})
    server.json({"a": "2", "sid": "S2"}, headers={"Set-Cookie": "who=two; Path=/"})
    server.json({"a": "3"})
    target = make(
        "http_json",
        tmp_path,
        url=server.url,
        body={"q": "${prompt}", "sid": "${session}"},
        response={"text": "a", "session": "sid"},
        cookies=True,
    )
    await target.start()
    for conversation in ("one", "two", "one", "two", "one"):
        await target.respond(ask(conversation_id=conversation))
    await target.close()
    assert [item.body["sid"] for item in server.seen] == [None, None, "S1", "S2", "S1"]
    assert [item.headers.get("cookie") for item in server.seen] == [
        None,
        None,
        "who=one",
        "who=two",
        "who=one",
    ]


async def test_messages_of_a_turn(server: PlayServer, tmp_path: Path) -> None:
    server.json(
        {
            "turn": [
                {"role": "assistant", "tool_calls": [{"name": "f", "args": {}}]},
                {"role": "tool", "content": "r", "name": "f"},
                {"role": "assistant", "content": "Done."},
            ]
        }
    )
    reply = await once(make("http_json", tmp_path, url=server.url, body={}, response={"messages": "turn"}))
    assert [item.role.value for item in reply.messages] == ["assistant", "tool", "assistant"]


@pytest.mark.parametrize(
    ("value", "text"),
    [({"a": 5}, "5"), ({"a": True}, "true"), ({"a": None}, ""), ({"a": ["x", "y"]}, "x\ny")],
)
async def test_answers_that_are_no_text(server: PlayServer, tmp_path: Path, value: Any, text: str) -> None:
    server.json(value)
    reply = await once(make("http_json", tmp_path, url=server.url, body={}, response={"text": "a"}))
    assert reply.messages[-1].text == text


@pytest.mark.parametrize(
    ("value", "response", "kind", "words"),
    [
        ({"b": 1}, {"text": "a"}, FailureKind.BAD_RESPONSE, "nothing at 'a'; its keys are b"),
        ([1], {"text": "a"}, FailureKind.BAD_RESPONSE, "it is a JSON list"),
        ({"a": "x", "f": "boom"}, {"text": "a", "error": "f"}, FailureKind.SERVER_ERROR, "boom"),
        ({"a": "x", "f": {"m": 1}}, {"text": "a", "error": "f"}, FailureKind.SERVER_ERROR, '{"m":1}'),
        ({"a": "x", "d": 5}, {"text": "a", "documents": {"path": "d"}}, FailureKind.BAD_RESPONSE, "no list"),
        (
            {"a": "x", "d": [{}]},
            {"text": "a", "documents": {"path": "d"}},
            FailureKind.BAD_RESPONSE,
            "no text",
        ),
        (
            {"a": "x", "d": [{}]},
            {"text": "a", "tool_calls": {"path": "d"}},
            FailureKind.BAD_RESPONSE,
            "no text",
        ),
        ({"m": []}, {"messages": "m"}, FailureKind.BAD_RESPONSE, "empty list"),
        ({"m": [{"role": "ghost"}]}, {"messages": "m"}, FailureKind.BAD_RESPONSE, "no known role"),
    ],
)
async def test_responses_that_do_not_fit(
    server: PlayServer, tmp_path: Path, value: Any, response: Any, kind: FailureKind, words: str
) -> None:
    server.json(value)
    with pytest.raises(TargetFailure) as caught:
        await once(make("http_json", tmp_path, url=server.url, body={}, response=response))
    assert caught.value.kind is kind
    assert words in str(caught.value)
    assert "target 't'" in str(caught.value)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"body": {"q": "${promt}"}}, "option 'body'.*did you mean 'prompt'"),
        ({"body": {"q": "${session}"}}, "response.session is not set"),
        ({"query": {"q": "x ${messages}"}}, "option 'query.q'.*must stand alone"),
        ({"method": "GET", "body": {}}, "a GET has no body"),
        ({"response": {}}, "needs the path of 'text'"),
        ({"response": {"text": "a..b"}}, "is no path"),
        ({"response": {"text": "a", "documents": {"path": "x", "text": "["}}}, "is no path"),
        ({"response": {"txt": "a"}}, "option 'response.txt'.*did you mean 'text'"),
        ({"extra_headers": {"X-Bad": "a\r\nb"}}, "line break"),
        ({"header_env": {"Authorization": "not a name"}}, "header_env"),
    ],
)
def test_options_that_cannot_be(tmp_path: Path, options: dict[str, Any], words: str) -> None:
    base: dict[str, Any] = {"url": "http://127.0.0.1:1", "response": {"text": "a"}}
    with pytest.raises(InputError, match=words):
        make("http_json", tmp_path, **{**base, **options})


async def test_the_key_is_in_its_header_and_nowhere_else(
    server: PlayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("APP_KEY", "very-secret-value")
    server.json({"a": "x"})
    target = make(
        "http_json",
        tmp_path,
        url=server.url,
        body={},
        response={"text": "a"},
        header_env={"X-Api-Key": "APP_KEY"},
    )
    await once(target)
    assert server.seen[0].headers["x-api-key"] == "very-secret-value"
    assert "very-secret" not in repr(target.describe()) + repr(target.fingerprint())
    monkeypatch.delenv("APP_KEY")
    with pytest.raises(InputError, match="APP_KEY is not set"):
        await target.start()
