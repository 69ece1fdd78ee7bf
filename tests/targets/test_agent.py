"""Agents through the Protocol."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from safecase.base import InputError
from safecase.model import FailureKind, MessageRole, TargetFailure, TargetRequest, ToolDefinition
from support.calls import ask, make, once
from support.messages import assistant, user

CODE = """
from safecase.model.runs.transcript import Document, Message, ToolCall
from safecase.targets.agent import AgentTurn, ToolResult
from support.messages import assistant

class Bank:
    def __init__(self, limit=10):
        self.limit, self.turns = limit, 0

    async def run(self, messages, *, tools, documents, environment, seed):
        self.turns += 1
        return AgentTurn(
            text=f"turn {self.turns}, limit {self.limit}, {len(tools)} tools, seed {seed}",
            tool_calls=(ToolCall(name="pay", arguments={"amount": 5}, id="1"),),
            tool_results=(ToolResult(tool_call_id="1", content="paid"),),
            documents=(Document(id="d", text="t"),),
            state={"balance": environment.get("balance", 0) - 5},
        )

class Spoken:
    async def run(self, messages, *, tools, documents, environment, seed):
        return AgentTurn(messages=(Message(role="assistant", content="own"),))

class Raises:
    async def run(self, messages, **more): raise ValueError("boom")

class Wrong:
    async def run(self, messages, **more): return "text"

class Sync:
    def run(self, messages, **more): return None

class Unbuildable:
    def __init__(self): raise OSError("no disk")

def factory(limit=3): return Bank(limit)
shared = Bank(99)
number = 5
"""


@pytest.fixture
def workspace(tmp_path: Path) -> Path:
    (tmp_path / "bank_app.py").write_text(CODE)
    return tmp_path


async def test_a_turn_becomes_a_reply(workspace: Path) -> None:
    request = ask("Pay 5", tools=(ToolDefinition(name="pay"),), environment={"balance": 20}, seed=7)
    reply = await once(make("agent", workspace, agent="bank_app:Bank"), request)
    calls, result, answer = reply.messages
    assert calls.tool_calls[0].arguments == {"amount": 5}
    assert (result.role, result.content, result.tool_call_id, result.name) == (
        MessageRole.TOOL,
        "paid",
        "1",
        "pay",
    )
    assert answer.content == "turn 1, limit 10, 1 tools, seed 7"
    assert reply.final_state == {"balance": 15}
    assert reply.documents[0].id == "d"
    assert reply.usage.calls == 1


async def test_own_messages(workspace: Path) -> None:
    reply = await once(make("agent", workspace, agent="bank_app:Spoken"))
    assert [item.text for item in reply.messages] == ["own"]


@pytest.mark.parametrize(
    ("options", "texts"),
    [
        ({"agent": "bank_app:Bank", "arguments": {"limit": 4}}, ["turn 1", "turn 2", "turn 1", "turn 1"]),
        ({"agent": "bank_app:factory"}, ["turn 1", "turn 2", "turn 1", "turn 1"]),
        ({"agent": "bank_app:Bank", "instance": "shared"}, ["turn 1", "turn 2", "turn 3", "turn 4"]),
    ],
)
async def test_each_conversation_has_its_agent(
    workspace: Path, options: dict[str, Any], texts: list[str]
) -> None:
    target = make("agent", workspace, **options)
    await target.start()
    asked = user("x")
    answer = assistant("y")
    first, second = (asked,), (asked, answer, asked)
    plan = [("a", first), ("a", second), ("b", first), ("a", first)]
    found = [
        (await target.respond(TargetRequest(messages=messages, conversation_id=name))).messages[-1].text[:6]
        for name, messages in plan
    ]
    assert found == texts
    await target.close()


async def test_an_object_is_shared(workspace: Path) -> None:
    reply = await once(make("agent", workspace, agent="bank_app:shared"))
    assert "limit 99" in reply.messages[-1].text


@pytest.mark.parametrize(
    ("agent", "kind", "words"),
    [
        ("Raises", FailureKind.CRASH, "ValueError at bank_app.py:"),
        ("Wrong", FailureKind.BAD_RESPONSE, "returned a str, not an AgentTurn"),
    ],
)
async def test_failures(workspace: Path, agent: str, kind: FailureKind, words: str) -> None:
    with pytest.raises(TargetFailure, match=words) as caught:
        await once(make("agent", workspace, agent=f"bank_app:{agent}"))
    assert caught.value.kind is kind


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"agent": "bank_app:Sync"}, "without 'async def run'"),
        ({"agent": "bank_app:number"}, "neither an agent nor a factory"),
        ({"agent": "bank_app:Unbuildable"}, "no disk"),
        ({"agent": "bank_app:Bank", "arguments": {"limt": 1}}, "limt"),
        ({"agent": "bank_app:shared", "arguments": {"limit": 1}}, "for a class or factory"),
        ({"agent": "bank_app:Bnak"}, "did you mean 'Bank'"),
    ],
)
async def test_bad_input(workspace: Path, options: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError) as caught:
        await make("agent", workspace, **options).start()
    assert words in str(caught.value)
