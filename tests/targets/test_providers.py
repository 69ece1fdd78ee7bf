"""Responses, Anthropic and Gemini: what is sent and how answers in the providers' shapes are read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safecase.base import InputError
from safecase.model import (
    ContentPart,
    FailureKind,
    Message,
    MessageRole,
    TargetFailure,
    TargetRequest,
    ToolCall,
    ToolDefinition,
    Usage,
)
from support.calls import ask, make, once
from support.messages import user
from support.servers import PlayServer

SEARCH = ToolDefinition(
    name="search",
    description="Finds pages.",
    parameters={"type": "object", "properties": {"q": {"type": "string"}}},
)
HISTORY = TargetRequest(
    messages=(
        Message(role=MessageRole.SYSTEM, content="Be kind."),
        user("Find x and y"),
        Message(
            role=MessageRole.ASSISTANT,
            content="Looking.",
            tool_calls=(
                ToolCall(name="search", arguments={"q": "x"}, id="c1"),
                ToolCall(name="search", arguments={"q": "y"}, id="c2"),
            ),
        ),
        Message(role=MessageRole.TOOL, content="X!", tool_call_id="c1", name="search"),
        Message(role=MessageRole.TOOL, content="down", tool_call_id="c2", name="search", is_error=True),
        user("And?"),
    ),
    tools=(SEARCH, ToolDefinition(name="now")),
    seed=5,
)


def response(*output: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "resp_1",
        "object": "response",
        "status": "completed",
        "error": None,
        "incomplete_details": None,
        "model": "gpt-4.1-2025-04-14",
        "output": list(output),
        "usage": {
            "input_tokens": 36,
            "input_tokens_details": {"cached_tokens": 6},
            "output_tokens": 87,
            "output_tokens_details": {"reasoning_tokens": 0},
            "total_tokens": 123,
        },
        **more,
    }


def said(*content: dict[str, Any]) -> dict[str, Any]:
    return {
        "type": "message",
        "id": "msg_1",
        "status": "completed",
        "role": "assistant",
        "content": list(content),
    }


async def test_responses_request_and_answer(server: PlayServer, tmp_path: Path) -> None:
    server.json(
        response(
            {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Thinking."}]},
            said({"type": "output_text", "text": "Hello!", "annotations": []}),
            {
                "type": "function_call",
                "id": "fc",
                "call_id": "c3",
                "name": "search",
                "arguments": '{"q":"z"}',
            },
        )
    )
    reply = await once(
        make(
            "openai_responses", tmp_path, model="gpt-4.1", base_url=server.url + "/v1", max_output_tokens=50
        ),
        HISTORY,
    )
    assert server.seen[0].path == "/v1/responses"
    body = server.seen[0].body
    assert body["model"] == "gpt-4.1"
    assert body["max_output_tokens"] == 50
    assert body["store"] is False
    assert body["instructions"] == "Be kind."
    assert body["input"] == [
        {"role": "user", "content": "Find x and y"},
        {"role": "assistant", "content": "Looking."},
        {"type": "function_call", "call_id": "c1", "name": "search", "arguments": '{"q":"x"}'},
        {"type": "function_call", "call_id": "c2", "name": "search", "arguments": '{"q":"y"}'},
        {"type": "function_call_output", "call_id": "c1", "output": "X!"},
        {"type": "function_call_output", "call_id": "c2", "output": "down"},
        {"role": "user", "content": "And?"},
    ]
    assert body["tools"][0] == {
        "type": "function",
        "name": "search",
        "description": "Finds pages.",
        "parameters": SEARCH.parameters,
        "strict": False,
    }
    assert "seed" not in body
    assert reply.messages == (
        Message(
            role=MessageRole.ASSISTANT,
            content="Hello!",
            tool_calls=(ToolCall(name="search", arguments={"q": "z"}, id="c3"),),
        ),
    )
    assert reply.metadata == {"reasoning": "Thinking."}
    assert reply.finish_reason == "completed"
    assert reply.usage == Usage(input_tokens=36, output_tokens=87, cached_tokens=6, calls=1)


async def test_responses_refusals_blocks_and_failures(server: PlayServer, tmp_path: Path) -> None:
    server.json(response(said({"type": "refusal", "refusal": "I can't."})))
    server.json(response(said(), status="incomplete", incomplete_details={"reason": "content_filter"}))
    server.json(response(said(), status="incomplete", incomplete_details={"reason": "max_output_tokens"}))
    server.json(
        {
            "error": {
                "code": "invalid_prompt",
                "message": "Your prompt was flagged as violating our usage policy.",
            }
        },
        status=400,
    )
    server.json(response(status="failed", error={"code": "rate_limit_exceeded", "message": "slow"}))
    server.json(response(status="failed", error={"code": "server_error", "message": "oops"}))
    server.json({"choices": []})
    target = make("openai_responses", tmp_path, model="m", base_url=server.url)
    await target.start()
    refusal, filtered, cut, blocked = [await target.respond(ask()) for _ in range(4)]
    assert refusal.messages[-1].text == "I can't."
    assert refusal.metadata["refusal_field"] is True
    assert filtered.finish_reason == blocked.finish_reason == "content_filter"
    assert blocked.metadata["provider_code"] == "invalid_prompt"
    assert cut.finish_reason == "max_output_tokens"
    for kind, words in (
        (FailureKind.RATE_LIMITED, "slow"),
        (FailureKind.BAD_RESPONSE, "oops"),
        (FailureKind.BAD_RESPONSE, "no 'output'"),
    ):
        with pytest.raises(TargetFailure, match=words) as caught:
            await target.respond(ask())
        assert caught.value.kind is kind
    await target.close()


async def test_responses_tool_loop_sends_the_output_back(server: PlayServer, tmp_path: Path) -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "abc"}
    call = {"type": "function_call", "id": "fc", "call_id": "c1", "name": "search", "arguments": "{}"}
    server.json(response(reasoning, call), response(said({"type": "output_text", "text": "Done."})))
    target = make("openai_responses", tmp_path, model="m", base_url=server.url, tool_results={"search": "X!"})
    reply = await once(target)
    assert server.seen[1].body["input"][1:] == [
        reasoning,
        call,
        {"type": "function_call_output", "call_id": "c1", "output": "X!"},
    ]
    assert [item.role.value for item in reply.messages] == ["assistant", "tool", "assistant"]


def claude(*content: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "id": "msg_013Zva2CMHLNnXjNJJKqJ2EF",
        "type": "message",
        "role": "assistant",
        "model": "claude-sonnet-4-5-20250929",
        "content": list(content),
        "stop_reason": "end_turn",
        "stop_sequence": None,
        "usage": {
            "input_tokens": 100,
            "cache_creation_input_tokens": 20,
            "cache_read_input_tokens": 3,
            "output_tokens": 50,
        },
        **more,
    }


async def test_anthropic_request_and_answer(
    server: PlayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CLAUDE_KEY", "secret-key")
    server.json(
        claude(
            {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
            {"type": "text", "text": "Hello!"},
            {"type": "tool_use", "id": "toolu_1", "name": "search", "input": {"q": "z"}},
            stop_reason="tool_use",
        )
    )
    reply = await once(
        make(
            "anthropic_messages",
            tmp_path,
            model="claude-sonnet-4-5",
            base_url=server.url,
            max_tokens=200,
            temperature=0,
            api_key_env="CLAUDE_KEY",
        ),
        HISTORY,
    )
    seen = server.seen[0]
    assert seen.path == "/v1/messages"
    assert seen.headers["x-api-key"] == "secret-key"
    assert seen.headers["anthropic-version"] == "2023-06-01"
    assert seen.body == {
        "model": "claude-sonnet-4-5",
        "max_tokens": 200,
        "temperature": 0.0,
        "system": "Be kind.",
        "messages": [
            {"role": "user", "content": "Find x and y"},
            {
                "role": "assistant",
                "content": [
                    {"type": "text", "text": "Looking."},
                    {"type": "tool_use", "id": "c1", "name": "search", "input": {"q": "x"}},
                    {"type": "tool_use", "id": "c2", "name": "search", "input": {"q": "y"}},
                ],
            },
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": "c1", "content": "X!"},
                    {"type": "tool_result", "tool_use_id": "c2", "content": "down", "is_error": True},
                ],
            },
            {"role": "user", "content": "And?"},
        ],
        "tools": [
            {"name": "search", "description": "Finds pages.", "input_schema": SEARCH.parameters},
            {"name": "now", "input_schema": {"type": "object", "properties": {}}},
        ],
    }
    assert reply.messages[-1].text == "Hello!"
    assert reply.messages[-1].tool_calls == (ToolCall(name="search", arguments={"q": "z"}, id="toolu_1"),)
    assert reply.metadata == {"reasoning": "Hm."}
    assert reply.finish_reason == "tool_use"
    assert reply.usage == Usage(input_tokens=123, output_tokens=50, cached_tokens=3, calls=1)


async def test_anthropic_refusal_overload_and_other_bodies(server: PlayServer, tmp_path: Path) -> None:
    server.json(claude(stop_reason="refusal"))
    server.json({"type": "error", "error": {"type": "overloaded_error", "message": "Overloaded"}}, status=529)
    server.json({"choices": []})
    server.json(claude({"type": "tool_use", "input": {}}))
    target = make("anthropic_messages", tmp_path, model="m", base_url=server.url, max_tokens=10)
    await target.start()
    reply = await target.respond(ask())
    assert reply.finish_reason == "content_filter"
    assert reply.metadata["stop_reason"] == "refusal"
    with pytest.raises(TargetFailure, match="Overloaded") as caught:
        await target.respond(ask())
    assert (caught.value.kind, caught.value.retryable) == (FailureKind.SERVER_ERROR, True)
    with pytest.raises(TargetFailure, match="no 'content'"):
        await target.respond(ask())
    with pytest.raises(TargetFailure, match="names no tool"):
        await target.respond(ask())
    await target.close()


async def test_anthropic_tool_loop_keeps_thinking_blocks(server: PlayServer, tmp_path: Path) -> None:
    content = [
        {"type": "thinking", "thinking": "Hm.", "signature": "sig"},
        {"type": "tool_use", "id": "t1", "name": "search", "input": {}},
    ]
    server.json(claude(*content, stop_reason="tool_use"), claude({"type": "text", "text": "Done."}))
    target = make(
        "anthropic_messages",
        tmp_path,
        model="m",
        base_url=server.url,
        max_tokens=10,
        tool_results={"search": "X!"},
    )
    reply = await once(target)
    assert server.seen[1].body["messages"][1:] == [
        {"role": "assistant", "content": content},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t1", "content": "X!"}]},
    ]
    assert reply.messages[-1].text == "Done."


async def test_anthropic_images_and_what_it_does_not_take(server: PlayServer, tmp_path: Path) -> None:
    (tmp_path / "a.png").write_bytes(b"x")
    server.json(claude({"type": "text", "text": "x"}))
    target = make("anthropic_messages", tmp_path, model="m", base_url=server.url, max_tokens=10)
    parts = (ContentPart(text="Look"), ContentPart(type="image", uri="a.png"))
    await once(target, TargetRequest(messages=(user(parts),)))
    assert server.seen[0].body["messages"][0]["content"][1] == {
        "type": "image",
        "source": {"type": "base64", "media_type": "image/png", "data": "eA=="},
    }
    sound = (ContentPart(type="audio", uri="a.png"),)
    with pytest.raises(TargetFailure, match="takes no audio parts"):
        await once(target, TargetRequest(messages=(user(sound),)))


async def test_anthropic_documents_by_type(server: PlayServer, tmp_path: Path) -> None:
    server.json(claude({"type": "text", "text": "x"}))
    target = make("anthropic_messages", tmp_path, model="m", base_url=server.url, max_tokens=10)
    parts = (
        ContentPart(type="document", uri="data:application/pdf;base64,JVBERi0="),
        ContentPart(type="document", uri="data:text/html;base64,PHA+aGk8L3A+"),
    )
    await once(target, TargetRequest(messages=(user(parts),)))
    assert [part["source"] for part in server.seen[0].body["messages"][0]["content"]] == [
        {"type": "base64", "media_type": "application/pdf", "data": "JVBERi0="},
        {"type": "text", "media_type": "text/plain", "data": "<p>hi</p>"},
    ]
    word = ContentPart(type="document", uri="data:application/msword;base64,eA==")
    with pytest.raises(TargetFailure, match="takes no document parts of type application/msword"):
        await once(target, TargetRequest(messages=(user((word,)),)))


async def test_gemini_takes_media_inline(server: PlayServer, tmp_path: Path) -> None:
    server.json(gemini({"text": "x"}))
    target = make("google_gemini", tmp_path, model="m", base_url=server.url)
    parts = (
        ContentPart(text="Look"),
        ContentPart(type="image", uri="data:image/png;base64,eA=="),
        ContentPart(type="audio", uri="data:audio/wav;base64,eQ=="),
    )
    await once(target, TargetRequest(messages=(user(parts),)))
    assert server.seen[0].body["contents"][0]["parts"] == [
        {"text": "Look"},
        {"inlineData": {"mimeType": "image/png", "data": "eA=="}},
        {"inlineData": {"mimeType": "audio/wav", "data": "eQ=="}},
    ]


async def test_responses_api_takes_pictures_and_named_files(server: PlayServer, tmp_path: Path) -> None:
    server.json(response(said({"type": "output_text", "text": "x"})))
    target = make("openai_responses", tmp_path, model="m", base_url=server.url)
    parts = (
        ContentPart(type="image", uri="data:image/png;base64,eA=="),
        ContentPart(type="document", uri="data:application/pdf;base64,JVBERi0="),
    )
    await once(target, TargetRequest(messages=(user(parts),)))
    assert server.seen[0].body["input"][-1]["content"] == [
        {"type": "input_image", "image_url": "data:image/png;base64,eA=="},
        {
            "type": "input_file",
            "filename": "file.pdf",
            "file_data": "data:application/pdf;base64,JVBERi0=",
        },
    ]


def test_anthropic_needs_max_tokens(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="option 'max_tokens': this option is required"):
        make("anthropic_messages", tmp_path, model="m")


def gemini(*parts: dict[str, Any], finish: str = "STOP", **more: Any) -> dict[str, Any]:
    return {
        "candidates": [
            {"content": {"parts": list(parts), "role": "model"}, "finishReason": finish, "index": 0}
        ],
        "usageMetadata": {
            "promptTokenCount": 10,
            "candidatesTokenCount": 5,
            "thoughtsTokenCount": 7,
            "cachedContentTokenCount": 2,
            "totalTokenCount": 22,
        },
        "modelVersion": "gemini-2.5-flash",
        "responseId": "r1",
        **more,
    }


async def test_gemini_request_and_answer(
    server: PlayServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("G_KEY", "secret-key")
    server.json(
        gemini(
            {"text": "Hm.", "thought": True},
            {"text": "Hello!"},
            {"functionCall": {"name": "search", "args": {"q": "z"}}, "thoughtSignature": "sig"},
        )
    )
    reply = await once(
        make(
            "google_gemini",
            tmp_path,
            model="models/gemini-2.5-flash",
            base_url=server.url,
            api_key_env="G_KEY",
            temperature=0,
            max_output_tokens=99,
            extra_body={"safetySettings": []},
        ),
        HISTORY,
    )
    seen = server.seen[0]
    assert seen.path == "/v1beta/models/gemini-2.5-flash:generateContent"
    assert seen.headers["x-goog-api-key"] == "secret-key"
    assert seen.body == {
        "contents": [
            {"role": "user", "parts": [{"text": "Find x and y"}]},
            {
                "role": "model",
                "parts": [
                    {"text": "Looking."},
                    {
                        "functionCall": {"name": "search", "args": {"q": "x"}},
                        "thoughtSignature": "skip_thought_signature_validator",
                    },
                    {"functionCall": {"name": "search", "args": {"q": "y"}}},
                ],
            },
            {
                "role": "user",
                "parts": [
                    {"functionResponse": {"name": "search", "response": {"result": "X!"}, "id": "c1"}},
                    {"functionResponse": {"name": "search", "response": {"error": "down"}, "id": "c2"}},
                ],
            },
            {"role": "user", "parts": [{"text": "And?"}]},
        ],
        "systemInstruction": {"parts": [{"text": "Be kind."}]},
        "tools": [
            {
                "functionDeclarations": [
                    {"name": "search", "description": "Finds pages.", "parameters": SEARCH.parameters},
                    {"name": "now", "description": ""},
                ]
            }
        ],
        "generationConfig": {"temperature": 0.0, "maxOutputTokens": 99, "seed": 5},
        "safetySettings": [],
    }
    assert reply.messages[-1].text == "Hello!"
    assert reply.messages[-1].tool_calls == (ToolCall(name="search", arguments={"q": "z"}),)
    assert reply.metadata == {"reasoning": "Hm."}
    assert reply.model == "gemini-2.5-flash"
    assert reply.usage == Usage(input_tokens=10, output_tokens=12, cached_tokens=2, calls=1)


async def test_gemini_without_any_configuration_sends_valid_json(server: PlayServer, tmp_path: Path) -> None:
    server.json(gemini({"text": "x"}))
    await once(make("google_gemini", tmp_path, model="m", base_url=server.url), ask(seed=3))
    await once(make("google_gemini", tmp_path, model="m", base_url=server.url, send_seed=False))
    await once(make("google_gemini", tmp_path, model="m", base_url=server.url, send_seed=False, top_p=0.5))
    assert [item.body["generationConfig"] for item in server.seen] == [{"seed": 3}, {}, {"topP": 0.5}]


async def test_gemini_blocks(server: PlayServer, tmp_path: Path) -> None:
    server.json({"promptFeedback": {"blockReason": "PROHIBITED_CONTENT"}, "modelVersion": "gemini-x"})
    server.json({"candidates": [{"finishReason": "SAFETY", "index": 0}]})
    server.json(gemini({"text": "half an ans"}, finish="MAX_TOKENS"))
    server.json({"candidates": []})
    server.json({"error": {"code": 503, "message": "overloaded", "status": "UNAVAILABLE"}}, status=503)
    target = make("google_gemini", tmp_path, model="m", base_url=server.url)
    await target.start()
    prompt, answer, cut = [await target.respond(ask()) for _ in range(3)]
    assert prompt.finish_reason == answer.finish_reason == "content_filter"
    assert prompt.metadata == {"blocked": "prompt", "provider_code": "PROHIBITED_CONTENT"}
    assert answer.metadata == {"provider_code": "SAFETY"}
    assert cut.finish_reason == "MAX_TOKENS"
    with pytest.raises(TargetFailure, match="no candidates"):
        await target.respond(ask())
    with pytest.raises(TargetFailure, match="overloaded"):
        await target.respond(ask())
    await target.close()


async def test_gemini_tool_loop_returns_the_signature(server: PlayServer, tmp_path: Path) -> None:
    part = {"functionCall": {"name": "search", "args": {}, "id": "f1"}, "thoughtSignature": "real"}
    server.json(gemini(part), gemini({"text": "Done."}))
    target = make("google_gemini", tmp_path, model="m", base_url=server.url, tool_results={"search": "X!"})
    reply = await once(target)
    assert server.seen[1].body["contents"][1:] == [
        {"parts": [part], "role": "model"},
        {
            "role": "user",
            "parts": [{"functionResponse": {"name": "search", "response": {"result": "X!"}, "id": "f1"}}],
        },
    ]
    assert reply.messages[-1].text == "Done."


@pytest.mark.parametrize("kind", ["openai_responses", "anthropic_messages", "google_gemini"])
async def test_any_json_is_an_answer_or_a_bad_response(server: PlayServer, tmp_path: Path, kind: str) -> None:
    bodies: list[Any] = [
        {},
        [],
        None,
        {"output": 5},
        {"output": [5]},
        {"output": [{"type": "function_call"}]},
        {"content": 5},
        {"content": [5]},
        {"candidates": 5},
        {"candidates": [5]},
        {"candidates": [{"content": {"parts": [5]}}]},
        {"candidates": [{"content": {"parts": [{"functionCall": {}}]}}]},
        {"error": "words"},
        {"error": {"code": 500}},
    ]
    server.json(*bodies)
    extra = {"max_tokens": 5} if kind == "anthropic_messages" else {}
    target = make(kind, tmp_path, model="m", base_url=server.url, **extra)
    await target.start()
    for _ in bodies:
        with pytest.raises(TargetFailure) as caught:
            await target.respond(ask())
        assert caught.value.kind in (FailureKind.BAD_RESPONSE, FailureKind.SERVER_ERROR)
    await target.close()
