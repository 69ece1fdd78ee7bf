"""Recorded answers as a target: what a model said once, scored again at no cost."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal, TypeVar

import orjson
from pydantic import Field, model_validator

from safecase.base import (
    InputError,
    JsonObject,
    JsonValue,
    Record,
    digest,
    file_digest,
    resolve_inside,
    root_from_environment,
)
from safecase.model import (
    FailureKind,
    Message,
    MessageRole,
    TargetFailure,
    TargetReply,
    TargetRequest,
    ToolCall,
    Usage,
)
from safecase.targets._conversation import parse_content, parse_documents, parse_messages, parse_tool_calls
from safecase.targets._http.json_body import clean_line, count_of, object_of, text_of
from safecase.targets._http.paths import MISSING, JsonPath, PathText
from safecase.targets._recordings import Recordings, RowFilter, key_digest
from safecase.targets._registry import TARGETS, TargetContext

Parsed = TypeVar("Parsed")


class ReplayColumns(Record):
    """Column or dotted path of each thing that a recording may hold. Empty: it holds none."""

    case_id: PathText = "id"
    prompt: PathText = "prompt"
    repeat: PathText = ""
    """Repeat index from 0; where not given, answers of one key count up in file order."""
    response: PathText = "response"
    messages: PathText = ""
    """The whole recorded conversation; the turn's part of it becomes the reply."""
    tool_calls: PathText = ""
    documents: PathText = ""
    final_state: PathText = ""
    model: PathText = "model"
    finish_reason: PathText = ""
    latency_ms: PathText = ""
    input_tokens: PathText = ""
    output_tokens: PathText = ""
    error: PathText = ""
    """Where this holds something, the recording is of a failed call and is replayed as one."""

    @model_validator(mode="after")
    def _has_answer(self) -> ReplayColumns:
        if not self.response and not self.messages:
            raise ValueError("name the column of 'response' or of 'messages'")
        return self


class ReplayOptions(Record):
    """Options of a replay."""

    file: str
    """jsonl, csv or parquet file, relative to the workspace."""
    format: Literal["jsonl", "csv", "parquet"] | None = None
    """Guessed from the file name where not given."""
    root_env: str = ""
    """Environment variable (SAFECASE_...) that holds the folder of ``file``, instead of the workspace."""
    key: Literal["case_id", "prompt"] = "case_id"
    """How answers are found: by the case's id, or by the exact text of the last user message."""
    columns: ReplayColumns = ReplayColumns()
    model: str = ""
    """Use the rows of this model only."""
    conversation: Literal["turns", "one_turn"] = "turns"
    """How ``columns.messages`` is cut: at each user message that follows an answer, or not at all, for
    harnesses that repeat the user's message or add their own (AgentDojo's)."""
    where: dict[str, JsonValue] = Field(default={})
    """Use the rows where each path equals the value, or is one of the values of a list."""


@TARGETS.register("replay", parameters=ReplayOptions)
class ReplayTarget:
    """Answers from a file. A call without a recording fails as ``not_recorded``; nothing is made up."""

    kind: str = "replay"
    canaries: tuple[str, ...] = ()
    system_prompt: str = ""

    def __init__(self, options: ReplayOptions, context: TargetContext) -> None:
        self.name = context.configuration.id
        self.demo = False
        self.where = f"target '{self.name}'"
        self.options = options
        folder = context.root
        if options.root_env:
            folder = root_from_environment(options.root_env, what=self.where)
        self.path = resolve_inside(folder, options.file, what=self.where)
        columns = options.columns
        self._paths = {name: JsonPath(text) for name, text in columns.model_dump().items() if text}
        filters = [RowFilter(JsonPath(text), value) for text, value in options.where.items()]
        if options.model:
            if "model" not in self._paths:
                raise InputError(f"{self.where}: option 'model' needs columns.model")
            filters.append(RowFilter(self._paths["model"], options.model))
        if options.key not in self._paths:
            raise InputError(f"{self.where}: key is '{options.key}', but columns.{options.key} is empty")
        self._recordings = Recordings(
            self.path,
            options.format,
            key=self._paths[options.key],
            repeat=self._paths.get("repeat"),
            filters=tuple(filters),
            where=f"{self.where}: {options.file}",
        )
        self._digest = ""

    def fingerprint(self) -> Mapping[str, str]:
        """Digest of the file, the model filter, and how rows are found and read."""
        if not self._digest:
            self._digest = file_digest(self.path)
        return {
            "kind": self.kind,
            "model": self.options.model or "as recorded",
            "recording": self._digest,
            "options": digest(self.options.model_dump(mode="json", exclude={"root_env", "file"})),
        }

    def describe(self) -> JsonObject:
        """The configuration for people to read."""
        shown: JsonObject = self.options.model_dump(mode="json", exclude_defaults=True)
        return {"name": self.name, "kind": self.kind, **shown}

    async def start(self) -> None:
        """Index the file. Raises InputError with file and line for a row that cannot be read."""
        await asyncio.to_thread(self._recordings.open)

    async def close(self) -> None:
        """Close the file. Safe to call twice."""
        self._recordings.close()

    async def respond(self, request: TargetRequest) -> TargetReply:
        """The recorded answer. Raises TargetFailure: not recorded, recorded as failed, or unreadable."""
        key = request.case_id if self.options.key == "case_id" else _prompt(request)
        try:
            row = self._recordings.find(key_digest(key), request.repeat)
        except (ValueError, OSError) as problem:
            raise TargetFailure(
                f"{self.options.file} has changed since it was indexed: {clean_line(str(problem))}",
                kind=FailureKind.BAD_RESPONSE,
                where=self.where,
            ) from None
        if row is None:
            raise self._not_recorded(request, key)
        error = self._get(row, "error")
        if error not in (MISSING, None, "", False):
            raise TargetFailure(
                f"the recording is of a failed call: {clean_line(str(error))}",
                kind=FailureKind.SERVER_ERROR,
                where=self.where,
            )
        try:
            return self._reply(row, request)
        except (ValueError, RecursionError) as problem:
            raise TargetFailure(
                f"the recording of '{clean_line(key, 80)}' cannot be read: {clean_line(str(problem))}",
                kind=FailureKind.BAD_RESPONSE,
                where=self.where,
            ) from None

    def _not_recorded(self, request: TargetRequest, key: str) -> TargetFailure:
        count = self._recordings.count(key_digest(key))
        what = "case" if self.options.key == "case_id" else "prompt"
        message = f"no answer to {what} '{clean_line(key, 80)}' is recorded"
        if count:
            message = (
                f"{what} '{clean_line(key, 80)}' has {count} recorded answers, "
                f"repeat {request.repeat} is none of them"
            )
        return TargetFailure(message, kind=FailureKind.NOT_RECORDED, where=self.where)

    def _get(self, row: JsonObject, name: str) -> Any:
        """The cell that the options give for ``name``; MISSING without one."""
        path = self._paths.get(name)
        return MISSING if path is None else path.get(row, parse=json_cell)

    def _parsed(
        self, row: JsonObject, name: str, parse: Callable[..., tuple[Parsed, ...]]
    ) -> tuple[Parsed, ...]:
        """A cell that holds a list, in csv as JSON text."""
        value = self._get(row, name)
        if value is MISSING or value is None or value == "":
            return ()
        if isinstance(value, str):
            value = json_cell(value)
        return parse(value, what=name)

    def _reply(self, row: JsonObject, request: TargetRequest) -> TargetReply:
        """The recorded row as a reply."""
        messages = self._messages(row, request)
        metadata: dict[str, JsonValue] = {"replayed": True}
        latency = _number(self._get(row, "latency_ms"))
        if latency is not None:
            metadata["recorded_latency_ms"] = latency
        state = self._get(row, "final_state")
        if isinstance(state, str) and state:
            state = json_cell(state)
        return TargetReply(
            messages=messages,
            documents=self._parsed(row, "documents", parse_documents),
            final_state=object_of(state),
            finish_reason=text_of(self._get(row, "finish_reason")),
            model=text_of(self._get(row, "model")),
            usage=Usage(
                input_tokens=_count(self._get(row, "input_tokens")),
                output_tokens=_count(self._get(row, "output_tokens")),
                calls=1,
            ),
            metadata=metadata,
        )

    def _messages(self, row: JsonObject, request: TargetRequest) -> tuple[Message, ...]:
        """The row's messages, or its one text as a message."""
        recorded = self._parsed(row, "messages", parse_messages)
        if recorded:
            turn = turn_of(
                recorded,
                len(turn_starts(request.messages)),
                whole=self.options.conversation == "one_turn",
            )
            if not turn:
                raise ValueError("the recorded conversation has no answer to this turn")
            return turn
        response = self._get(row, "response")
        if response is MISSING or response is None:
            raise ValueError(f"the row has no '{self.options.columns.response}'")
        calls: tuple[ToolCall, ...] = self._parsed(row, "tool_calls", parse_tool_calls)
        return (
            Message(
                role=MessageRole.ASSISTANT, content=parse_content(response, what="response"), tool_calls=calls
            ),
        )


def turn_starts(messages: Sequence[Message]) -> list[int]:
    """Places of the user messages that begin a turn: those that no other user message stands before."""
    user = MessageRole.USER
    return [
        index
        for index, item in enumerate(messages)
        if item.role is user and (index == 0 or messages[index - 1].role is not user)
    ]


def turn_of(recorded: Sequence[Message], turn: int, *, whole: bool = False) -> tuple[Message, ...]:
    """What the recorded system did in the ``turn``-th turn (from 1): no user or system messages.

    Everything after the first user message where ``whole``. A recording without user messages is one turn.
    """
    starts = turn_starts(recorded) or [0]
    if whole:
        starts, turn = starts[:1], 1
    if turn > len(starts):
        return ()
    end = starts[turn] if 0 < turn < len(starts) else len(recorded)
    return tuple(
        item
        for item in recorded[starts[max(turn, 1) - 1] : end]
        if item.role in (MessageRole.ASSISTANT, MessageRole.TOOL)
    )


def json_cell(text: str) -> Any:
    """A text cell that holds JSON, parsed; MISSING where it holds none."""
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return MISSING


def _prompt(request: TargetRequest) -> str:
    """The last thing that the user said."""
    for message in reversed(request.messages):
        if message.role is MessageRole.USER:
            return message.text
    return ""


def _number(value: Any) -> float | None:
    """A cell as a number that is not negative; csv has texts."""
    if isinstance(value, bool):
        return None
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _count(value: Any) -> int:
    """A cell as a count; 0 where it is none."""
    number = _number(value)
    return count_of(int(number)) if number is not None else 0
