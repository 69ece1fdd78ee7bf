"""The demo agent as a local OpenAI-compatible server: chat completions, plain and streamed.

It listens on the loopback interface only. Every answer says that it comes from a demo.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import logging
import time
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import orjson

from safecase.base import InfrastructureError, InputError, canonical_json
from safecase.targets.demo._agent import DemoAgent, DemoReply
from safecase.targets.demo._prompt import DEMO_MODEL, DEMO_NAME, DEMO_NOTICE
from safecase.targets.demo._tools import TOOLS
from safecase.targets.demo._vulnerabilities import VULNERABILITIES

if TYPE_CHECKING:
    from aiohttp import web

MAX_BODY_BYTES = 32 * 1024 * 1024
"""A conversation with a picture of the largest size in base64 fits."""
_STARTED = 1_767_225_600
"""A fixed ``created`` time (2026-01-01), so that equal requests get equal answers."""

_log = logging.getLogger(__name__)


@dataclass
class RunningServer:
    """A server that listens; :meth:`close` ends it. Also an async context manager."""

    host: str
    port: int
    runner: Any

    @property
    def url(self) -> str:
        """Base URL for OpenAI-compatible clients, such as ``http://127.0.0.1:8123/v1``."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.port}/v1"

    async def close(self) -> None:
        """Stop listening and drop open connections."""
        await self.runner.cleanup()

    async def __aenter__(self) -> RunningServer:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


def trace(reply: DemoReply) -> dict[str, Any]:
    """What the agent did inside, as it stands in the answer under ``message.safecase_trace``."""
    return {
        "demo": True,
        "documents": [document.model_dump(mode="json") for document in reply.documents],
        "tool_calls": [
            {
                "id": f"call_{index + 1}",
                "name": run.name,
                "arguments": run.arguments,
                "result": run.result,
                "is_error": run.is_error,
            }
            for index, run in enumerate(reply.tool_calls)
        ],
        "final_state": reply.final_state,
        "state_change": reply.state_change,
    }


def _error(message: str, *, status: int = 400, kind: str = "invalid_request_error") -> web.Response:
    from aiohttp import web

    body = {"error": {"message": message, "type": kind, "param": None, "code": None}, "demo": True}
    return web.Response(body=canonical_json(body), status=status, content_type="application/json")


def _completion(reply: DemoReply, request_id: str, model: str) -> dict[str, Any]:
    usage = {
        "prompt_tokens": reply.usage.input_tokens,
        "completion_tokens": reply.usage.output_tokens,
        "total_tokens": reply.usage.input_tokens + reply.usage.output_tokens,
    }
    return {
        "id": request_id,
        "object": "chat.completion",
        "created": _STARTED,
        "model": model,
        "system_fingerprint": DEMO_NAME,
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": reply.text, "safecase_trace": trace(reply)},
                "finish_reason": reply.finish_reason,
                "logprobs": None,
            }
        ],
        "usage": usage,
        "metadata": reply.metadata,
    }


def _chunks(reply: DemoReply, completion: dict[str, Any], *, with_usage: bool) -> list[bytes]:
    head = {name: completion[name] for name in ("id", "created", "model", "system_fingerprint", "metadata")}
    head["object"] = "chat.completion.chunk"

    def chunk(delta: dict[str, Any], finish: str | None = None, **more: Any) -> bytes:
        choices = [{"index": 0, "delta": delta, "finish_reason": finish}]
        return b"data: " + canonical_json({**head, "choices": choices, **more}) + b"\n\n"

    pieces = [reply.text[start : start + 48] for start in range(0, len(reply.text), 48)]
    lines = [chunk({"role": "assistant", "content": ""})]
    lines += [chunk({"content": piece}) for piece in pieces]
    lines.append(chunk({"safecase_trace": trace(reply)}, reply.finish_reason))
    if with_usage:
        lines.append(
            b"data: " + canonical_json({**head, "choices": [], "usage": completion["usage"]}) + b"\n\n"
        )
    return [*lines, b"data: [DONE]\n\n"]


def _parse(body: bytes) -> dict[str, Any]:
    try:
        raw = orjson.loads(body)
    except orjson.JSONDecodeError:
        # orjson refuses lone surrogates, which real clients send; the standard library reads them.
        try:
            raw = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise InputError(f"the body is not valid JSON: {str(error)[:120]}") from None
    if not isinstance(raw, dict):
        raise InputError("the body must be a JSON object")
    return raw


def _answer(agent: DemoAgent, raw: dict[str, Any]) -> tuple[DemoReply, dict[str, Any]]:
    model = raw.get("model", DEMO_MODEL)
    seed = raw.get("seed") or 0
    if not isinstance(model, str):
        raise InputError("model must be text")
    if isinstance(seed, bool) or not isinstance(seed, int):
        raise InputError("seed must be a whole number")
    if raw.get("stream") is not None and not isinstance(raw["stream"], bool):
        raise InputError("stream must be true or false")
    documents = raw.get("safecase_documents")
    if documents is not None and not isinstance(documents, list):
        raise InputError("safecase_documents must be a list")
    messages: Any = raw.get("messages") if raw.get("messages") is not None else []
    user = raw.get("user")
    reply = agent.respond(
        messages,
        documents=documents,
        conversation_id=user if isinstance(user, str) else None,
        seed=seed,
        environment=raw.get("safecase_environment"),
    )
    request_id = f"chatcmpl-demo-{zlib.crc32(canonical_json([raw.get('messages'), seed])):08x}"
    return reply, _completion(reply, request_id, DEMO_MODEL)


def build_application(agent: DemoAgent) -> web.Application:
    """The aiohttp application around one agent."""
    from aiohttp import web

    async def chat(request: web.Request) -> web.StreamResponse:
        try:
            raw = _parse(await request.read())
            reply, completion = _answer(agent, raw)
        except InputError as error:
            return _error(error.render())
        if raw.get("stream") is not True:
            return web.Response(body=canonical_json(completion), content_type="application/json")
        options = raw.get("stream_options")
        with_usage = isinstance(options, dict) and options.get("include_usage") is True
        response = web.StreamResponse(
            headers={
                "Content-Type": "text/event-stream",
                "Cache-Control": "no-cache",
                "X-Safecase-Demo": "true",
            }
        )
        await response.prepare(request)
        for line in _chunks(reply, completion, with_usage=with_usage):
            await response.write(line)
        await response.write_eof()
        return response

    async def models(_: web.Request) -> web.Response:
        entry = {
            "id": DEMO_MODEL,
            "object": "model",
            "created": _STARTED,
            "owned_by": "safecase demo",
            "demo": True,
        }
        return web.json_response({"object": "list", "data": [entry]})

    async def health(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "demo": True})

    async def about(_: web.Request) -> web.Response:
        rows = [
            {
                "id": item.id,
                "title": item.title,
                "on": item.id in agent.vulnerabilities,
                "description": item.description,
                "breaks": item.breaks,
                "attack": item.attack.value if item.attack else None,
                "harm": item.harm.value,
                "references": list(item.references),
                "mitigation": item.mitigation,
            }
            for item in VULNERABILITIES
        ]
        return web.json_response(
            {
                "demo": True,
                "name": DEMO_NAME,
                "model": DEMO_MODEL,
                "notice": DEMO_NOTICE,
                "vulnerabilities": rows,
                "tools": [{"type": "function", "function": tool.model_dump(mode="json")} for tool in TOOLS],
            }
        )

    @web.middleware
    async def label(request: web.Request, handler: Any) -> web.StreamResponse:
        try:
            response: web.StreamResponse = await handler(request)
        except web.HTTPRequestEntityTooLarge:
            response = _error(f"the body is larger than {MAX_BODY_BYTES // (1024 * 1024)} MB", status=413)
        except web.HTTPException as error:
            response = _error(f"{request.method} {request.path}: {error.reason}", status=error.status)
        if not response.prepared:
            response.headers["X-Safecase-Demo"] = "true"
        return response

    application = web.Application(client_max_size=MAX_BODY_BYTES, middlewares=[label])
    application.router.add_post("/v1/chat/completions", chat)
    application.router.add_get("/v1/models", models)
    application.router.add_get("/healthz", health)
    application.router.add_get("/demo", about)
    return application


def _loopback(host: str) -> str:
    if host == "localhost":
        return "127.0.0.1"
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        raise InputError(f"'{host}' is no address", hint="use 127.0.0.1") from None
    if not address.is_loopback:
        raise InputError(
            f"the demo server listens on this machine only, not on {host}",
            hint="its agent is weak on purpose; use 127.0.0.1",
        )
    return host


async def start_server(
    host: str = "127.0.0.1", port: int = 0, vulnerabilities: Iterable[str] = ()
) -> RunningServer:
    """Start listening and return at once; port 0 takes a free one.

    Raises InputError for a host that is not loopback or an unknown vulnerability, InfrastructureError
    where the port cannot be had.
    """
    from aiohttp import web

    address = _loopback(host)
    agent = DemoAgent(tuple(vulnerabilities))
    runner = web.AppRunner(build_application(agent), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, address, port)
        await site.start()
    except (OSError, OverflowError) as error:
        await runner.cleanup()
        raise InfrastructureError(
            f"the demo server cannot listen on {address}:{port}: {error}", hint="choose another --port"
        ) from None
    taken = runner.addresses[0][1]
    _log.info("demo server on %s:%s", address, taken)
    return RunningServer(address, taken, runner)


def serve(host: str = "127.0.0.1", port: int = 8123, vulnerabilities: Iterable[str] = ()) -> None:
    """Serve until interrupted (Ctrl-C). Raises as :func:`start_server`."""

    async def run() -> None:
        started = time.monotonic()
        server = await start_server(host, port, vulnerabilities)
        try:
            await asyncio.Event().wait()
        finally:
            await server.close()
            _log.info("demo server ran %.0f s", time.monotonic() - started)

    try:
        asyncio.run(run())
    except KeyboardInterrupt:
        return
