"""Python code as a target: functions, objects, LangChain and LlamaIndex runnables."""

from __future__ import annotations

import functools
import inspect
import os
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Literal, Protocol, TypeAlias, get_args, runtime_checkable

from pydantic import Field

from safecase.base import PYTHON_REFERENCE, InputError, JsonObject, Record, did_you_mean, digest
from safecase.model import (
    FailureKind,
    Message,
    TargetFailure,
    TargetReply,
    TargetRequest,
)
from safecase.targets._chat import note_environment, with_documents
from safecase.targets._code import CodeReference, crash
from safecase.targets._http.json_body import clean_line
from safecase.targets._http.keys import environment_keys
from safecase.targets._http.transport import mask_secrets
from safecase.targets._registry import TARGETS, TargetContext
from safecase.targets._reply import read_reply, without_keys
from safecase.targets._threads import DaemonThreads

InputForm: TypeAlias = Literal["text", "messages", "request"]


@runtime_checkable
class DeclaresInput(Protocol):
    """Code that says itself what it wants to be given."""

    safecase_input: InputForm


ASYNC_METHODS = ("ainvoke", "achat", "aquery", "acall")
SYNC_METHODS = ("invoke", "chat", "query")


class PythonCallableOptions(Record):
    """Options of a Python callable."""

    callable: str = Field(pattern=PYTHON_REFERENCE)
    """``module:attribute``, the module being a file of the workspace or an installed package."""
    input: InputForm | None = None
    """``text``: the last user message; ``messages``: role/content mappings; ``request``: the whole
    TargetRequest. Where not given: the attribute ``safecase_input``, the first parameter's annotation
    or name, else text."""
    input_key: str = ""
    """Wrap the input in a mapping under this key (LangGraph: ``messages``; chains: ``question``)."""
    method: str = ""
    """Method to call on an object; where not given ainvoke, achat, aquery, invoke, chat, query or call."""
    factory: bool = False
    """The attribute is called once, with ``arguments``, and what it returns is the target."""
    arguments: JsonObject = {}
    documents: Literal["user_message", "omit"] = "user_message"
    """Where a case's documents go for text and messages: before the user's text, or nowhere."""
    threads: int = Field(default=16, ge=1, le=512)
    """Ceiling of synchronous calls at once."""
    version: str = ""
    """Stands in the fingerprint beside the digest of the code."""


@TARGETS.register("python_callable", parameters=PythonCallableOptions)
class PythonCallableTarget:
    """A Python callable. Synchronous ones run in a thread pool; what they raise becomes a failure.

    A synchronous call that hangs cannot be stopped from outside: its thread ends when it ends.
    """

    kind: str = "python_callable"
    canaries: tuple[str, ...] = ()
    system_prompt: str = ""

    def __init__(self, options: PythonCallableOptions, context: TargetContext) -> None:
        self.name = context.configuration.id
        self.demo = False
        self.where = f"target '{self.name}'"
        self.options = options
        self.reference = CodeReference.parse(options.callable, context.root, what=self.where)
        self._call: Callable[[Any], Any] | None = None
        self._form: InputForm = "text"
        self._threads: DaemonThreads | None = None
        self._keys = environment_keys(os.environ)

    def fingerprint(self) -> Mapping[str, str]:
        """Reference, digest of the code (or package version), and options."""
        return {
            "kind": self.kind,
            "callable": self.options.callable,
            "code": self.reference.version(),
            "version": self.options.version or "none",
            "options": digest(self.options.model_dump(mode="json", exclude={"threads", "version"})),
        }

    def describe(self) -> JsonObject:
        """The configuration for people to read."""
        shown: JsonObject = mask_secrets(self.options.model_dump(mode="json", exclude_defaults=True))
        return {"name": self.name, "kind": self.kind, **shown}

    async def start(self) -> None:
        """Import the code. Raises InputError where it is not there, cannot be imported or called."""
        # Imported where calls are made: checking a workspace's options makes none.
        import asyncio

        if self._call is not None:
            return
        subject = await asyncio.to_thread(self._load)
        call = self._callable_of(subject)
        is_async = inspect.iscoroutinefunction(call) or inspect.iscoroutinefunction(
            getattr(call, "__call__", None)  # noqa: B004 - the method itself is asked, not whether it exists
        )
        self._form = self.options.input or declared_input(call, subject)
        if not is_async:
            self._threads = DaemonThreads(self.options.threads, f"target-{self.name}")
        self._call = call

    async def close(self) -> None:
        """Let the threads go. Safe to call twice."""
        threads, self._threads = self._threads, None
        self._call = None
        if threads is not None:
            threads.close()

    async def respond(self, request: TargetRequest) -> TargetReply:
        """Call the code once. Raises TargetFailure: CRASH for what it raised, BAD_RESPONSE for what
        it returned."""
        import asyncio

        call = self._call
        if call is None:
            raise TargetFailure(
                "the target is not started", kind=FailureKind.CRASH, where=self.where, hint="await start()"
            )
        shown = request
        if request.documents and self._form != "request" and self.options.documents == "user_message":
            messages = with_documents(request.messages, request.documents, as_system=False)
            shown = request.model_copy(update={"messages": messages})
        argument = shape_input(shown, self._form, self.options.input_key)
        try:
            value = await self._invoke(call, argument)
        except TargetFailure:
            raise
        except asyncio.CancelledError as error:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            raise crash(error, where=self.where) from None
        except (Exception, SystemExit) as error:  # noqa: BLE001 - code under test may fail in any way
            raise crash(error, where=self.where) from None
        try:
            reply = without_keys(read_reply(value, sent=len(request.messages)), self._keys)
            if request.environment and self._form != "request":
                note_environment(request, reply.metadata)
        except (ValueError, RecursionError) as error:
            raise TargetFailure(
                f"{self.options.callable}: {clean_line(str(error))}",
                kind=FailureKind.BAD_RESPONSE,
                where=self.where,
            ) from None
        return reply

    async def _invoke(self, call: Callable[[Any], Any], argument: Any) -> Any:
        """Call it, on a thread where it blocks; what it hands back may itself be awaitable."""
        if self._threads is None:
            value = call(argument)
        else:
            value = await self._threads.run(functools.partial(call, argument))
        return await value if isinstance(value, Awaitable) else value

    def _load(self) -> Any:
        """What is called for each request: the function itself, or what a factory or a class builds."""
        subject = self.reference.load()
        if not (self.options.factory or inspect.isclass(subject)):
            if self.options.arguments:
                raise InputError(
                    f"{self.where}: 'arguments' are given, but nothing is built", hint="factory: true"
                )
            return subject
        if not callable(subject):
            raise InputError(f"{self.where}: '{self.options.callable}' is no factory: it cannot be called")
        try:
            return subject(**self.options.arguments)
        except (Exception, SystemExit) as error:  # noqa: BLE001 - code under test may fail in any way
            raise InputError(
                f"{self.where}: building '{self.options.callable}' failed: {crash(error, where='').message}"
            ) from None

    def _callable_of(self, subject: Any) -> Callable[[Any], Any]:
        name = self.options.method
        if not name and not (inspect.isroutine(subject) or isinstance(subject, functools.partial)):
            methods = (*ASYNC_METHODS, *SYNC_METHODS)
            name = next((item for item in methods if callable(getattr(subject, item, None))), "")
        found = getattr(subject, name, None) if name else subject
        if callable(found):
            call: Callable[[Any], Any] = found
            return call
        if name:
            known = [item for item in dir(subject) if not item.startswith("_")]
            raise InputError(
                f"{self.where}: '{self.options.callable}' has no method '{name}'",
                hint=did_you_mean(name, known),
            )
        raise InputError(
            f"{self.where}: '{self.options.callable}' is a {type(subject).__name__}, which cannot be called",
            hint=f"name a function, or an object with one of {', '.join((*ASYNC_METHODS, *SYNC_METHODS))}",
        )


def declared_input(call: Callable[..., Any], subject: Any) -> InputForm:
    """Which input the code wants: ``safecase_input``, the first parameter's annotation, its name, or text."""
    for holder in (subject, call):
        if isinstance(holder, DeclaresInput) and holder.safecase_input in get_args(InputForm):
            return holder.safecase_input
    try:
        parameters = list(inspect.signature(call, eval_str=False).parameters.values())
    except (TypeError, ValueError):
        return "text"
    positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    first = next((item for item in parameters if item.kind in positional), None)
    if first is None:
        return "text"
    annotation = first.annotation
    written = annotation if isinstance(annotation, str) else getattr(annotation, "__name__", str(annotation))
    written = written.lower()
    if "targetrequest" in written or first.name == "request":
        return "request"
    if written.startswith(("list", "sequence", "tuple", "typing.list")) or first.name in (
        "messages",
        "history",
    ):
        return "messages"
    return "text"


def shape_input(request: TargetRequest, form: InputForm, key: str = "") -> Any:
    """The argument that the code is called with."""
    value: Any = request
    if form == "text":
        value = next((item.text for item in reversed(request.messages) if item.role.value == "user"), "")
    elif form == "messages":
        value = plain_messages(request.messages)
    return {key: value} if key else value


def plain_messages(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages as mappings with role and content (and tool fields where there are any)."""
    result: list[dict[str, Any]] = []
    for message in messages:
        item: dict[str, Any] = {"role": message.role.value, "content": message.content}
        if not isinstance(message.content, str):
            item["content"] = [
                part.model_dump(mode="json", exclude_defaults=True) | {"type": part.type}
                for part in message.content
            ]
        if message.tool_calls:
            item["tool_calls"] = [call.model_dump(mode="json") for call in message.tool_calls]
        if message.tool_call_id:
            item["tool_call_id"] = message.tool_call_id
        if message.name:
            item["name"] = message.name
        result.append(item)
    return result
