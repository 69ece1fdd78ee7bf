"""Work on pieces of a run in several processes, results in the order of the pieces.

Processes are forked: what the work needs (cases, scorers, columns) is there without being sent, and a script
of the user's is not run again. Where forking is not safe (other systems, other threads at work) or would not
pay, the same work is done here.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import sys
import threading
from collections.abc import Callable, Iterable, Iterator
from itertools import chain, islice
from typing import TYPE_CHECKING, Any, TypeVar

from safecase.base import CheckFailed, InfrastructureError, InputError, SafecaseError
from safecase_verify import CheckFailed as VerifierCheckFailed
from safecase_verify import VerifyError

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

Piece = TypeVar("Piece")
Result = TypeVar("Result")
_MOST_PROCESSES = 8
"""One process reads and writes for all of them; with more it would be what they wait for."""
_TOLD = (CheckFailed, InputError, VerifierCheckFailed)
"""Errors that come out of a process as what they were in it."""
_WORTH_IT = 4
"""Pieces from which processes pay: starting one takes some milliseconds, a piece some tens of them."""


def in_order(work: Callable[[Piece], Result], pieces: Iterable[Piece]) -> Iterator[Result]:
    """``work`` done on each piece, results in order. Raises what the work raises, for the first such
    piece."""
    waiting = iter(pieces)
    first = list(islice(waiting, _WORTH_IT))
    count = min(_processors(), _MOST_PROCESSES)
    if len(first) < _WORTH_IT or count < 2 or sys.platform != "linux" or threading.active_count() > 1:
        yield from map(work, chain(first, waiting))
        return
    crew = _Crew(work, count)
    try:
        yield from crew.run(chain(first, waiting))
    finally:
        crew.close()


def _processors() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


class _Crew:
    """Processes that each have one piece at a time, so that neither end of a pipe ever waits for the
    other."""

    def __init__(self, work: Callable[[Any], Any], count: int) -> None:
        context = multiprocessing.get_context("fork")
        self._ends: list[Connection] = []
        self._processes = []
        for _ in range(count):
            here, there = context.Pipe()
            # A child that kept the other pipes open would keep their readers waiting for ever.
            process = context.Process(target=_serve, args=(work, there, [*self._ends, here]), daemon=True)
            process.start()
            there.close()
            self._ends.append(here)
            self._processes.append(process)

    def run(self, pieces: Iterable[Any]) -> Iterator[Any]:
        """Results in order: whoever is asked next has the oldest piece."""
        busy: list[Connection] = []
        free = list(self._ends)
        for piece in pieces:
            if not free:
                end = busy.pop(0)
                result = _received(end)
                end.send(piece)
                busy.append(end)
                yield result
            else:
                end = free.pop(0)
                end.send(piece)
                busy.append(end)
        for end in busy:
            yield _received(end)

    def close(self) -> None:
        """End the processes, also those at work."""
        for end in self._ends:
            end.close()
        for process in self._processes:
            process.terminate()
            process.join()


def _serve(work: Callable[[Any], Any], end: Connection, others: Iterable[Connection]) -> None:
    """What a process does: pieces in, results out, until nobody is at the other end."""
    for other in others:
        other.close()
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            piece = end.recv()
            answer: tuple[Any, Any]
            try:
                answer = (None, work(piece))
            except (SafecaseError, VerifyError) as error:
                answer = ((type(error), error.message, error.where, error.hint), None)
            except Exception as error:  # noqa: BLE001 - told where the piece came from
                answer = ((InfrastructureError, f"{type(error).__name__}: {error}", None, None), None)
            end.send(answer)


def _received(end: Connection) -> Any:
    try:
        failure, result = end.recv()
    except EOFError:
        raise InfrastructureError(
            "a process that worked on the pack has died", hint="free some memory and try again"
        ) from None
    if failure is not None:
        kind, message, where, hint = failure
        raise (kind if kind in _TOLD else InfrastructureError)(message, where=where, hint=hint)
    return result
