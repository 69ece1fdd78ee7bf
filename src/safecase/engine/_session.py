"""One session of a run: from the state of the folder to the end, a stop or a failure."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from secrets import token_hex

import numpy as np

from safecase.base import InfrastructureError, file_digest
from safecase.engine._attempt_recorder import AttemptRecorder, Tallies, told_outcomes
from safecase.engine._circuit_breaker import CircuitBreaker
from safecase.engine._dispatcher import Dispatcher
from safecase.engine.attempts._scoring import ScorerSet
from safecase.engine.calls._limits import Budget
from safecase.engine.executors.protocol import Assignment
from safecase.engine.journal._compaction import compact
from safecase.engine.journal._log import COLUMNS_NAME
from safecase.engine.journal._reader import JournalIndex, journal_paths
from safecase.engine.journal._writer import JournalWriter
from safecase.engine.progress import Progress, RateMeter
from safecase.engine.request import RunRequest
from safecase.engine.run_folder import RunFolder
from safecase.engine.status import RunState, RunStatus, write_status
from safecase.engine.store import is_remote, publish
from safecase.engine.summary import summarise
from safecase.model import Attempt, AttemptSummary, RunPurpose

_log = logging.getLogger(__name__)
# Answers that are on their way when the disk or the target fails may still arrive; a hanging call may not.
_FAILURE_GRACE_SECONDS = 1.0


class RunSession:
    """Owns dispatcher, journal and recorder for as long as one process works on a run."""

    def __init__(self, request: RunRequest, folder: RunFolder, scorers: ScorerSet, *, number: int) -> None:
        self._request = request
        self._folder = folder
        self._plan = folder.plan
        self._gate = request.streaming_gate(self._plan) if request.streaming_gate is not None else None
        self._scorers = scorers
        self._number = number
        self._index = JournalIndex(journal_paths(folder.path))
        self._tallies = Tallies()
        for record in self._index.records():
            self._tallies.add_record(record)
        self._earlier_count = len(self._index)
        self._durable = self._earlier_count
        limits = request.settings.limits
        recorded = np.zeros(len(self._plan), dtype=np.bool_)
        recorded[self._index.draws] = True
        self._dispatcher = Dispatcher(
            self._plan,
            recorded=recorded,
            earlier=self._earlier(),
            gate=self._gate,
            window=max(4 * limits.concurrency, 2 * request.breaker.consecutive),
        )
        self._budget = Budget(limits, calls=self._tallies.calls, cost_usd=self._tallies.cost_usd)
        self._started = time.monotonic()
        self._meter = RateMeter()
        self._drop_at: float | None = None
        self._dropped = False
        self._show_progress = request.progress is not None
        self._sealed = folder.manifest.purpose is RunPurpose.CERTIFICATION

    async def run(self) -> RunFolder:
        """Carry the run on. Raises as `safecase.engine.run.run_plan` says."""
        request, path = self._request, self._folder.path
        self._write_status(RunState.RUNNING, "")
        journal = JournalWriter(
            path / f"journal-{self._number:04d}-{token_hex(3)}.jsonl.zst",
            request.journal,
            acknowledged=self._acknowledged,
        )
        breaker = CircuitBreaker(request.breaker, answered=self._tallies.answered)
        recorder = AttemptRecorder(journal, self._dispatcher, self._tallies, breaker)
        cancelled: asyncio.CancelledError | None = None
        try:
            await self._execute(recorder, journal)
        except InfrastructureError as error:
            recorder.fail(error)
        except asyncio.CancelledError as error:
            self._dispatcher.stop("cancelled")
            cancelled = error
        except Exception as error:
            await self._close(journal, recorder)
            self._write_status(RunState.FAILED, str(error))
            raise
        await self._close(journal, recorder)
        return await self._conclude(recorder, journal, cancelled)

    async def _execute(self, recorder: AttemptRecorder, journal: JournalWriter) -> None:
        request = self._request
        assignment = Assignment(
            run_id=self._folder.manifest.run_id,
            request=request,
            scorers=self._scorers,
            budget=self._budget,
            draws=self._dispatcher,
            recorder=recorder,
        )
        execution = asyncio.ensure_future(request.executor.execute(assignment))
        ticker = asyncio.ensure_future(self._tick(execution, recorder, journal))
        try:
            with self._signals(execution):
                await execution
        except asyncio.CancelledError:
            if not self._dropped:
                raise
        finally:
            ticker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticker

    async def _tick(
        self, execution: asyncio.Future[None], recorder: AttemptRecorder, journal: JournalWriter
    ) -> None:
        """Show progress, and drop what is in flight once a stop has waited long enough."""
        while True:
            await asyncio.sleep(self._request.progress_seconds)
            self._report(recorder, journal, finished=False)
            if self._request.cache is not None:
                self._request.cache.flush()
            if recorder.failure is not None and self._drop_at is None:
                self._drop_at = time.monotonic() + _FAILURE_GRACE_SECONDS
            if self._drop_at is not None and time.monotonic() >= self._drop_at and not self._dropped:
                self._dropped = True
                execution.cancel()

    @contextlib.contextmanager
    def _signals(self, execution: asyncio.Future[None]) -> Iterator[None]:
        """First signal: hand out nothing more. Second: drop what is in flight."""
        loop = asyncio.get_running_loop()
        numbers = (signal.SIGINT, signal.SIGTERM)
        if not self._request.handle_signals or threading.current_thread() is not threading.main_thread():
            yield
            return

        def stop(number: signal.Signals) -> None:
            if self._drop_at is not None:
                self._dropped = True
                execution.cancel()
                return
            self._drop_at = time.monotonic() + self._request.stop_grace_seconds
            self._dispatcher.stop(f"interrupted by {number.name}")

        try:
            for number in numbers:
                loop.add_signal_handler(number, stop, number)
        except NotImplementedError:  # event loops of Windows
            yield
            return
        try:
            yield
        finally:
            for number in numbers:
                loop.remove_signal_handler(number)

    async def _close(self, journal: JournalWriter, recorder: AttemptRecorder) -> None:
        recorder.finish()
        try:
            await journal.close()
        except InfrastructureError as error:
            recorder.fail(error)
        if self._request.cache is not None:
            self._request.cache.flush()

    async def _conclude(
        self, recorder: AttemptRecorder, journal: JournalWriter, cancelled: asyncio.CancelledError | None
    ) -> RunFolder:
        request, folder, dispatcher = self._request, self._folder, self._dispatcher
        if recorder.failure is not None:
            with contextlib.suppress(InfrastructureError):  # a full disk takes no status either
                self._write_status(RunState.FAILED, recorder.failure.message)
            if is_remote(request.store):
                # The next machine may take it up; that the store fails too must not hide why the run did.
                with contextlib.suppress(InfrastructureError):
                    await asyncio.to_thread(publish, folder.path, str(request.store))
            raise self._with_place(recorder.failure)
        if cancelled is not None or dispatcher.remaining:
            self._write_status(RunState.STOPPED, dispatcher.stop_reason)
        else:
            self._report(recorder, journal, finished=False)
            decided = dispatcher.decided and not self._sealed
            reason = f"the gate was decided after {dispatcher.decided_at} draws" if decided else ""
            content = await asyncio.to_thread(compact, folder.path, self._plan)
            self._write_status(RunState.COMPLETE, reason, content)
        self._report(recorder, journal, finished=True)
        if cancelled is not None:
            raise cancelled
        if is_remote(request.store):
            await asyncio.to_thread(publish, folder.path, str(request.store))
        return folder

    def _with_place(self, failure: InfrastructureError) -> InfrastructureError:
        saved = f"; {self._durable} of {len(self._plan)} attempts are saved"
        return InfrastructureError(
            failure.message + saved,
            where=failure.where or str(self._folder.path),
            hint=failure.hint or "mend the cause, then run `safecase resume`",
        )

    def _earlier(self) -> Iterator[AttemptSummary]:
        plan = self._plan
        for record in self._index.records():
            attempt = Attempt.model_validate_json(record)
            yield summarise(attempt, plan.cases[plan.case_index[attempt.draw]])

    def _acknowledged(self, count: int) -> None:
        self._durable += count

    def _write_status(self, state: RunState, reason: str, content: str = "") -> None:
        planned = len(self._plan)
        tallies = self._tallies
        write_status(
            self._folder.path,
            RunStatus(
                state=state,
                reason=reason,
                planned=planned,
                recorded=self._durable,
                skipped=self._dispatcher.skipped,
                not_run=planned - self._durable - self._dispatcher.skipped,
                outcomes=told_outcomes(tallies, sealed=self._sealed),
                calls=max(self._budget.calls, tallies.calls),
                cost_usd=tallies.cost_usd if tallies.cost_known else None,
                sessions=self._number,
                dropped_bytes=self._index.dropped_bytes,
                attempts_digest=content,
                columns_digest=file_digest(self._folder.path / COLUMNS_NAME) if content else "",
                updated_at=datetime.now(UTC),
            ),
        )

    def _report(self, recorder: AttemptRecorder, journal: JournalWriter, *, finished: bool) -> None:
        callback = self._request.progress
        if callback is None or not self._show_progress:
            return
        tallies, dispatcher = recorder.tallies, self._dispatcher
        done = tallies.finished
        planned = len(self._plan)
        rate = self._meter.rate(done - self._earlier_count)
        left = planned - done - dispatcher.skipped
        state = self._request.executor.state()
        gate = self._gate
        snapshot = Progress(
            planned=planned,
            recorded=self._durable,
            waiting=journal.waiting,
            skipped=dispatcher.skipped,
            in_flight=dispatcher.in_flight,
            outcomes={kind.value: count for kind, count in tallies.outcomes.items()},
            rate=rate,
            eta_seconds=left / rate if rate > 0 else None,
            elapsed_seconds=time.monotonic() - self._started,
            calls=max(self._budget.calls, tallies.calls),
            retries=state.retries,
            cached=tallies.cached,
            input_tokens=tallies.input_tokens,
            output_tokens=tallies.output_tokens,
            cost_usd=tallies.cost_usd if tallies.cost_known else None,
            concurrency=state.concurrency,
            gate=dict(gate.progress()) if gate is not None else {},
            finished=finished,
        )
        if self._sealed:
            snapshot = snapshot.as_sealed()
        try:
            callback(snapshot)
        except Exception:  # noqa: BLE001  a broken display must not spoil a run that costs money
            self._show_progress = False
            _log.warning("the progress display failed and is switched off", exc_info=True)
