"""Servers on the loopback whose behaviour, failures included, each test scripts."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson
from aiohttp import web

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Seen:
    """One request as the server saw it."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: Any


@dataclass
class PlayServer:
    """Answers in the order in which they were queued; the last one is repeated."""

    url: str
    answers: list[Handler] = field(default_factory=list)
    seen: list[Seen] = field(default_factory=list)
    position: int = 0

    def play(self, *handlers: Handler) -> None:
        """Queue answers."""
        self.answers.extend(handlers)

    def json(self, *values: Any, status: int = 200, headers: dict[str, str] | None = None) -> None:
        """Queue JSON answers."""
        for value in values:
            self.body(orjson.dumps(value), status=status, headers=headers)

    def body(
        self,
        data: bytes,
        *,
        status: int = 200,
        content_type: str = "application/json",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Queue an answer of raw bytes."""

        async def answer(_: web.Request) -> web.StreamResponse:
            return web.Response(
                body=data, status=status, headers={"Content-Type": content_type, **(headers or {})}
            )

        self.play(answer)

    async def handle(self, request: web.Request) -> web.StreamResponse:
        """Serve one request."""
        if request.path == "/healthz":
            return web.Response(status=404)
        raw = await request.read()
        self.seen.append(
            Seen(
                request.method,
                request.path,
                dict(request.query),
                {name.lower(): value for name, value in request.headers.items()},
                orjson.loads(raw) if raw else None,
            )
        )
        handler = self.answers[min(self.position, len(self.answers) - 1)]
        self.position += 1
        return await handler(request)


@asynccontextmanager
async def serve_scripted() -> AsyncIterator[PlayServer]:
    """A server on the loopback that answers what a test queues."""
    play = PlayServer("")
    application = web.Application(client_max_size=50_000_000)
    application.router.add_route("*", "/{tail:.*}", play.handle)
    runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    play.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield play
    await runner.cleanup()


@asynccontextmanager
async def serve_raw() -> AsyncIterator[Callable[[bytes], Awaitable[str]]]:
    """Starts a server that answers every request with fixed bytes, then closes the connection."""
    servers: list[asyncio.Server] = []

    async def start(reply: bytes) -> str:
        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            try:
                head = await reader.readuntil(b"\r\n\r\n")
                if head.startswith(b"GET /healthz"):
                    writer.write(b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
                elif reply == b"RESET":
                    writer.transport.abort()
                    return
                else:
                    writer.write(reply)
                await writer.drain()
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            finally:
                writer.close()

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        servers.append(server)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for server in servers:
        server.close()
