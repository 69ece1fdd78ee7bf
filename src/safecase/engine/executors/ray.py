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
from safecase.engine.attempts._draws import Draw, FinishedAttempt
from safecase.engine.attempts._runner import AttemptRunner
from safecase.engine.attempts._scoring import ScorerBuilder, ScorerSet
from safecase.engine.calls._answer import PriceLookup
from safecase.engine.calls._caller import Caller
from safecase.engine.calls._limits import Budget
from safecase.engine.executors.protocol import Assignment, ExecutorState, start_target
from safecase.engine.plan import live_turns
from safecase.model import Case, Limits, RunSettings, Target

# A node that is lost costs a worker or two; more deaths than that have a cause that a restart does not mend.
_MOST_RESTARTS = 3


@dataclass(frozen=True)
class _Job:
    """What a worker needs once."""

    run_id: str
    make_target: Callable[[], Target]
    build_scorer: ScorerBuilder
    settings: RunSettings
    """Those of the run, with this worker's share of the limits."""
    price: PriceLookup | None
    with_summaries: bool


@dataclass(frozen=True)
class _Returned:
    """What came of a batch."""

    attempts: list[FinishedAttempt]
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
        self.attempts: list[FinishedAttempt] = []
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
            self.unfinished.append(draw.position)
        return None

    async def take(self) -> Draw | None:
        return self.take_now()

    def put_back(self, position: int) -> None:
        self.unfinished.append(position)

    def stop(self, reason: str) -> None:
        self.stop_reason = self.stop_reason or reason

    def record(self, attempt: FinishedAttempt) -> None:
        self.attempts.append(attempt)

    async def room(self) -> None:
        return None

    def fail(self, error: InfrastructureError) -> None:
        self.failure = self.failure or error
        self.stop(error.message)


class Worker:
    """Runs inside a Ray actor: one copy of the target, batch after batch."""

    def __init__(self, job: _Job, cases: tuple[Case, ...]) -> None:
        self._target = job.make_target()
        self._caller = Caller(self._target, job.settings.limits, price=job.price)
        scorers = ScorerSet(cases, job.build_scorer, concurrency=job.settings.scorer_concurrency)
        self._runner = AttemptRunner(
            cases, self._caller, scorers, run_id=job.run_id, with_summaries=job.with_summaries
        )

    async def start(self) -> tuple[str, str]:
        """Open the target; the id of the node that this worker lives on, and what went wrong or nothing."""
        import ray

        try:
            await start_target(self._target)
        except InfrastructureError as error:
            return "", error.render()
        return str(ray.get_runtime_context().get_node_id()), ""

    async def run(self, draws: list[Draw], calls: int | None, cost_usd: float | None) -> _Returned:
        """Try the draws, with at most ``calls`` calls and about ``cost_usd`` dollars."""
        budget = Budget(Limits(maximum_calls=calls, maximum_cost_usd=cost_usd))
        self._caller.budget = budget
        retries = self._caller.retries
        batch = _Batch(draws)
        await self._runner.run(batch, batch)
        batch.take_now()
        return _Returned(
            attempts=batch.attempts,
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

    async def execute(self, assignment: Assignment) -> None:
        """Carry the run through on the cluster. Raises InputError where Ray is not installed."""
        ray = _import_ray()
        if assignment.request.cache is not None:
            raise InputError("the response cache and the Ray executor do not go together")
        ours = not ray.is_initialized()
        if ours:
            await asyncio.to_thread(self._connect, ray)
        actors: list[Any] = []
        try:
            make = self._maker(ray, assignment)
            for _ in range(self._workers):
                actors.append(make())
            self.nodes = tuple(await asyncio.gather(*(_start(actor) for actor in actors)))
            await self._loop(ray, assignment, actors, make)
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

    def _maker(self, ray: Any, assignment: Assignment) -> Callable[[], Any]:
        request = assignment.request
        target = request.target
        job = _Job(
            run_id=assignment.run_id,
            make_target=self._target_factory if self._target_factory is not None else lambda: target,
            build_scorer=request.build_scorer,
            settings=_share(request.settings, self._workers),
            price=request.price,
            with_summaries=request.streaming_gate is not None,
        )
        try:
            packed = ray.put(job)
        except TypeError as error:
            raise InputError(
                f"the target or a scorer cannot be sent to another process: {_first_line(error)}",
                hint="give the Ray executor a target_factory",
            ) from error
        cases = ray.put(request.plan.cases)
        actor = ray.remote(Worker).options(
            num_cpus=self._cpus, scheduling_strategy="SPREAD", max_concurrency=8
        )
        return lambda: actor.remote(packed, cases)

    async def _loop(
        self, ray: Any, assignment: Assignment, actors: list[Any], make: Callable[[], Any]
    ) -> None:
        draws_left, recorder, budget = assignment.draws, assignment.recorder, assignment.budget
        limited = budget.maximum_calls is not None or budget.maximum_cost_usd is not None
        size = self._batch or max(8, assignment.request.settings.limits.concurrency // self._workers)
        outstanding: dict[asyncio.Task[Any], tuple[int, list[Draw], int]] = {}
        per_worker = 1 if limited else 2
        try:
            while True:
                for number in range(len(actors)):
                    while sum(entry[0] == number for entry in outstanding.values()) < per_worker:
                        draws, calls, money = self._next_batch(assignment, size, outstanding)
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
                            draws_left.hand_out_again(draw.position)
                        await self._replace(actors, number, make, error)
                        continue
                    self._state.retries += returned.retries
                    self._state.concurrency = returned.concurrency * len(actors)
                    budget.calls += returned.calls
                    budget.cost_usd += returned.cost_usd
                    for attempt in returned.attempts:
                        recorder.record(attempt)
                        await recorder.room()
                    self._unfinished(assignment, returned)
        finally:
            for task, (_, draws, _) in outstanding.items():
                task.cancel()
                for draw in draws:
                    draws_left.put_back(draw.position)

    def _next_batch(
        self, assignment: Assignment, size: int, outstanding: Mapping[Any, tuple[int, list[Draw], int]]
    ) -> tuple[list[Draw], int | None, float | None]:
        budget = assignment.budget
        calls: int | None = None
        money: float | None = None
        if budget.maximum_calls is not None:
            left = budget.maximum_calls - budget.calls - sum(entry[2] for entry in outstanding.values())
            if left <= 0:
                if not outstanding and not assignment.draws.exhausted:
                    assignment.draws.stop(f"the budget of {budget.maximum_calls} calls is used up")
                return [], None, None
            size = min(size, left)
            calls = left
        if budget.maximum_cost_usd is not None:
            money = (budget.maximum_cost_usd - budget.cost_usd) / self._workers
            if money <= 0:
                assignment.draws.stop(f"the budget of {budget.maximum_cost_usd:g} USD is used up")
                return [], None, None
        draws: list[Draw] = []
        while len(draws) < size:
            draw = assignment.draws.take_now()
            if draw is None:
                break
            draws.append(draw)
        if calls is not None:
            needed = sum(len(live_turns(assignment.request.plan.cases[draw.case_index])) for draw in draws)
            calls = min(calls, needed + len(draws))
        return draws, calls, money

    def _unfinished(self, assignment: Assignment, returned: _Returned) -> None:
        if returned.failure:
            assignment.recorder.fail(InfrastructureError(returned.failure))
        again = bool(returned.attempts) and not returned.failure
        for draw in reversed(returned.unfinished):
            if again:
                assignment.draws.hand_out_again(draw)
            else:
                assignment.draws.put_back(draw)
        if returned.unfinished and not again:
            assignment.draws.stop(returned.stop_reason)

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


def _share(settings: RunSettings, workers: int) -> RunSettings:
    """One worker's part of the settings; the head keeps the budgets."""
    limits = settings.limits
    part = limits.model_copy(
        update={
            "concurrency": max(1, limits.concurrency // workers),
            "requests_per_minute": limits.requests_per_minute and limits.requests_per_minute / workers,
            "tokens_per_minute": limits.tokens_per_minute and limits.tokens_per_minute / workers,
            "maximum_calls": None,
            "maximum_cost_usd": None,
        }
    )
    judges = max(1, settings.scorer_concurrency // workers)
    return settings.model_copy(update={"limits": part, "scorer_concurrency": judges})


def _import_ray() -> Any:
    try:
        ray = importlib.import_module("ray")
        importlib.import_module("ray.exceptions")
    except ImportError as error:
        raise InputError("Ray is not installed", hint="pip install 'safecase[ray]'") from error
    return ray


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
