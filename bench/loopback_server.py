"""A local OpenAI-compatible chat server that answers at once, or after a fixed latency.

The yardstick of the throughput benchmarks: it costs next to nothing, so the client is what is measured.
Listens on 127.0.0.1 only. Run it as ``python bench/loopback_server.py --latency 0.2``; it prints its port.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import cast

_LARGEST_REQUEST = 16 * 1024 * 1024
_ANSWER = json.dumps(
    {
        "id": "chatcmpl-loopback",
        "object": "chat.completion",
        "created": 0,
        "model": "loopback-1",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "I'm sorry, but I can't help with that request."},
                "finish_reason": "stop",
            }
        ],
        "usage": {"prompt_tokens": 24, "completion_tokens": 12, "total_tokens": 36},
    }
).encode()
_RESPONSE = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n" % len(_ANSWER)
    + _ANSWER
)
_TOO_LARGE = b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"


class Loopback(asyncio.Protocol):
    """Answers every request of a keep-alive connection with the same completion.

    A GET is answered with the number of completions so far, so that nobody's word has to be taken for it.
    """

    served = 0

    def __init__(self, latency: float) -> None:
        self._latency = latency
        self._data = b""
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports are no subclass of asyncio.Transport.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        self._data += data
        while True:
            end = self._data.find(b"\r\n\r\n")
            if end < 0:
                if len(self._data) > 65536:
                    self._refuse()
                return
            length = _content_length(self._data[:end])
            if length > _LARGEST_REQUEST:
                self._refuse()
                return
            if len(self._data) < end + 4 + length:
                return
            counting = self._data.startswith(b"GET ")
            self._data = self._data[end + 4 + length :]
            if counting:
                self._tell()
            elif self._latency:
                asyncio.get_running_loop().call_later(self._latency, self._answer)
            else:
                self._answer()

    def _answer(self) -> None:
        Loopback.served += 1
        if self._transport is not None and not self._transport.is_closing():
            self._transport.write(_RESPONSE)

    def _tell(self) -> None:
        body = str(Loopback.served).encode()
        if self._transport is not None:
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))

    def _refuse(self) -> None:
        if self._transport is not None:
            self._transport.write(_TOO_LARGE)
            self._transport.close()


def _content_length(head: bytes) -> int:
    for line in head.split(b"\r\n")[1:]:
        name, _, value = line.partition(b":")
        if name.strip().lower() == b"content-length" and value.strip().isdigit():
            return int(value)
    return 0


async def serve(latency: float, port: int) -> None:
    """Listen until cancelled; prints the port on the first line of standard output."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Loopback(latency), "127.0.0.1", port, backlog=4096)
    print(server.sockets[0].getsockname()[1], flush=True)
    async with server:
        await server.serve_forever()


@contextlib.contextmanager
def running(latency: float = 0.0) -> Iterator[str]:
    """A server in a process of its own for the life of the block; its base URL."""
    process = subprocess.Popen(
        [sys.executable, __file__, "--latency", str(latency)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        yield f"http://127.0.0.1:{port}/v1"
    finally:
        process.terminate()
        process.wait(10)


def main() -> None:
    """Serve until interrupted."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--latency", type=float, default=0.0, help="seconds before each answer")
    parser.add_argument("--port", type=int, default=0, help="0 picks a free one")
    arguments = parser.parse_args()
    run = asyncio.run
    if sys.platform != "win32":
        import uvloop

        run = uvloop.run
    with contextlib.suppress(KeyboardInterrupt):
        run(serve(arguments.latency, arguments.port))


if __name__ == "__main__":
    main()
