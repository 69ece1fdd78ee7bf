"""The executor of one process: workers on the calling event loop, one core, no task per attempt."""

from __future__ import annotations

import contextlib

from safecase.engine.attempts._runner import AttemptRunner
from safecase.engine.calls._caller import Caller
from safecase.engine.executors.protocol import Assignment, ExecutorState, start_target


class LocalExecutor:
    """Does the attempts in this process."""

    name = "local"

    def __init__(self) -> None:
        self._caller: Caller | None = None

    async def execute(self, assignment: Assignment) -> None:
        """Start the target, run the workers, close the target."""
        request = assignment.request
        self._caller = Caller(
            request.target,
            request.settings.limits,
            budget=assignment.budget,
            price=request.price,
            cache=request.cache,
            cache_repeats=request.settings.cache_repeats,
        )
        runner = AttemptRunner(
            request.plan.cases,
            self._caller,
            assignment.scorers,
            run_id=assignment.run_id,
            with_summaries=request.streaming_gate is not None,
        )
        try:
            await start_target(request.target)
            await runner.run(assignment.draws, assignment.recorder)
        finally:
            with contextlib.suppress(Exception):
                await request.target.close()

    def state(self) -> ExecutorState:
        """The adaptive limit and the retries so far."""
        if self._caller is None:
            return ExecutorState()
        return ExecutorState(self._caller.concurrency.limit, self._caller.retries)
