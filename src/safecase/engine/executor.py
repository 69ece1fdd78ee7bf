"""Executors: who does the attempts. All of them share the dispatcher, the recorder and the journal."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from safecase.base import InfrastructureError
from safecase.engine.attempt_runner import AttemptRunner, Completed, Draw, ScorerBuilder, ScorerSet
from safecase.engine.cache import ResponseCache
from safecase.engine.caller import Caller
from safecase.engine.conversation import PriceLookup
from safecase.engine.dispatch import Dispatcher
from safecase.engine.limits import AdaptiveConcurrency, Budget, BudgetExhausted
from safecase.engine.plan import RunPlan
from safecase.engine.recorder import Recorder
from safecase.model import Limits, Target


@dataclass(frozen=True)
class Work:
    """All that an executor needs to carry a run through."""

    run_id: str
    plan: RunPlan
    target: Target
    build_scorer: ScorerBuilder
    scorers: ScorerSet
    limits: Limits
    budget: Budget
    price: PriceLookup | None
    cache: ResponseCache | None
    cache_repeats: bool
    fingerprint: Mapping[str, str]
    dispatcher: Dispatcher
    recorder: Recorder
    with_summaries: bool
    scorer_concurrency: int


@dataclass
class ExecutorState:
    """What an executor tells the progress display."""

    concurrency: float = 0.0
    retries: int = 0


class Executor(Protocol):
    """Does the attempts that the dispatcher hands out and gives each to the recorder.

    Returns when the dispatcher hands out nothing more and nothing is in flight. A draw that was handed out
    and not carried through is put back. Cancellation drops what is in flight (and puts it back).
    """

    name: str

    async def execute(self, work: Work) -> None:
        """Carry the run through. Raises InfrastructureError where no attempt can be made at all."""

    def state(self) -> ExecutorState:
        """For the progress display."""


class LocalExecutor:
    """A pool of workers on the calling event loop: one process, one core, no task per attempt."""

    name = "local"

    def __init__(self) -> None:
        self._caller: Caller | None = None

    async def execute(self, work: Work) -> None:
        """Start the target, run the workers, close the target."""
        caller = Caller(
            work.target,
            work.limits,
            budget=work.budget,
            price=work.price,
            cache=work.cache,
            cache_repeats=work.cache_repeats,
            fingerprint=work.fingerprint,
        )
        self._caller = caller
        runner = AttemptRunner(
            cases=work.plan.cases,
            caller=caller,
            scorers=work.scorers,
            run_id=work.run_id,
            price=work.price,
            with_summaries=work.with_summaries,
            scorer_concurrency=work.scorer_concurrency,
        )
        # Attempts that wait for a judge must not keep the target idle.
        extra = work.scorer_concurrency if work.scorers.asynchronous else 0
        try:
            await start_target(work.target)
            await WorkerPool(work.dispatcher, work.recorder, runner, caller.concurrency, extra).run()
        finally:
            with contextlib.suppress(Exception):
                await work.target.close()

    def state(self) -> ExecutorState:
        """The adaptive limit and the retries so far."""
        if self._caller is None:
            return ExecutorState()
        return ExecutorState(self._caller.concurrency.limit, self._caller.retries)


async def start_target(target: Target) -> None:
    """Open the target; whatever goes wrong is an InfrastructureError that says which target."""
    try:
        await target.start()
    except InfrastructureError:
        raise
    except Exception as error:
        raise InfrastructureError(
            f"the target '{target.name}' could not be started: {type(error).__name__}: {error}",
            hint="mend the target's configuration, then run `safecase resume`",
        ) from error


class DrawSource(Protocol):
    """Where workers get draws: the dispatcher, or a batch of it on another machine."""

    @property
    def exhausted(self) -> bool:
        """True where no draw will ever be handed out again."""

    def take_now(self) -> Draw | None:
        """The next draw if one may be tried at once."""

    async def take(self) -> Draw | None:
        """The next draw, or None where there is no more to do."""

    def put_back(self, draw: int) -> None:
        """A draw was not carried through."""

    def stop(self, reason: str) -> None:
        """Hand out nothing more."""


class AttemptSink(Protocol):
    """Where workers leave finished attempts."""

    async def record(self, completed: Completed) -> None:
        """Take one finished attempt."""

    def fail(self, error: InfrastructureError) -> None:
        """The run cannot go on."""


class WorkerPool:
    """As many workers as calls may be in flight, plus ``extra``; grows and shrinks with the adaptive limit.

    A worker takes a draw only when it can call at once, so that little is under way when the gate decides.
    """

    def __init__(
        self,
        dispatcher: DrawSource,
        recorder: AttemptSink,
        runner: AttemptRunner,
        concurrency: AdaptiveConcurrency,
        extra: int = 0,
    ) -> None:
        self._dispatcher = dispatcher
        self._recorder = recorder
        self._runner = runner
        self._concurrency = concurrency
        self._extra = extra
        self._workers = 0

    async def run(self) -> None:
        """Return when there is no more to do."""
        try:
            async with asyncio.TaskGroup() as group:
                self._grow(group)
        except* InfrastructureError as errors:
            raise errors.exceptions[0] from errors

    def _grow(self, group: asyncio.TaskGroup) -> None:
        wanted = int(self._concurrency.limit) + self._extra
        while self._workers < wanted:
            self._workers += 1
            group.create_task(self._work(group))

    async def _work(self, group: asyncio.TaskGroup) -> None:
        dispatcher = self._dispatcher
        while True:
            draw = dispatcher.take_now()
            if draw is None:
                draw = await dispatcher.take()
                if draw is None:
                    break
            await attempt(draw, dispatcher, self._recorder, self._runner)
            wanted = int(self._concurrency.limit) + self._extra
            if wanted > self._workers and not dispatcher.exhausted:
                self._grow(group)
            elif wanted < self._workers:
                break
        self._workers -= 1


async def attempt(draw: Draw, dispatcher: DrawSource, recorder: AttemptSink, runner: AttemptRunner) -> None:
    """Carry one draw through, or put it back where it cannot be."""
    try:
        completed = await runner.run(draw)
    except BudgetExhausted as stop:
        dispatcher.put_back(draw.draw)
        dispatcher.stop(str(stop))
        return
    except InfrastructureError as error:
        dispatcher.put_back(draw.draw)
        recorder.fail(error)
        return
    except asyncio.CancelledError:
        dispatcher.put_back(draw.draw)
        raise
    except Exception as error:  # noqa: BLE001  a mistake of ours costs one attempt its verdict, never the run
        completed = runner.harness_failure(draw, error)
    await recorder.record(completed)
