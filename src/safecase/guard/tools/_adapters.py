"""The ways tools are called in practice, each through one session: Python, OpenAI, MCP, LangChain."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import orjson
from pydantic import ValidationError

from safecase.base import InputError
from safecase.guard.tools._session import ApprovalNeeded, ToolDenied, ToolSession
from safecase.model import ToolCall


def guarded_tool(session: ToolSession, name: str = "") -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Decorator: the function can only be called through the session. Works for ``async def`` too."""

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        tool = name or function.__name__
        signature = inspect.signature(function)
        for parameter in signature.parameters.values():
            if parameter.kind in (parameter.POSITIONAL_ONLY, parameter.VAR_POSITIONAL):
                raise InputError(
                    f"the argument '{parameter.name}' has no name to decide by", where=f"tool '{tool}'"
                )

        def make_call(args: tuple[Any, ...], kwargs: dict[str, Any]) -> ToolCall:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise InputError(f"cannot be called so: {error}", where=f"tool '{tool}'") from None
            # What the function fills in by itself is decided on like what the agent says.
            bound.apply_defaults()
            arguments = dict(bound.arguments)
            for parameter in signature.parameters.values():
                if parameter.kind is parameter.VAR_KEYWORD:
                    arguments.update(arguments.pop(parameter.name))
            try:
                return ToolCall(name=tool, arguments=arguments)
            except ValidationError as error:
                first = error.errors()[0]
                where = f"tool '{tool}', {'.'.join(map(str, first['loc']))}"
                raise InputError("is nothing that JSON can hold", where=where) from None

        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def run_async(*args: Any, **kwargs: Any) -> Any:
                return await session.call_async(make_call(args, kwargs), function)

            return run_async

        @functools.wraps(function)
        def run(*args: Any, **kwargs: Any) -> Any:
            return session.call(make_call(args, kwargs), function)

        return run

    return decorate


def parse_openai_call(data: Mapping[str, Any]) -> ToolCall:
    """A ``tool_calls`` item (or an old ``function_call``) of an OpenAI-style message.

    Arguments that are no JSON object are kept as text, which every policy denies.
    """
    function = data.get("function", data)
    if not isinstance(function, Mapping) or not isinstance(function.get("name"), str):
        raise InputError("a tool call needs a function with a name")
    raw = function.get("arguments", "{}")
    identifier = str(data.get("id", ""))
    if isinstance(raw, Mapping):
        return ToolCall(name=function["name"], arguments=dict(raw), id=identifier)
    text = raw if isinstance(raw, str) else str(raw)
    try:
        arguments = orjson.loads(text or "{}")
    except orjson.JSONDecodeError:
        arguments = None
    if not isinstance(arguments, dict):
        return ToolCall(name=function["name"], id=identifier, arguments_text=text)
    return ToolCall(name=function["name"], arguments=arguments, id=identifier)


def run_openai_calls(
    session: ToolSession, calls: list[Mapping[str, Any]], tools: Mapping[str, Callable[..., Any]]
) -> list[dict[str, str]]:
    """Make the calls of one assistant message; returns the ``tool`` messages, refusals among them."""
    messages = []
    for data in calls:
        call = parse_openai_call(data)
        content = _attempt(session, call, tools)
        messages.append({"role": "tool", "tool_call_id": call.id, "content": content})
    return messages


def run_mcp_call(
    session: ToolSession, message: Mapping[str, Any], tools: Mapping[str, Callable[..., Any]]
) -> dict[str, Any]:
    """Answer an MCP ``tools/call`` request (JSON-RPC 2.0); a refusal is a result with ``isError``."""
    identifier = message.get("id")
    parameters = message.get("params")
    if message.get("method") != "tools/call" or not isinstance(parameters, Mapping):
        return _mcp_error(identifier, -32600, "not a tools/call request")
    name, arguments = parameters.get("name"), parameters.get("arguments", {})
    if not isinstance(name, str) or not isinstance(arguments, Mapping):
        return _mcp_error(identifier, -32602, "a tools/call needs a name and an object of arguments")
    call = ToolCall(name=name, arguments=dict(arguments), id=str(identifier))
    try:
        text, failed = _result(session, call, tools), False
    except (ToolDenied, ApprovalNeeded) as refusal:
        text, failed = refusal.message, True
    content = [{"type": "text", "text": text}]
    return {"jsonrpc": "2.0", "id": identifier, "result": {"content": content, "isError": failed}}


def _mcp_error(identifier: Any, code: int, message: str) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": identifier, "error": {"code": code, "message": message}}


def _attempt(session: ToolSession, call: ToolCall, tools: Mapping[str, Callable[..., Any]]) -> str:
    """The result for the model; a refusal is one too, so that it can go on."""
    try:
        return _result(session, call, tools)
    except (ToolDenied, ApprovalNeeded) as refusal:
        return orjson.dumps({"error": refusal.message}).decode()


def _result(session: ToolSession, call: ToolCall, tools: Mapping[str, Callable[..., Any]]) -> str:
    """The result of a call as text, made through the session."""
    tool = tools.get(call.name)
    if tool is None:
        # The policy may know the tool and this host not: a decision all the same, so that it is logged.
        decision = session.policy.decide(
            call, session.tracker, request=session.request, journey=session.journey,
            session=session.session, dry_run=True,
        )  # fmt: skip
        raise ToolDenied(decision, "this host has no such tool")
    result = session.call(call, tool)
    return result if isinstance(result, str) else orjson.dumps(result, default=str).decode()


class GuardedLangChainTool:
    """Wraps any object with LangChain's shape: ``name``, ``description``, ``args_schema``, ``invoke``."""

    def __init__(self, tool: Any, session: ToolSession) -> None:
        self._tool = tool
        self._session = session
        self.name: str = tool.name
        self.description: str = getattr(tool, "description", "")
        self.args_schema = getattr(tool, "args_schema", None)

    def invoke(self, given: Any, config: Any = None, **kwargs: Any) -> Any:
        """Invoke through the session."""
        call = self._call(given)
        return self._session.call(call, lambda **arguments: self._tool.invoke(arguments, config, **kwargs))

    async def ainvoke(self, given: Any, config: Any = None, **kwargs: Any) -> Any:
        """The same, awaited."""

        async def run(**arguments: Any) -> Any:
            return await self._tool.ainvoke(arguments, config, **kwargs)

        return await self._session.call_async(self._call(given), run)

    def _call(self, given: Any) -> ToolCall:
        """What LangChain hands over as a tool call."""
        if isinstance(given, Mapping):
            # LangChain hands over either the arguments or a whole tool call.
            arguments = given["args"] if given.get("type") == "tool_call" and "args" in given else given
            return ToolCall(name=self.name, arguments=dict(arguments))
        return ToolCall(name=self.name, arguments_text=str(given))
