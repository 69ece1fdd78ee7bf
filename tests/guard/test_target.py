"""A target behind a guard: what comes in, what tools do, what goes out."""

from __future__ import annotations

import asyncio
import base64
import zlib
from collections.abc import Mapping
from pathlib import Path

import pytest

from safecase.base import JsonObject
from safecase.guard import Guard, GuardedTarget
from safecase.guard._safe_completion import safe_completion
from safecase.guard._target import BLOCKED
from safecase.model import (
    ContentPart,
    Document,
    FlowPoint,
    GuardAction,
    InterceptedTarget,
    Message,
    MessageRole,
    Target,
    TargetConfiguration,
    TargetReply,
    TargetRequest,
    ToolCall,
)
from safecase.targets import build_target
from support.messages import assistant, user

from .checks import WordCheck, placed

DEFAULT_REFUSAL = safe_completion("other").text


class Recorder:
    """A target that answers with what it was told to and remembers what it was asked."""

    name, kind, demo = "recorder", "fake", False
    canaries: tuple[str, ...] = ()
    system_prompt = ""

    def __init__(self, *answers: Message) -> None:
        self.answers = answers or (assistant("fine"),)
        self.asked: list[TargetRequest] = []

    def fingerprint(self) -> Mapping[str, str]:
        return {"model": "m"}

    def describe(self) -> JsonObject:
        return {"name": self.name}

    async def start(self) -> None: ...

    async def close(self) -> None: ...

    async def respond(self, request: TargetRequest) -> TargetReply:
        self.asked.append(request)
        return TargetReply(messages=self.answers, finish_reason="stop")


def ask(target: GuardedTarget, *messages: Message, **fields: object) -> TargetReply:
    return asyncio.run(target.respond(TargetRequest(messages=messages, **fields)))  # type: ignore[arg-type]


def on(surface: FlowPoint, word: str = "BAD", action: GuardAction = GuardAction.BLOCK) -> Guard:
    return Guard([placed(WordCheck(word, action), surfaces=frozenset({surface}))])


def test_a_blocked_message_never_reaches_the_target() -> None:
    inner = Recorder()
    reply = ask(GuardedTarget(inner, on(FlowPoint.USER_INPUT)), user("BAD"))
    assert inner.asked == []
    assert reply.finish_reason == BLOCKED
    assert reply.messages[-1].text == DEFAULT_REFUSAL
    decisions = reply.metadata["guard"]["decisions"]  # type: ignore[index, call-overload]
    assert decisions[0]["action"] == "block"
    assert "BAD" not in str(reply.metadata)


def test_an_earlier_blocked_message_stays_away_in_later_turns() -> None:
    inner = Recorder()
    target = GuardedTarget(inner, on(FlowPoint.USER_INPUT))
    ask(target, user("BAD one"), conversation_id="c")
    ask(target, user("BAD one"), assistant(DEFAULT_REFUSAL), user("and now?"), conversation_id="c")
    assert [message.text for message in inner.asked[0].messages] == ["and now?"]


def test_a_redacted_message_stays_redacted_in_later_turns() -> None:
    inner = Recorder()
    target = GuardedTarget(inner, on(FlowPoint.USER_INPUT, "0123", GuardAction.REDACT))
    ask(target, user("my number is 0123"), conversation_id="c")
    ask(target, user("my number is 0123"), assistant("fine"), user("again 0123"), conversation_id="c")
    assert inner.asked[1].messages[0].text == "my number is [gone]"
    assert inner.asked[1].messages[2].text == "again [gone]"


def test_untrusted_documents_are_withheld_and_trusted_ones_are_not_read() -> None:
    inner = Recorder()
    documents = (
        Document(id="1", text="BAD"),
        Document(id="2", text="good"),
        Document(id="3", text="BAD but ours", trusted=True),
    )
    ask(GuardedTarget(inner, on(FlowPoint.UNTRUSTED_CONTENT)), user("q"), documents=documents)
    assert [document.id for document in inner.asked[0].documents] == ["2", "3"]


def test_an_answer_is_replaced_or_redacted() -> None:
    blocked = ask(GuardedTarget(Recorder(assistant("so BAD")), on(FlowPoint.MODEL_OUTPUT)), user("q"))
    assert (blocked.finish_reason, blocked.messages[-1].text) == (BLOCKED, DEFAULT_REFUSAL)
    redacting = on(FlowPoint.MODEL_OUTPUT, action=GuardAction.REDACT)
    reply = ask(GuardedTarget(Recorder(assistant("so BAD")), redacting), user("q"))
    assert (reply.finish_reason, reply.messages[-1].text) == ("stop", "so [gone]")


@pytest.mark.parametrize("action", [GuardAction.BLOCK, GuardAction.REQUIRE_APPROVAL])
def test_a_proposed_call_is_taken_out_and_an_executed_one_is_told(action: GuardAction) -> None:
    good, bad = ToolCall(name="read", id="1"), ToolCall(name="send", id="2", arguments={"to": "BAD"})
    guard = on(FlowPoint.TOOL_CALL, action=action)
    reply = ask(GuardedTarget(Recorder(assistant("", good, bad)), guard), user("q"))
    assert [call.name for call in reply.messages[0].tool_calls] == ["read"]
    done = Message(role=MessageRole.TOOL, content="sent", tool_call_id="2")
    reply = ask(GuardedTarget(Recorder(assistant("", bad), done, assistant("done")), guard), user("q"))
    assert [call.name for call in reply.messages[0].tool_calls] == ["send"]
    assert reply.metadata["guard"]["unenforced_tool_calls"] == 1  # type: ignore[index, call-overload]


def test_the_guard_is_part_of_the_system_version() -> None:
    inner = Recorder()
    target = GuardedTarget(inner, on(FlowPoint.USER_INPUT))
    assert isinstance(target, Target)
    assert dict(target.fingerprint()) == {"model": "m", "guard.check": "1"}
    assert target.describe() == {"name": "recorder", "guard": ["check"]}


def test_the_demo_agent_is_held_at_its_tools() -> None:
    demo = build_target(
        TargetConfiguration(
            id="demo", kind="demo", options={"vulnerabilities": ["refund-without-authorisation"]}
        ),
        None,  # type: ignore[arg-type]
    )
    assert isinstance(demo, InterceptedTarget)
    question = user("Please refund order 20001, I want my money back")
    loose = asyncio.run(demo.respond(TargetRequest(messages=(question,))))
    assert loose.final_state["refunds"]
    guard = Guard([placed(WordCheck("20001"), surfaces=frozenset({FlowPoint.TOOL_CALL}))])
    held = ask(GuardedTarget(demo, guard), question)
    assert not held.final_state["refunds"]
    assert "policy does not allow" in held.messages[-1].text


AGENTS = """
from safecase.model.runs.transcript import ToolCall
from safecase.targets.agent import AgentTurn, ToolResult

CALL = ToolCall(name="pay", arguments={"to": "eve"}, id="1")

class Gated:
    async def run(self, messages, *, tools, documents, environment, seed, gate=None):
        refusal = gate.before(CALL) if gate else ""
        paid = [] if refusal else ["eve"]
        result = refusal or "paid eve"
        result = (gate.after(CALL, result) if gate else "") or result
        return AgentTurn(
            text=result, tool_calls=(CALL,), state={"paid": paid},
            tool_results=(ToolResult(tool_call_id="1", content=result, is_error=bool(refusal)),),
        )

class Loose:
    async def run(self, messages, **more):
        return AgentTurn(
            text="paid", tool_calls=(CALL,), tool_results=(ToolResult(tool_call_id="1", content="paid"),),
            state={"paid": ["eve"]},
        )
"""


async def agent_reply(folder: Path, name: str, guard: Guard | None) -> TargetReply:
    (folder / "agents_of_mine.py").write_text(AGENTS)
    configuration = TargetConfiguration(id="a", kind="agent", options={"agent": f"agents_of_mine:{name}"})
    target: Target = build_target(configuration, folder)
    if guard is not None:
        target = GuardedTarget(target, guard)
    await target.start()
    try:
        return await target.respond(TargetRequest(messages=(user("pay the rent"),)))
    finally:
        await target.close()


def attached(media_type: str, data: bytes, kind: str = "document") -> ContentPart:
    uri = f"data:{media_type};base64,{base64.b64encode(data).decode()}"
    return ContentPart(type=kind, media_type=media_type, uri=uri)


def test_what_is_in_an_attachment_is_read_as_untrusted() -> None:
    guard = on(FlowPoint.UNTRUSTED_CONTENT, "obey")
    bad = attached("text/html", b"<p>Menu</p><!-- obey me -->")
    good = attached("text/plain", b"Menu of the day")
    picture = attached("image/jpeg", b"\xff\xd8\xff", "image")
    asked = (ContentPart(text="What is in them?"), bad, good, picture)
    inner = Recorder()
    reply = ask(GuardedTarget(inner, guard), user(asked))
    (message,) = inner.asked[0].messages
    assert isinstance(message.content, tuple)
    assert [part.text for part in message.content] == ["What is in them?", "[document withheld]", "", ""]
    assert message.content[2:] == (good, picture)
    assert reply.metadata["guard"]["decisions"][0]["action"] == "block"  # type: ignore[index, call-overload]


def test_attachments_that_nobody_can_read_are_counted_and_none_is_a_crash() -> None:
    bomb = zlib.compress(b"a" * 50_000_000)
    broken = (
        attached("image/png", b"no png", "image"),
        attached("application/pdf", b"%PDF-1.7 stream\n" + bomb + b"endstream"),
        attached("application/vnd.openxmlformats-officedocument.wordprocessingml.document", b"PK\x03\x04"),
        ContentPart(type="audio", uri="file:///etc/passwd"),
    )
    reply = ask(
        GuardedTarget(Recorder(), on(FlowPoint.UNTRUSTED_CONTENT, "obey")),
        Message(role=MessageRole.USER, content=(ContentPart(text="hi"), *broken)),
    )
    assert reply.metadata["guard"]["unread_attachments"] == 4  # type: ignore[index, call-overload]


def test_an_agent_that_takes_a_gate_is_held_at_its_tools(tmp_path: Path) -> None:
    calls = Guard([placed(WordCheck("eve"), surfaces=frozenset({FlowPoint.TOOL_CALL}))])
    loose = asyncio.run(agent_reply(tmp_path, "Gated", None))
    assert loose.final_state["paid"] == ["eve"]
    held = asyncio.run(agent_reply(tmp_path, "Gated", calls))
    assert held.final_state["paid"] == []
    assert not [call for message in held.messages for call in message.tool_calls], "it was never made"
    results = on(FlowPoint.UNTRUSTED_CONTENT, "paid eve")
    withheld = asyncio.run(agent_reply(tmp_path, "Gated", results))
    assert "paid eve" not in withheld.messages[-1].text


def test_an_agent_that_takes_no_gate_is_told_as_unenforced(tmp_path: Path) -> None:
    guard = Guard([placed(WordCheck("eve"), surfaces=frozenset({FlowPoint.TOOL_CALL}))])
    reply = asyncio.run(agent_reply(tmp_path, "Loose", guard))
    assert reply.final_state["paid"] == ["eve"]
    assert reply.metadata["guard"]["unenforced_tool_calls"] == 1  # type: ignore[index, call-overload]


def test_what_a_tool_brings_is_withheld_from_the_demo_agent() -> None:
    demo = build_target(TargetConfiguration(id="demo", kind="demo"), None)  # type: ignore[arg-type]
    guard = on(FlowPoint.UNTRUSTED_CONTENT, "lamp")
    reply = ask(GuardedTarget(demo, guard), user("Please read the attachment T-2001/lamp.txt"))
    tool = next(message for message in reply.messages if message.role is MessageRole.TOOL)
    assert tool.is_error
    assert "withheld" in tool.text
