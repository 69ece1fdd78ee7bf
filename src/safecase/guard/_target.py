"""A target behind a guard: the same suite, run against it with and without, shows what the guard does."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping

from safecase.base import JsonObject, JsonValue, digest
from safecase.guard._content import Content
from safecase.guard._pipeline import Guard, tool_call_content
from safecase.guard._safe_completion import category_of, safe_completion
from safecase.model import (
    ContentPart,
    Document,
    FlowPoint,
    GuardAction,
    GuardDecision,
    InterceptedTarget,
    Message,
    MessageRole,
    Target,
    TargetReply,
    TargetRequest,
    ToolCall,
)
from safecase.text import attachment_text

BLOCKED = "content_filter"
"""The finish reason that marks an answer which the guard stopped."""
_REMEMBERED = 4_096
"""Texts whose verdict is kept: earlier turns come again with each later one. Chosen without measurement."""


class _Record:
    """What the guard decided in one turn, for the transcript's metadata and for nobody's secrets."""

    def __init__(self) -> None:
        self.decisions: list[GuardDecision] = []
        self.unenforced = 0
        self.unread_attachments = 0
        self.attachments: list[Document] = []
        """What was read in attachments: content that nobody vouches for."""
        self.seconds = 0.0

    def add(self, decision: GuardDecision) -> GuardDecision:
        self.decisions.append(decision)
        self.seconds += decision.latency_seconds
        return decision

    def metadata(self) -> JsonObject:
        kept: list[JsonValue] = [
            item.to_json() for item in self.decisions if item.action is not GuardAction.ALLOW
        ]
        data: JsonObject = {"decisions": kept, "latency_ms": round(self.seconds * 1000, 3)}
        if self.unenforced:
            data["unenforced_tool_calls"] = self.unenforced
        if self.unread_attachments:
            data["unread_attachments"] = self.unread_attachments
        return data


class _Gate:
    """The guard between an agent in this process and its tools."""

    def __init__(self, guard: Guard, request: TargetRequest, record: _Record) -> None:
        self._guard = guard
        self._record = record
        self._conversation = request.messages
        self._documents = (*request.documents, *record.attachments)
        self._session = request.conversation_id
        self._results: tuple[Message, ...] = ()
        self.refused: list[tuple[str, str]] = []
        """Name and digest of the arguments of each call that was not made."""

    def before(self, call: ToolCall) -> str:
        """Why the call may not be made; approval that nobody can give here is a refusal."""
        decision = self._record.add(
            self._guard.inspect(
                tool_call_content(
                    call,
                    conversation=(*self._conversation, *self._results),
                    documents=self._documents,
                    session=self._session,
                )
            )
        )
        if decision.allowed:
            return ""
        self.refused.append((call.name, digest(call.arguments)))
        if decision.action is GuardAction.REQUIRE_APPROVAL:
            return "this needs the approval of a person"
        return "the tool policy does not allow it"

    def after(self, call: ToolCall, result: str) -> str:
        """What the agent reads in place of a result that must not reach it."""
        decision = self._record.add(self._inspect(result))
        if decision.action is GuardAction.BLOCK:
            return "withheld: the content holds instructions or data that must not reach the agent"
        self._results += (Message(role=MessageRole.TOOL, content=result, name=call.name),)
        return ""

    def document(self, document: Document) -> Document | None:
        """A retrieved document, redacted or withheld; trusted ones are read as they are."""
        if document.trusted:
            return document
        decision = self._record.add(self._inspect(document.text))
        if not decision.allowed:
            return None
        kept = document.model_copy(update={"text": decision.text})
        self._documents = (*self._documents, kept)
        return kept

    def _inspect(self, text: str) -> GuardDecision:
        """What the guard says to a text from outside."""
        around = {"conversation": self._conversation, "session": self._session}
        return self._guard.check_untrusted(text, **around)


class GuardedTarget:
    """Any target with a guard around it; a `safecase.model.protocols.Target`.

    User messages, supplied documents and answers are always held to the guard. Tool calls are where the
    target offers an interceptor (`InterceptedTarget`) or only proposes its calls; calls that a remote agent
    made by itself cannot be undone: they are told as ``unenforced_tool_calls`` in the transcript's metadata.
    """

    def __init__(self, inner: Target, guard: Guard, *, language: str = "en", system_prompt: str = "") -> None:
        self.inner = inner
        self.guard = guard
        self.language = language
        """Of the words that are said in place of what is blocked."""
        self.name = inner.name
        self.kind = inner.kind
        self.demo = inner.demo
        self.system_prompt = system_prompt or inner.system_prompt
        self.canaries = inner.canaries
        # Later turns repeat earlier messages; each is read once. The bound keeps a long run's memory flat.
        self._read: OrderedDict[tuple[str, int, str], str | None] = OrderedDict()

    def fingerprint(self) -> Mapping[str, str]:
        """The target's components and the guard's checks: a changed check is a new system version."""
        return {**self.inner.fingerprint(), **self.guard.fingerprint()}

    def describe(self) -> JsonObject:
        """The target's configuration and which checks stand in front of it."""
        checks: list[JsonValue] = [check.id for check in self.guard.checks]
        return {**self.inner.describe(), "guard": checks}

    async def start(self) -> None:
        """Start the target."""
        await self.inner.start()

    async def close(self) -> None:
        """Close the target."""
        await self.inner.close()

    async def respond(self, request: TargetRequest) -> TargetReply:
        """One turn: what comes in is inspected, then the target is asked, then its answer is inspected."""
        record = _Record()
        messages, stopped = await self._incoming(request, record)
        if stopped is not None:
            return self._refused(stopped, record)
        gate = _Gate(self.guard, request, record)
        documents = tuple(kept for item in request.documents if (kept := gate.document(item)) is not None)
        asked = request.model_copy(update={"messages": messages, "documents": documents})
        if isinstance(self.inner, InterceptedTarget) and self.inner.takes_gate:
            reply = _without_refused(await self.inner.respond_gated(asked, gate), gate.refused)
            return await self._outgoing(asked, reply, record, gated=True)
        return await self._outgoing(asked, await self.inner.respond(asked), record, gated=False)

    async def _incoming(
        self, request: TargetRequest, record: _Record
    ) -> tuple[tuple[Message, ...], GuardDecision | None]:
        """The conversation as the target may read it, and what stopped its last user message, if anything."""
        kept: list[Message] = []
        skipping = False
        last = max((i for i, m in enumerate(request.messages) if m.role is MessageRole.USER), default=-1)
        for index, message in enumerate(request.messages):
            if message.role is MessageRole.USER:
                key = (request.conversation_id, index, message.text)
                # An earlier turn was judged when it came; the last one may be a retry and is judged again.
                if request.conversation_id and index != last and key in self._read:
                    text = self._read[key]
                    skipping = text is None
                    if text is not None:
                        kept.append(await self._attachments(request, _with_text(message, text), record))
                    continue
                decision = record.add(
                    await self.guard.inspect_async(
                        Content(
                            FlowPoint.USER_INPUT,
                            message.text,
                            conversation=request.messages[:index],
                            session=request.conversation_id,
                        )
                    )
                )
                skipping = not decision.allowed
                self._remember(key, None if skipping else decision.text)
                if skipping:
                    if index == last:
                        return (), decision
                    continue
                kept.append(await self._attachments(request, _with_text(message, decision.text), record))
            elif message.role is MessageRole.TOOL:
                decision = record.add(
                    await self.guard.inspect_async(
                        Content(FlowPoint.UNTRUSTED_CONTENT, message.text, session=request.conversation_id)
                    )
                )
                kept.append(_with_text(message, decision.text if decision.allowed else "[withheld]"))
            # An answer to a message that was stopped would tell what the message said.
            elif message.role is MessageRole.SYSTEM or not skipping:
                kept.append(message)
        return tuple(kept), None

    async def _attachments(self, request: TargetRequest, message: Message, record: _Record) -> Message:
        """The message without the attachments whose text must not reach the target.

        What is in a file is somebody else's text, whoever attached it. Of pictures and sound only what stands
        beside their content is read; what holds no text that can be read is counted and let through.
        """
        if isinstance(message.content, str):
            return message
        parts: list[ContentPart] = []
        for part in message.content:
            text = attachment_text(part.uri, part.media_type) if part.type != "text" else ""
            if part.type == "text" or not text:
                record.unread_attachments += part.type != "text"
                parts.append(part)
                continue
            content = Content(FlowPoint.UNTRUSTED_CONTENT, text, session=request.conversation_id)
            decision = record.add(await self.guard.inspect_async(content))
            record.attachments.append(Document(id=f"attachment-{len(record.attachments) + 1}", text=text))
            parts.append(part if decision.allowed else ContentPart(text=f"[{part.type} withheld]"))
        return message.model_copy(update={"content": tuple(parts)})

    def _remember(self, key: tuple[str, int, str], text: str | None) -> None:
        self._read[key] = text
        while len(self._read) > _REMEMBERED:
            self._read.popitem(last=False)

    async def _outgoing(
        self, request: TargetRequest, reply: TargetReply, record: _Record, *, gated: bool
    ) -> TargetReply:
        """The reply as the user may read it: answers checked, proposed calls too where no interceptor saw
        them."""
        executed = {m.tool_call_id for m in reply.messages if m.role is MessageRole.TOOL}
        messages: list[Message] = []
        finish = reply.finish_reason
        documents = (*request.documents, *reply.documents)
        for message in reply.messages:
            if message.role is not MessageRole.ASSISTANT:
                messages.append(message)
                continue
            if message.tool_calls and not gated:
                read = (*documents, *record.attachments)
                message = self._proposed(request, message, executed, read, record)
            if not message.text:
                messages.append(message)
                continue
            decision = record.add(
                await self.guard.inspect_async(
                    Content(
                        FlowPoint.MODEL_OUTPUT,
                        message.text,
                        conversation=request.messages,
                        documents=documents,
                        system_prompt=self.system_prompt,
                        session=request.conversation_id,
                    )
                )
            )
            if not decision.allowed:
                finish = BLOCKED
                message = _with_text(message, self._words(decision))
            elif decision.text != message.text:
                message = _with_text(message, decision.text)
            messages.append(message)
        metadata = {**reply.metadata, "guard": record.metadata()}
        return reply.model_copy(
            update={"messages": tuple(messages), "finish_reason": finish, "metadata": metadata}
        )

    def _proposed(
        self,
        request: TargetRequest,
        message: Message,
        executed: set[str],
        documents: tuple[Document, ...],
        record: _Record,
    ) -> Message:
        """The message without the calls that the guard refuses and that nobody has made yet."""
        kept = []
        words = ""
        for call in message.tool_calls:
            decision = record.add(
                self.guard.inspect(
                    tool_call_content(
                        call,
                        conversation=request.messages,
                        documents=documents,
                        session=request.conversation_id,
                    )
                )
            )
            if decision.allowed:
                kept.append(call)
            elif call.id in executed:
                record.unenforced += 1
                kept.append(call)
            else:
                words = self._words(decision)
        if len(kept) == len(message.tool_calls):
            return message
        text = message.text or words
        return message.model_copy(update={"tool_calls": tuple(kept), "content": text})

    def _words(self, decision: GuardDecision) -> str:
        """What is said in place of what a decision stops: by the kind of the check that was strictest."""
        strictest = next((v.check for v in decision.verdicts if v.action is decision.action), "")
        category = category_of(self.guard.kind_of(strictest))
        return safe_completion(category, language=self.language).text

    def _refused(self, decision: GuardDecision, record: _Record) -> TargetReply:
        """The reply that stands in place of what was stopped."""
        message = Message(role=MessageRole.ASSISTANT, content=self._words(decision))
        return TargetReply(
            messages=(message,),
            finish_reason=BLOCKED,
            model="",
            metadata={"guard": record.metadata()},
        )


def _without_refused(reply: TargetReply, refused: list[tuple[str, str]]) -> TargetReply:
    """The reply without the calls that the gate refused: they were never made. The metadata tell of them."""
    left = list(refused)
    gone: set[str] = set()
    messages = []
    for message in reply.messages:
        if message.role is MessageRole.TOOL and message.tool_call_id in gone:
            continue
        calls = []
        for call in message.tool_calls:
            key = (call.name, digest(call.arguments))
            if key in left:
                left.remove(key)
                gone.add(call.id)
            else:
                calls.append(call)
        if len(calls) < len(message.tool_calls):
            if not calls and not message.text:
                continue
            message = message.model_copy(update={"tool_calls": tuple(calls)})
        messages.append(message)
    return reply.model_copy(update={"messages": tuple(messages)})


def _with_text(message: Message, text: str) -> Message:
    """The message with another text; media parts stay where they are."""
    if text == message.text:
        return message
    if isinstance(message.content, str):
        return message.model_copy(update={"content": text})
    parts = [part for part in message.content if part.type != "text"]
    first = next((part for part in message.content if part.type == "text"), None)
    if first is not None:
        parts.insert(0, first.model_copy(update={"text": text}))
    return message.model_copy(update={"content": tuple(parts)})
