"""The second executor: attempts on the machines of a Ray cluster, the log on the head.

Each worker (a Ray actor) drives its own copy of the target with its share of the limits, and returns finished
records; the head alone hands out draws, asks the gate, and writes the journal. So draws, seeds, order of
observation and log are those of the local executor. A worker that dies loses only what it had not returned;
those draws are handed out again.

Ray moves the target, the scorers and the cases between processes of one trusted cluster with its own
pickling; nothing of that touches the run folder.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from safecase.base import InfrastructureError, InputError, JsonValue
from safecase.engine.attempt_runner import AttemptRunner, Completed, Draw, ScorerBuilder, ScorerSet
from safecase.engine.caller import Caller
from safecase.engine.conversation import PriceLookup
from safecase.engine.executor import ExecutorState, Work, WorkerPool, start_target
from safecase.engine.limits import Budget
from safecase.engine.plan import live_turns
from safecase.model import Case, Limits, Target

_MOST_RESTARTS = 3


@dataclass(frozen=True)
class _Job:
    """What a worker needs once."""

    run_id: str
    make_target: Callable[[], Target]
    build_scorer: ScorerBuilder
    limits: Limits
    price: PriceLookup | None
    with_summaries: bool
    scorer_concurrency: int


@dataclass(frozen=True)
class _Returned:
    """What came of a batch."""

    completed: list[Completed]
    unfinished: list[int]
    """Draws that could not be carried through, in ascending order."""
    stop_reason: str
    failure: str
    calls: int
    cost_usd: float
    retries: int
    concurrency: float


class _Batch:
    """The dispatcher and the recorder of one batch inside a worker."""

    def __init__(self, draws: list[Draw]) -> None:
        self._open = iter(draws)
        self._left = len(draws)
        self.completed: list[Completed] = []
        self.unfinished: list[int] = []
        self.stop_reason = ""
        self.failure: InfrastructureError | None = None

    @property
    def exhausted(self) -> bool:
        return self._left == 0

    def take_now(self) -> Draw | None:
        for draw in self._open:
            self._left -= 1
            if not self.stop_reason:
                return draw
            self.unfinished.append(draw.draw)
        return None

    async def take(self) -> Draw | None:
        return self.take_now()

    def put_back(self, draw: int) -> None:
        self.unfinished.append(draw)

    def stop(self, reason: str) -> None:
        self.stop_reason = self.stop_reason or reason

    async def record(self, completed: Completed) -> None:
        self.completed.append(completed)

    def fail(self, error: InfrastructureError) -> None:
        self.failure = self.failure or error
        self.stop(error.message)


class Worker:
    """Runs inside a Ray actor: one copy of the target, batch after batch."""

    def __init__(self, job: _Job, cases: tuple[Case, ...]) -> None:
        self._job = job
        self._cases = cases
        self._target = job.make_target()
        self._scorers = ScorerSet(cases, job.build_scorer)
        self._caller = Caller(self._target, job.limits, price=job.price)
        self._runner: AttemptRunner | None = None

    async def start(self) -> tuple[str, str]:
        """Open the target; the id of the node that this worker lives on, and what went wrong or nothing."""
        import ray

        job = self._job
        try:
            await start_target(self._target)
        except InfrastructureError as error:
            return "", error.render()
        self._runner = AttemptRunner(
            cases=self._cases,
            caller=self._caller,
            scorers=self._scorers,
            run_id=job.run_id,
            price=job.price,
            with_summaries=job.with_summaries,
            scorer_concurrency=job.scorer_concurrency,
        )
        return str(ray.get_runtime_context().get_node_id()), ""

    async def run(self, draws: list[Draw], calls: int | None, cost_usd: float | None) -> _Returned:
        """Try the draws, with at most ``calls`` calls and about ``cost_usd`` dollars."""
        assert self._runner is not None
        budget = Budget(Limits(maximum_calls=calls, maximum_cost_usd=cost_usd))
        self._caller.budget = budget
        retries = self._caller.retries
        batch = _Batch(draws)
        extra = self._job.scorer_concurrency if self._scorers.asynchronous else 0
        pool = WorkerPool(batch, batch, self._runner, self._caller.concurrency, extra)
        await pool.run()
        batch.take_now()
        return _Returned(
            completed=batch.completed,
            unfinished=sorted(batch.unfinished),
            stop_reason=batch.stop_reason,
            failure=batch.failure.render() if batch.failure is not None else "",
            calls=budget.calls,
            cost_usd=budget.cost_usd,
            retries=self._caller.retries - retries,
            concurrency=self._caller.concurrency.limit,
        )

    async def close(self) -> None:
        """Close the target."""
        await self._target.close()


class RayExecutor:
    """Spreads attempts over ``workers`` actors of a Ray cluster.

    ``address`` is a cluster's address; empty starts a local one (or uses the one that this process is
    connected to). ``target_factory`` makes the target inside a worker; without it the request's target, not
    yet started, is sent. A limit of calls in flight, of requests or tokens per minute is divided among the
    workers. The response cache is refused, because its file serves one machine.
    """

    name = "ray"

    def __init__(
        self,
        workers: int = 2,
        *,
        address: str = "",
        cpus_per_worker: float = 1.0,
        batch: int = 0,
        target_factory: Callable[[], Target] | None = None,
        runtime_environment: Mapping[str, JsonValue] | None = None,
        object_store_bytes: int = 128 * 1024 * 1024,
    ) -> None:
        if workers < 1:
            raise InputError("the Ray executor needs at least one worker")
        self._workers = workers
        self._address = address
        self._cpus = cpus_per_worker
        self._batch = batch
        self._target_factory = target_factory
        self._runtime_environment = dict(runtime_environment or {})
        self._object_store_bytes = object_store_bytes
        self._state = ExecutorState()
        self._restarts = 0
        self.nodes: tuple[str, ...] = ()
        """Ids of the nodes that the workers live on, once the run has begun."""

    def state(self) -> ExecutorState:
        """The sum of the workers' adaptive limits, and the retries so far."""
        return self._state

    async def execute(self, work: Work) -> None:
        """Carry the run through on the cluster. Raises InputError where Ray is not installed."""
        ray = _import_ray()
        if work.cache is not None:
            raise InputError("the response cache and the Ray executor do not go together")
        ours = not ray.is_initialized()
        if ours:
            await asyncio.to_thread(self._connect, ray)
        actors: list[Any] = []
        try:
            make = self._maker(ray, work)
            for _ in range(self._workers):
                actors.append(make())
            self.nodes = tuple(await asyncio.gather(*(_start(actor) for actor in actors)))
            await self._loop(ray, work, actors, make)
        except ray.exceptions.RayError as error:
            raise InfrastructureError(
                f"the Ray cluster failed: {_first_line(error)}",
                hint="check the cluster with `ray status`, then run `safecase resume`",
            ) from error
        finally:
            await self._dismiss(ray, actors)
            if ours:
                await asyncio.to_thread(ray.shutdown)

    def _connect(self, ray: Any) -> None:
        options: dict[str, Any] = {"log_to_driver": False, "runtime_env": self._runtime_environment or None}
        if self._address:
            options["address"] = self._address
        else:
            options.update(
                num_cpus=max(1, round(self._workers * self._cpus)),
                object_store_memory=self._object_store_bytes,
                include_dashboard=False,
            )
        try:
            ray.init(**options)
        except (ConnectionError, RuntimeError, ValueError, OSError) as error:
            raise InfrastructureError(
                f"cannot reach a Ray cluster: {_first_line(error)}",
                hint="check the address, or leave it out to start a local one",
            ) from error

    def _maker(self, ray: Any, work: Work) -> Callable[[], Any]:
        target = work.target
        job = _Job(
            run_id=work.run_id,
            make_target=self._target_factory if self._target_factory is not None else lambda: target,
            build_scorer=work.build_scorer,
            limits=_share(work.limits, self._workers),
            price=work.price,
            with_summaries=work.with_summaries,
            scorer_concurrency=max(1, work.scorer_concurrency // self._workers),
        )
        try:
            packed = ray.put(job)
        except TypeError as error:
            raise InputError(
                f"the target or a scorer cannot be sent to another process: {_first_line(error)}",
                hint="give the Ray executor a target_factory",
            ) from error
        cases = ray.put(work.plan.cases)
        actor = ray.remote(Worker).options(
            num_cpus=self._cpus, scheduling_strategy="SPREAD", max_concurrency=8
        )
        return lambda: actor.remote(packed, cases)

    async def _loop(self, ray: Any, work: Work, actors: list[Any], make: Callable[[], Any]) -> None:
        dispatcher, recorder, budget = work.dispatcher, work.recorder, work.budget
        limited = budget.maximum_calls is not None or budget.maximum_cost_usd is not None
        size = self._batch or max(8, work.limits.concurrency // self._workers)
        outstanding: dict[asyncio.Task[Any], tuple[int, list[Draw], int]] = {}
        per_worker = 1 if limited else 2
        try:
            while True:
                for number in range(len(actors)):
                    while sum(entry[0] == number for entry in outstanding.values()) < per_worker:
                        draws, calls, money = self._next_batch(work, size, outstanding)
                        if not draws:
                            break
                        task = asyncio.ensure_future(_get(actors[number].run.remote(draws, calls, money)))
                        outstanding[task] = (number, draws, calls or 0)
                if not outstanding:
                    return
                done, _ = await asyncio.wait(outstanding, return_when=asyncio.FIRST_COMPLETED)
                for task in done:
                    number, draws, _ = outstanding.pop(task)
                    try:
                        returned: _Returned = task.result()
                    except ray.exceptions.RayActorError as error:
                        for draw in reversed(draws):
                            dispatcher.hand_out_again(draw.draw)
                        await self._replace(actors, number, make, error)
                        continue
                    self._state.retries += returned.retries
                    self._state.concurrency = returned.concurrency * len(actors)
                    budget.calls += returned.calls
                    budget.cost_usd += returned.cost_usd
                    for completed in returned.completed:
                        await recorder.record(completed)
                    self._unfinished(work, returned)
        finally:
            for task, (_, draws, _) in outstanding.items():
                task.cancel()
                for draw in draws:
                    dispatcher.put_back(draw.draw)

    def _next_batch(
        self, work: Work, size: int, outstanding: Mapping[Any, tuple[int, list[Draw], int]]
    ) -> tuple[list[Draw], int | None, float | None]:
        budget = work.budget
        calls: int | None = None
        money: float | None = None
        if budget.maximum_calls is not None:
            left = budget.maximum_calls - budget.calls - sum(entry[2] for entry in outstanding.values())
            if left <= 0:
                if not outstanding and not work.dispatcher.exhausted:
                    work.dispatcher.stop(f"the budget of {budget.maximum_calls} calls is used up")
                return [], None, None
            size = min(size, left)
            calls = left
        if budget.maximum_cost_usd is not None:
            money = (budget.maximum_cost_usd - budget.cost_usd) / self._workers
            if money <= 0:
                work.dispatcher.stop(f"the budget of {budget.maximum_cost_usd:g} USD is used up")
                return [], None, None
        draws: list[Draw] = []
        while len(draws) < size:
            draw = work.dispatcher.take_now()
            if draw is None:
                break
            draws.append(draw)
        if calls is not None:
            needed = sum(len(live_turns(work.plan.cases[draw.case_index])) for draw in draws)
            calls = min(calls, needed + len(draws))
        return draws, calls, money

    def _unfinished(self, work: Work, returned: _Returned) -> None:
        if returned.failure:
            work.recorder.fail(InfrastructureError(returned.failure))
        again = bool(returned.completed) and not returned.failure
        for draw in reversed(returned.unfinished):
            if again:
                work.dispatcher.hand_out_again(draw)
            else:
                work.dispatcher.put_back(draw)
        if returned.unfinished and not again:
            work.dispatcher.stop(returned.stop_reason)

    async def _replace(
        self, actors: list[Any], number: int, make: Callable[[], Any], error: BaseException
    ) -> None:
        """A fresh worker in the place of a dead one, a few times; then the run fails."""
        self._restarts += 1
        if self._restarts > _MOST_RESTARTS:
            raise InfrastructureError(
                f"workers of the Ray cluster keep dying: {_first_line(error)}",
                hint="check memory and logs of the nodes, then run `safecase resume`",
            ) from error
        actors[number] = make()
        await _start(actors[number])

    async def _dismiss(self, ray: Any, actors: list[Any]) -> None:
        closing = [_get(actor.close.remote()) for actor in actors]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(5):
                await asyncio.gather(*closing, return_exceptions=True)
        for actor in actors:
            ray.kill(actor)


async def _start(actor: Any) -> str:
    node, failure = await _get(actor.start.remote())
    if failure:
        raise InfrastructureError(failure)
    return str(node)


async def _get(reference: Any) -> Any:
    return await reference


def _share(limits: Limits, workers: int) -> Limits:
    """One worker's part of the limits; the head keeps the budgets."""
    return limits.model_copy(
        update={
            "concurrency": max(1, limits.concurrency // workers),
            "requests_per_minute": limits.requests_per_minute and limits.requests_per_minute / workers,
            "tokens_per_minute": limits.tokens_per_minute and limits.tokens_per_minute / workers,
            "maximum_calls": None,
            "maximum_cost_usd": None,
        }
    )


def _import_ray() -> Any:
    try:
        ray = importlib.import_module("ray")
        importlib.import_module("ray.exceptions")
    except ImportError as error:
        raise InputError("Ray is not installed", hint="pip install 'safecase[ray]'") from error
    return ray


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
