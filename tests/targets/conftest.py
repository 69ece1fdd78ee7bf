"""Servers for the targets that speak HTTP."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from support.servers import PlayServer, serve_raw, serve_scripted


@pytest.fixture
async def server() -> AsyncIterator[PlayServer]:
    """Answers what the test queues."""
    async with serve_scripted() as play:
        yield play


@pytest.fixture
async def raw_server() -> AsyncIterator[Callable[[bytes], Awaitable[str]]]:
    """Starts servers that answer every request with fixed bytes."""
    async with serve_raw() as start:
        yield start
