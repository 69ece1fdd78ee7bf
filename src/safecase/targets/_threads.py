"""Threads for code that blocks: a hung call costs its own thread, never the run or the process's end."""

from __future__ import annotations

import asyncio
import contextvars
import queue
import threading
from collections.abc import Callable
from concurrent.futures import Future
from typing import Any

_IDLE_SECONDS = 10.0
"""A thread that has had no work for so long ends: calls of a run follow each other faster."""


class DaemonThreads:
    """Runs blocking calls on daemon threads, at most ``limit`` awaited at once.

    ``concurrent.futures`` joins its threads when the interpreter ends, so that one hung call would keep
    the program alive; these it does not. A call whose awaiter is cancelled gives its place back at once.
    """

    def __init__(self, limit: int, name: str) -> None:
        self._places = asyncio.Semaphore(limit)
        self._name = name
        self._work: queue.SimpleQueue[tuple[Future[Any], Callable[[], Any]] | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._idle = 0
        self._queued = 0

    async def run(self, call: Callable[[], Any]) -> Any:
        """Run ``call`` on a thread, in the caller's context, and return or raise what it does."""
        async with self._places:
            future: Future[Any] = Future()
            context = contextvars.copy_context()
            with self._lock:
                self._work.put((future, lambda: context.run(call)))
                self._queued += 1
                start = self._queued > self._idle
            if start:
                threading.Thread(target=self._serve, name=self._name, daemon=True).start()
            return await asyncio.wrap_future(future)

    def close(self) -> None:
        """Send idle threads home; busy ones end after their call."""
        with self._lock:
            for _ in range(self._idle):
                self._work.put(None)

    def _serve(self) -> None:
        """Work until there has been none for a while."""
        while True:
            with self._lock:
                self._idle += 1
            try:
                item = self._work.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                item = None
            with self._lock:
                self._idle -= 1
                if item is not None:
                    self._queued -= 1
            if item is None:
                return
            future, call = item
            # Cancelled while it waited: nobody awaits the result.
            if not future.set_running_or_notify_cancel():
                continue
            try:
                result = call()
            except StopIteration as error:
                # asyncio refuses to carry StopIteration and would leave the awaiter waiting for ever.
                future.set_exception(RuntimeError(f"StopIteration: {error}"))
            except BaseException as error:  # noqa: BLE001 - handed to the awaiter, who decides
                future.set_exception(error)
            else:
                future.set_result(result)
