"""Python code under test: every shape of callable, every shape of answer, every way to fail."""

from __future__ import annotations

import asyncio
import sys
import textwrap
import time
from pathlib import Path
from typing import Any

import pytest

from safecase.base import InputError
from safecase.model import (
    Document,
    FailureKind,
    Message,
    MessageRole,
    TargetFailure,
    TargetReply,
    TargetRequest,
    ToolCall,
)
from safecase.targets._reply import read_reply
from support.calls import ask, make, once
from support.messages import assistant

CODE = """
import asyncio, contextvars, functools, os, sys, time

def text(prompt: str) -> str:
    return f"text:{prompt}"

async def a_text(prompt):
    await asyncio.sleep(0)
    return f"async:{prompt}"

def messages(messages):
    return f"{len(messages)} messages, last {messages[-1]['role']}: {messages[-1]['content']}"

def listed(conversation: list) -> str:
    return f"list of {len(conversation)}"

def request(request):
    return f"{request.case_id} {request.seed} {len(request.documents)}"

def typed(it: "TargetRequest") -> str:
    return type(it).__name__

def declared(x):
    return type(x).__name__
declared.safecase_input = "messages"

def mapped(prompt):
    return {"answer": prompt, "documents": [{"id": "d1", "text": "t"}],
            "tool_calls": [{"name": "f", "arguments": {"a": 1}}], "final_state": {"paid": True},
            "model": "mine-1", "usage": {"prompt_tokens": 3, "completion_tokens": 4}, "took": 5,
            "finish_reason": "stop"}

def turn(prompt):
    return [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{}"}, "id": "1"}]},
            {"role": "tool", "tool_call_id": "1", "content": "r"},
            {"role": "assistant", "content": "done"}]

class Runnable:
    def invoke(self, value): return f"sync {value}"
    async def ainvoke(self, value): return f"invoked {value}"

class Chat:
    def chat(self, value): return f"chatted {value}"

class Query:
    async def aquery(self, value): return Response(f"queried {value}")

class Node:
    def __init__(self): self.text, self.node_id, self.metadata = "node text", "n1", {"file_name": "a.md"}

class Scored:
    def __init__(self): self.node, self.score = Node(), 0.5

class Response:
    def __init__(self, text): self.response, self.source_nodes = text, [Scored()]

class AIMessage:
    type = "ai"
    def __init__(self, content):
        self.content = content
        self.tool_calls = [{"name": "f", "args": {"a": 1}, "id": "1", "type": "tool_call"}]
        self.usage_metadata = {"input_tokens": 5, "output_tokens": 6, "total_tokens": 11}
        self.response_metadata = {"model_name": "lc-1", "finish_reason": "tool_calls"}

class LangChainModel:
    safecase_input = "messages"
    async def ainvoke(self, value): return AIMessage(f"{value[0]['content']}")

class Human:
    type = "human"
    tool_calls = None
    def __init__(self, content): self.content = content

class Graph:
    async def ainvoke(self, state):
        return {"messages": [Human(m["content"]) for m in state["messages"]] + [AIMessage("graph")]}

class Made:
    def __init__(self, greeting="hello"): self.greeting = greeting
    def __call__(self, prompt): return f"{self.greeting} {prompt}"

class Broken:
    def __init__(self): raise ValueError("no disk")

runnable, chat, query, model, graph = Runnable(), Chat(), Query(), LangChainModel(), Graph()
partial = functools.partial(lambda prefix, prompt: prefix + prompt, "partial:")
constant = 5

def make(greeting): return lambda prompt: f"{greeting}, {prompt}"
def raises(prompt): raise ValueError("bad \\n thing with sk-abcdefghijklmnop")
async def a_raises(prompt): raise KeyError("x")
def exits(prompt): sys.exit(3)
def recurses(prompt): return recurses(prompt)
def stops(prompt): raise StopIteration("x")
async def cancels(prompt): raise asyncio.CancelledError("mine")
class Evil(Exception):
    def __str__(self): raise RuntimeError("no")
def evil(prompt): raise Evil()
def sleeps(prompt): time.sleep(0.15); return "awake"
def returns_none(prompt): return None
def returns_int(prompt): return 5
def returns_nothing(prompt): return []
def returns_nan(prompt): return {"text": "x", "state": {"a": float("nan")}}
def generates(prompt): yield "x"
def surrogate(prompt): return "bad \\ud83d end"
def no_answer(prompt): return {"foo": 1}
async def a_sleeps(prompt): await asyncio.sleep(30)
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "shop_app.py").write_text(CODE)
    return tmp_path


async def call(
    workspace: Path, attribute: str, request: TargetRequest | None = None, **options: Any
) -> TargetReply:
    target = make("python_callable", workspace, callable=f"shop_app:{attribute}", **options)
    return await once(target, request or ask("hi"))


@pytest.mark.parametrize(
    ("attribute", "options", "text"),
    [
        ("text", {}, "text:hi"),
        ("a_text", {}, "async:hi"),
        ("messages", {}, "1 messages, last user: hi"),
        ("listed", {}, "list of 1"),
        ("typed", {}, "TargetRequest"),
        ("declared", {}, "list"),
        ("declared", {"input": "text"}, "str"),
        ("runnable", {}, "invoked hi"),
        ("runnable", {"method": "invoke"}, "sync hi"),
        ("Runnable", {}, "invoked hi"),
        ("chat", {}, "chatted hi"),
        ("query", {}, "queried hi"),
        ("model", {}, "hi"),
        ("graph", {"input": "messages", "input_key": "messages"}, "graph"),
        ("Made", {}, "hello hi"),
        ("Made", {"arguments": {"greeting": "good day"}}, "good day hi"),
        ("make", {"factory": True, "arguments": {"greeting": "moin"}}, "moin, hi"),
        ("partial", {}, "partial:hi"),
        ("sleeps", {}, "awake"),
        ("surrogate", {}, "bad � end"),
    ],
)
async def test_shapes_of_callables(
    workspace: Path, attribute: str, options: dict[str, Any], text: str
) -> None:
    reply = await call(workspace, attribute, **options)
    assert reply.messages[-1].text == text
    assert reply.usage.calls == 1


async def test_the_whole_request(workspace: Path) -> None:
    request = ask("hi", case_id="c1", seed=4, documents=(Document(id="d", text="t"),))
    assert (await call(workspace, "request", request)).messages[-1].text == "c1 4 1"


async def test_documents_reach_code_that_takes_text(workspace: Path) -> None:
    request = ask("hi", documents=(Document(id="d", text="planted"),), environment={"orders": []})
    reply = await call(workspace, "text", request)
    assert reply.messages[-1].text == 'text:<document id="d">\nplanted\n</document>\n\nhi'
    assert reply.metadata == {"environment_ignored": ["orders"]}
    assert (await call(workspace, "text", request, documents="omit")).messages[-1].text == "text:hi"


async def test_a_mapping(workspace: Path) -> None:
    reply = await call(workspace, "mapped")
    assert reply.messages == (
        Message(
            role=MessageRole.ASSISTANT, content="hi", tool_calls=(ToolCall(name="f", arguments={"a": 1}),)
        ),
    )
    assert reply.documents == (Document(id="d1", text="t"),)
    assert reply.final_state == {"paid": True}
    assert reply.model == "mine-1"
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (3, 4)
    assert reply.metadata == {"took": 5}


async def test_a_turn_of_messages(workspace: Path) -> None:
    reply = await call(workspace, "turn")
    assert [item.role.value for item in reply.messages] == ["assistant", "tool", "assistant"]
    assert reply.messages[0].tool_calls == (ToolCall(name="f", id="1"),)


async def test_langchain_and_llamaindex_objects(workspace: Path) -> None:
    reply = await call(workspace, "model")
    assert reply.messages[-1].tool_calls == (ToolCall(name="f", arguments={"a": 1}, id="1"),)
    assert (reply.model, reply.finish_reason) == ("lc-1", "tool_calls")
    assert (reply.usage.input_tokens, reply.usage.output_tokens) == (5, 6)
    graph = await call(workspace, "graph", input="messages", input_key="messages")
    assert [item.role for item in graph.messages] == [MessageRole.ASSISTANT]
    nodes = await call(workspace, "query")
    assert nodes.documents == (Document(id="n1", text="node text", source="a.md"),)


@pytest.mark.parametrize(
    ("attribute", "kind", "words"),
    [
        ("raises", FailureKind.CRASH, "ValueError at shop_app.py:"),
        ("a_raises", FailureKind.CRASH, "KeyError"),
        ("exits", FailureKind.CRASH, "SystemExit"),
        ("recurses", FailureKind.CRASH, "RecursionError"),
        ("stops", FailureKind.CRASH, "StopIteration"),
        ("cancels", FailureKind.CRASH, "CancelledError"),
        ("evil", FailureKind.CRASH, "Evil"),
        ("returns_none", FailureKind.BAD_RESPONSE, "returned None"),
        ("returns_int", FailureKind.BAD_RESPONSE, "returned a int"),
        ("returns_nothing", FailureKind.BAD_RESPONSE, "empty list"),
        ("returns_nan", FailureKind.BAD_RESPONSE, "nan"),
        ("generates", FailureKind.BAD_RESPONSE, "generator"),
        ("no_answer", FailureKind.BAD_RESPONSE, "keys: foo"),
    ],
)
async def test_what_goes_wrong_is_a_failure(
    workspace: Path, attribute: str, kind: FailureKind, words: str
) -> None:
    with pytest.raises(TargetFailure) as caught:
        await call(workspace, attribute)
    assert (caught.value.kind, caught.value.retryable) == (kind, False)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
    assert "abcdefghijklmnop" not in str(caught.value)


@pytest.mark.parametrize(
    ("reference", "options", "words"),
    [
        ("shop_app", {}, "callable"),
        ("shop_ap:text", {}, "no module 'shop_ap'"),
        ("shop_app:txt", {}, "did you mean 'text'"),
        ("shop_app:constant", {}, "cannot be called"),
        ("shop_app:runnable", {"method": "invok"}, "did you mean 'invoke'"),
        ("shop_app:text", {"arguments": {"a": 1}}, "nothing is built"),
        ("shop_app:Made", {"arguments": {"greting": 1}}, "failed"),
        ("shop_app:Broken", {}, "no disk"),
        ("broken_app:text", {}, "SyntaxError"),
        ("dying_app:text", {}, "SystemExit"),
        ("needy_app:text", {}, "no_such_package"),
        ("../shop_app:text", {}, "callable"),
    ],
)
async def test_code_that_cannot_be_used_is_bad_input(
    workspace: Path, reference: str, options: dict[str, Any], words: str
) -> None:
    (workspace / "broken_app.py").write_text("def text(:\n")
    (workspace / "dying_app.py").write_text("import sys; sys.exit(1)\n")
    (workspace / "needy_app.py").write_text("import no_such_package\n")
    with pytest.raises(InputError) as caught:
        await make("python_callable", workspace, callable=reference, **options).start()
    assert words in str(caught.value)


async def test_synchronous_calls_run_side_by_side(workspace: Path) -> None:
    target = make("python_callable", workspace, callable="shop_app:sleeps", threads=8)
    await target.start()
    begun = time.perf_counter()
    replies = await asyncio.gather(*(target.respond(ask()) for _ in range(8)))
    assert time.perf_counter() - begun < 0.9
    assert {reply.messages[-1].text for reply in replies} == {"awake"}
    await target.close()


async def test_a_hung_call_gives_its_place_back(workspace: Path) -> None:
    (workspace / "hang_app.py").write_text(
        textwrap.dedent("""
        import threading
        gate = threading.Event()
        def answer(prompt: str) -> str:
            if prompt == "hang":
                gate.wait(20)
            return prompt
        """)
    )
    target = make("python_callable", workspace, callable="hang_app:answer", threads=1)
    await target.start()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(target.respond(ask("hang")), 0.05)
    assert (await asyncio.wait_for(target.respond(ask("quick")), 5)).messages[-1].text == "quick"
    sys.modules["hang_app"].gate.set()
    await target.close()


async def test_a_cancelled_async_call_is_cancelled(workspace: Path) -> None:
    target = make("python_callable", workspace, callable="shop_app:a_sleeps")
    await target.start()
    task = asyncio.create_task(target.respond(ask()))
    await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await target.close()


async def test_two_workspaces_with_the_same_module_name(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "same_app.py").write_text(f"def answer(p: str) -> str: return '{name}'\n")
    for name in ("one", "two", "one"):
        target = make("python_callable", tmp_path / name, callable="same_app:answer")
        assert (await once(target)).messages[-1].text == name


async def test_a_workspace_module_wins_by_its_file_but_never_replaces_a_library(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text("def answer(p: str) -> str: return 'mine'\n")
    target = make("python_callable", tmp_path, callable="json:answer")
    assert (await once(target)).messages[-1].text == "mine"
    import json

    assert json.loads("[1]") == [1]


async def test_packages_and_installed_modules(tmp_path: Path) -> None:
    package = tmp_path / "shop_package"
    package.mkdir()
    (package / "__init__.py").write_text("")
    (package / "words.py").write_text("WORD = 'inside'\n")
    (package / "app.py").write_text("from .words import WORD\ndef answer(p: str) -> str: return WORD\n")
    target = make("python_callable", tmp_path, callable="shop_package.app:answer")
    assert (await once(target)).messages[-1].text == "inside"
    before = target.fingerprint()
    (package / "words.py").write_text("WORD = 'changed'\n")
    assert target.fingerprint()["code"] != before["code"]
    installed = make("python_callable", tmp_path, callable="textwrap:dedent")
    assert (await once(installed, ask("  x"))).messages[-1].text == "x"


def test_the_fingerprint_follows_the_code_without_running_it(workspace: Path) -> None:
    target = make("python_callable", workspace, callable="shop_app:text")
    before = target.fingerprint()
    (workspace / "shop_app.py").write_text("raise SystemExit\n")
    after = target.fingerprint()
    assert before["code"].startswith("sha256:")
    assert before["code"] != after["code"]
    assert {**before, "code": ""} == {**after, "code": ""}


def test_replies_pass_through_unchanged() -> None:
    reply = TargetReply(messages=(assistant("x"),))
    assert read_reply(reply) is reply
