"""Attempts from draw to record: as many at a time as the target's limits allow."""

from __future__ import annotations

import asyncio
import traceback
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from safecase.base import InfrastructureError
from safecase.engine.attempts._conversation import Conversation
from safecase.engine.attempts._draws import AttemptSink, Draw, DrawSource, FinishedAttempt
from safecase.engine.attempts._encoding import encode_attempt
from safecase.engine.attempts._scoring import ScorerSet
from safecase.engine.calls._caller import Caller, CallFailed
from safecase.engine.calls._limits import BudgetExhausted
from safecase.engine.summary import summarise
from safecase.model import (
    Attempt,
    AttemptError,
    Case,
    ErrorOrigin,
    FailureKind,
    OutcomeKind,
    TargetFailure,
    Transcript,
    Usage,
    combine_outcomes,
)


@dataclass(slots=True)
class _Crew:
    """The workers of one call of `AttemptRunner.run`: batches on a cluster's machine run side by side."""

    group: asyncio.TaskGroup
    draws: DrawSource
    sink: AttemptSink
    size: int = 0


class AttemptRunner:
    """As many workers as calls may be in flight, plus those that wait for judges.

    Their number follows the caller's adaptive limit. A worker takes a draw only when it can call at once, so
    that little is under way when the gate decides. Failures become error outcomes: only a budget, a broken
    infrastructure or a cancellation ends the work.
    """

    def __init__(
        self,
        cases: Sequence[Case],
        caller: Caller,
        scorers: ScorerSet,
        *,
        run_id: str,
        with_summaries: bool = False,
    ) -> None:
        """``with_summaries``: a streaming gate watches and wants each attempt joined to its case."""
        self._cases = cases
        self._caller = caller
        self._scorers = scorers
        self._run_id = run_id
        self._with_summaries = with_summaries

    async def run(self, draws: DrawSource, sink: AttemptSink) -> None:
        """Return when there is no more to do. Raises InfrastructureError where no attempt can be made."""
        try:
            async with asyncio.TaskGroup() as group:
                self._add_workers(_Crew(group, draws, sink))
        except* InfrastructureError as errors:
            raise errors.exceptions[0] from errors

    def _wanted(self) -> int:
        # Attempts that wait for a judge must not keep the target idle.
        return int(self._caller.concurrency.limit) + self._scorers.waiting

    def _add_workers(self, crew: _Crew) -> None:
        while crew.size < self._wanted():
            crew.size += 1
            crew.group.create_task(self._work(crew))

    async def _work(self, crew: _Crew) -> None:
        draws, sink = crew.draws, crew.sink
        while True:
            draw = draws.take_now() or await draws.take()
            if draw is None:
                break
            finished: FinishedAttempt | None = None
            try:
                finished = await self._try(draw)
            except BudgetExhausted as stop:
                draws.put_back(draw.position)
                draws.stop(str(stop))
            except InfrastructureError as error:
                draws.put_back(draw.position)
                sink.fail(error)
            except asyncio.CancelledError:
                draws.put_back(draw.position)
                raise
            except Exception as error:  # noqa: BLE001  a mistake of ours costs one verdict, never the run
                finished = self._harness_failure(draw, error)
            if finished is not None:
                sink.record(finished)
                await sink.room()
            wanted = self._wanted()
            if wanted > crew.size and not draws.exhausted:
                self._add_workers(crew)
            elif wanted < crew.size:
                break
        crew.size -= 1

    async def _try(self, draw: Draw) -> FinishedAttempt:
        """Try one draw. Raises BudgetExhausted where no call may be made, and CancelledError."""
        case = self._cases[draw.case_index]
        started_at = datetime.now(UTC)
        conversation = Conversation(
            case,
            conversation_id=f"{self._run_id}/{case.id}#{draw.repeat}",
            seed=draw.seed,
            repeat=draw.repeat,
        )
        try:
            while (request := conversation.next_request()) is not None:
                conversation.take(await self._caller.call(request))
            transcript = conversation.transcript()
        except (CallFailed, TargetFailure) as failed:
            return self._target_failure(draw, case, started_at, failed)
        scores, error = await self._scorers.score(draw.case_index, case, transcript)
        outcome = combine_outcomes([score.outcome for score in scores])
        attempt = Attempt(
            draw=draw.position,
            case_id=case.id,
            case_digest=case.digest,
            repeat=draw.repeat,
            seed=draw.seed,
            outcome=outcome,
            scores=scores,
            error=error if outcome is OutcomeKind.ERROR else None,
            transcript=transcript,
            started_at=started_at,
            latency_ms=round(conversation.latency_ms, 3),
            usage=conversation.usage(self._caller.price),
            cached=conversation.cached,
        )
        return self._finished(attempt, case, None)

    def _target_failure(
        self, draw: Draw, case: Case, started_at: datetime, failed: CallFailed | TargetFailure
    ) -> FinishedAttempt:
        failure, tries = (failed.failure, failed.tries) if isinstance(failed, CallFailed) else (failed, 1)
        error = AttemptError(origin=ErrorOrigin.TARGET, kind=failure.kind, message=str(failure), tries=tries)
        attempt = _error_attempt(draw, case, error, started_at).model_copy(
            update={"usage": Usage(calls=tries)}
        )
        return self._finished(attempt, case, failure.kind)

    def _harness_failure(self, draw: Draw, error: BaseException) -> FinishedAttempt:
        """The record of an attempt that a mistake of the harness itself spoiled."""
        case = self._cases[draw.case_index]
        place = traceback.extract_tb(error.__traceback__)[-1:]
        where = f" at {place[0].name}:{place[0].lineno}" if place else ""
        told = AttemptError(
            origin=ErrorOrigin.HARNESS,
            kind=FailureKind.CRASH,
            message=f"{type(error).__name__}{where}: {str(error)[:500]}",
        )
        return self._finished(_error_attempt(draw, case, told, datetime.now(UTC)), case, None)

    def _finished(self, attempt: Attempt, case: Case, failure: FailureKind | None) -> FinishedAttempt:
        usage = attempt.usage
        return FinishedAttempt(
            draw=attempt.draw,
            record=encode_attempt(attempt),
            outcome=attempt.outcome,
            failure=failure,
            message=attempt.error.message if attempt.error is not None else "",
            calls=usage.calls,
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cost_usd=usage.cost_usd,
            cached=attempt.cached,
            summary=summarise(attempt, case) if self._with_summaries else None,
        )


def _error_attempt(draw: Draw, case: Case, error: AttemptError, started_at: datetime) -> Attempt:
    return Attempt(
        draw=draw.position,
        case_id=case.id,
        case_digest=case.digest,
        repeat=draw.repeat,
        seed=draw.seed,
        outcome=OutcomeKind.ERROR,
        error=error,
        transcript=Transcript(messages=case.messages, documents=case.documents),
        started_at=started_at,
    )
