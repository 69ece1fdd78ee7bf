"""Which draw is tried next, and what the streaming gate has seen: always in draw order."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from safecase.engine.attempts._draws import Draw
from safecase.engine.plan import RunPlan
from safecase.model import AttemptSummary, Case, EarlyStop

_TODO, _TAKEN, _DONE, _SKIPPED = 0, 1, 2, 3


class Dispatcher:
    """Hands out draws in order and feeds finished ones to the gate in order.

    Without a gate draws are handed out as fast as they are asked for. With one, at most ``window`` draws are
    handed out beyond the first draw that is still open, so that an early stop pays: a slow attempt holds back
    what the gate sees, not the work.

    ``recorded`` marks draws that the log holds already (resume); ``earlier`` yields their summaries in draw
    order and is only read where a gate watches.
    """

    def __init__(
        self,
        plan: RunPlan,
        *,
        recorded: NDArray[np.bool_] | None = None,
        earlier: Iterator[AttemptSummary] | None = None,
        gate: EarlyStop | None = None,
        window: int = 256,
    ) -> None:
        self._plan = plan
        self._gate = gate
        self._window = window
        self._state = np.zeros(len(plan), dtype=np.uint8)
        self._earlier_marks = recorded if recorded is not None else np.zeros(len(plan), dtype=np.bool_)
        self._state[self._earlier_marks] = _DONE
        self._earlier = earlier
        self._cursor = 0
        self._observed = 0
        self._buffer: dict[int, AttemptSummary] = {}
        self._waiters: list[asyncio.Future[None]] = []
        self._stopped = False
        self.stop_reason = ""
        self.skipped = 0
        self.in_flight = 0
        self.decided_at = 0
        """Draws that the gate had seen or passed over when it needed no more; 0: it never came so far."""
        self._advance()

    @property
    def window(self) -> int:
        """How far ahead of the observed prefix draws may be handed out while a gate watches."""
        return self._window

    @property
    def observed(self) -> int:
        """Length of the prefix of the draw order that is closed."""
        return self._observed

    @property
    def decided(self) -> bool:
        """True where the gate needs no further attempt."""
        return self._gate is not None and self._gate.finished

    @property
    def stopped(self) -> bool:
        """True where no further draw is handed out."""
        return self._stopped

    @property
    def remaining(self) -> int:
        """Draws that are neither recorded nor skipped nor in flight."""
        return int(np.count_nonzero(self._state == _TODO))

    async def take(self) -> Draw | None:
        """The next draw to try, or None where there is no more to do."""
        while True:
            draw = self.take_now()
            if draw is not None:
                return draw
            if self.exhausted:
                return None
            waiter = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            await waiter

    @property
    def exhausted(self) -> bool:
        """True where no draw will ever be handed out again."""
        return self._stopped or self._cursor >= len(self._plan)

    def take_now(self) -> Draw | None:
        """The next draw if one may be handed out at once; None says wait, or finished (``exhausted``)."""
        total = len(self._plan)
        state, gate = self._state, self._gate
        while not self._stopped and self._cursor < total:
            cursor = self._cursor
            if state[cursor] != _TODO:
                self._cursor += 1
                continue
            if gate is not None:
                if gate.finished:
                    self._skip_rest()
                    return None
                if cursor - self._observed >= self._window:
                    return None
                if not gate.wants(self._plan.planned(cursor), self._case(cursor)):
                    state[cursor] = _SKIPPED
                    self.skipped += 1
                    self._cursor += 1
                    self._advance()
                    continue
            state[cursor] = _TAKEN
            self._cursor += 1
            self.in_flight += 1
            return Draw(
                cursor,
                int(self._plan.case_index[cursor]),
                int(self._plan.repeat[cursor]),
                int(self._plan.seed[cursor]),
            )
        return None

    def close(self, position: int, summary: AttemptSummary | None) -> None:
        """The draw at ``position`` was recorded. ``summary`` is needed where a gate watches."""
        self._state[position] = _DONE
        self.in_flight -= 1
        if self._gate is not None:
            if summary is None:
                raise ValueError("a streaming gate needs the summary of each attempt")
            self._buffer[position] = summary
            self._advance()

    def put_back(self, position: int) -> None:
        """A draw was handed out and not carried through: it stays to be done (by a resumed run)."""
        self._state[position] = _TODO
        self.in_flight -= 1

    def hand_out_again(self, position: int) -> None:
        """Like `put_back`, and the draw is handed out again in this run (a lost worker's work)."""
        self.put_back(position)
        self._cursor = min(self._cursor, position)
        self._wake()

    def stop(self, reason: str) -> None:
        """Hand out nothing more. The first reason stays."""
        if not self._stopped:
            self._stopped = True
            self.stop_reason = reason
        self._wake()

    def _case(self, draw: int) -> Case:
        return self._plan.cases[int(self._plan.case_index[draw])]

    def _skip_rest(self) -> None:
        rest = self._state == _TODO
        self.skipped += int(np.count_nonzero(rest))
        self._state[rest] = _SKIPPED
        self._cursor = len(self._plan)
        self._wake()

    def _advance(self) -> None:
        """Show the gate every attempt of the prefix that has just closed."""
        gate = self._gate
        if gate is None:
            return
        before = self._observed
        total = len(self._plan)
        while self._observed < total:
            position = self._observed
            state = self._state[position]
            if state == _DONE:
                summary = self._buffer.pop(position, None)
                if summary is None and self._earlier is not None and self._earlier_marks[position]:
                    summary = next(self._earlier)
                if summary is not None:
                    gate.observe(summary)
                    if not self.decided_at and gate.finished:
                        self.decided_at = position + 1
            elif state != _SKIPPED:
                break
            self._observed += 1
        if self._observed > before:
            self._wake()

    def _wake(self) -> None:
        waiters, self._waiters = self._waiters, []
        for waiter in waiters:
            if not waiter.done():
                waiter.set_result(None)
