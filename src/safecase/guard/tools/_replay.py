"""A policy over a recorded conversation: what it would have decided at each call (AGT-05)."""

from __future__ import annotations

from collections.abc import Sequence

from safecase.guard.tools._policy import ToolDecision, ToolPolicy, track_conversation
from safecase.model import Document, Message, ToolCall


def replay(
    messages: Sequence[Message],
    policy: ToolPolicy,
    *,
    documents: Sequence[Document] = (),
    journey: str = "default",
    session: str = "replay",
) -> list[tuple[ToolCall, ToolDecision]]:
    """Each call with its decision, judged by what had been said and read before it.

    Limits and budgets are not counted: a recording shows what was done, not what would have followed.
    """
    decisions = []
    for index, message in enumerate(messages):
        if not message.tool_calls:
            continue
        tracker, request = track_conversation(policy.tools, messages[:index], documents)
        for call in message.tool_calls:
            decision = policy.decide(
                call, tracker, request=request, journey=journey, session=session, dry_run=True
            )
            decisions.append((call, decision))
    return decisions
