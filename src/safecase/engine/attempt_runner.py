"""One attempt from call to record: conversation, scores, outcome, bytes for the journal."""

from __future__ import annotations

import asyncio
import inspect
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from safecase.base import canonical_json
from safecase.engine.caller import Caller, CallFailed
from safecase.engine.conversation import Conversation, PriceLookup, converse
from safecase.engine.record import encode_attempt
from safecase.engine.summary import summarise
from safecase.model import (
    Attempt,
    AttemptError,
    AttemptSummary,
    Case,
    ErrorOrigin,
    Expectation,
    FailureKind,
    OutcomeKind,
    Score,
    Scorer,
    TargetFailure,
    Transcript,
    Usage,
    combine_outcomes,
)

ScorerBuilder = Callable[[Expectation], Scorer]
"""Builds the scorer of an expectation; called once per distinct (scorer, parameters)."""


@dataclass(frozen=True, slots=True)
class Draw:
    """One place in the draw order, with what it takes to try it."""

    draw: int
    case_index: int
    repeat: int
    seed: int


@dataclass(frozen=True, slots=True)
class Completed:
    """A finished attempt, ready for the journal, and what the driver needs to know of it."""

    draw: int
    record: bytes
    outcome: OutcomeKind
    failure: FailureKind | None
    """Where the target failed: how. None where it answered."""
    message: str
    calls: int
    input_tokens: int
    output_tokens: int
    cost_usd: float | None
    cached: bool
    summary: AttemptSummary | None
    """Only where a streaming gate watches."""


class ScorerSet:
    """The scorers of a run, each built once. Raises what the builder raises (InputError), before any call."""

    def __init__(self, cases: Sequence[Case], build: ScorerBuilder) -> None:
        self._scorers: dict[bytes, Scorer] = {}
        self._of_case: list[tuple[Scorer, ...]] = []
        shared: dict[tuple[bytes, ...], tuple[Scorer, ...]] = {}
        for case in cases:
            keys = tuple(canonical_json((item.scorer, item.parameters)) for item in case.expect)
            if keys not in shared:
                for key, expectation in zip(keys, case.expect, strict=True):
                    if key not in self._scorers:
                        self._scorers[key] = build(expectation)
                shared[keys] = tuple(self._scorers[key] for key in keys)
            self._of_case.append(shared[keys])

    @property
    def asynchronous(self) -> bool:
        """True where a scorer is asynchronous (a judge)."""
        return any(inspect.iscoroutinefunction(scorer.score) for scorer in self._scorers.values())

    def of(self, case_index: int) -> tuple[Scorer, ...]:
        """The scorers of a case, in the order of its expectations."""
        return self._of_case[case_index]


class AttemptRunner:
    """Runs attempts. Failures become error outcomes; only a budget or a cancellation leaves as exception."""

    def __init__(
        self,
        *,
        cases: Sequence[Case],
        caller: Caller,
        scorers: ScorerSet,
        run_id: str,
        price: PriceLookup | None = None,
        with_summaries: bool = False,
        scorer_concurrency: int = 32,
        scorer_timeout_seconds: float = 300.0,
    ) -> None:
        self.caller = caller
        self._cases = cases
        self._scorers = scorers
        self._run_id = run_id
        self._price = price
        self._with_summaries = with_summaries
        self._slots = asyncio.Semaphore(scorer_concurrency)
        self._scorer_timeout = scorer_timeout_seconds

    async def run(self, draw: Draw) -> Completed:
        """Try one draw. Raises BudgetExhausted where no call may be made, and CancelledError."""
        case = self._cases[draw.case_index]
        started_at = datetime.now(UTC)
        scores: tuple[Score, ...] = ()
        error: AttemptError | None = None
        conversation: Conversation | None = None
        failure: FailureKind | None = None
        try:
            conversation = await converse(
                case,
                call=self.caller.call,
                conversation_id=f"{self._run_id}/{case.id}#{draw.repeat}",
                seed=draw.seed,
                repeat=draw.repeat,
                price=self._price,
            )
        except CallFailed as failed:
            failure = failed.failure.kind
            error = AttemptError(
                origin=ErrorOrigin.TARGET, kind=failure, message=str(failed.failure), tries=failed.tries
            )
        except TargetFailure as failed_reply:
            failure = failed_reply.kind
            error = AttemptError(origin=ErrorOrigin.TARGET, kind=failure, message=str(failed_reply))
        if conversation is not None:
            scores, error = await self._score(case, draw.case_index, conversation.transcript)
            outcome = combine_outcomes([score.outcome for score in scores])
            if outcome is not OutcomeKind.ERROR:
                error = None
        else:
            outcome = OutcomeKind.ERROR
        attempt = Attempt(
            draw=draw.draw,
            case_id=case.id,
            case_digest=case.digest,
            repeat=draw.repeat,
            seed=draw.seed,
            outcome=outcome,
            scores=scores,
            error=error,
            transcript=conversation.transcript if conversation is not None else _unanswered(case),
            started_at=started_at,
            latency_ms=round(conversation.latency_ms, 3) if conversation is not None else 0.0,
            usage=conversation.usage
            if conversation is not None
            else Usage(calls=error.tries if error else 0),
            cached=conversation.cached if conversation is not None else False,
        )
        return self._completed(attempt, case, failure)

    def harness_failure(self, draw: Draw, error: BaseException) -> Completed:
        """The record of an attempt that a mistake of the harness itself spoiled."""
        case = self._cases[draw.case_index]
        place = traceback.extract_tb(error.__traceback__)[-1:]
        where = f" at {place[0].name}:{place[0].lineno}" if place else ""
        attempt = Attempt(
            draw=draw.draw,
            case_id=case.id,
            case_digest=case.digest,
            repeat=draw.repeat,
            seed=draw.seed,
            outcome=OutcomeKind.ERROR,
            error=AttemptError(
                origin=ErrorOrigin.HARNESS,
                kind=FailureKind.CRASH,
                message=f"{type(error).__name__}{where}: {str(error)[:500]}",
            ),
            transcript=_unanswered(case),
            started_at=datetime.now(UTC),
        )
        return self._completed(attempt, case, None)

    def _completed(self, attempt: Attempt, case: Case, failure: FailureKind | None) -> Completed:
        usage = attempt.usage
        return Completed(
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

    async def _score(
        self, case: Case, case_index: int, transcript: Transcript
    ) -> tuple[tuple[Score, ...], AttemptError | None]:
        scores: list[Score] = []
        error: AttemptError | None = None
        for scorer in self._scorers.of(case_index):
            try:
                result = scorer.score(case, transcript)
                if inspect.isawaitable(result):
                    async with self._slots, asyncio.timeout(self._scorer_timeout):
                        result = await result
                if not isinstance(result, Score):
                    raise TypeError(f"returned {type(result).__name__} instead of a score")
                score = result
            except Exception as problem:  # noqa: BLE001  a scorer's mistake spoils one score, never the run
                kind = _kind(problem)
                text = f"scorer {scorer.name}: {type(problem).__name__}: {str(problem)[:500]}"
                score = Score(
                    scorer=scorer.name,
                    scorer_version=scorer.version,
                    outcome=OutcomeKind.ERROR,
                    explanation=text,
                )
                error = error or AttemptError(origin=ErrorOrigin.SCORER, kind=kind, message=text)
            if score.outcome is OutcomeKind.ERROR and error is None:
                text = score.explanation or f"scorer {scorer.name} reported an error"
                error = AttemptError(
                    origin=ErrorOrigin.SCORER, kind=FailureKind.BAD_RESPONSE, message=text[:500]
                )
            scores.append(score)
        return tuple(scores), error


def _kind(problem: Exception) -> FailureKind:
    if isinstance(problem, TargetFailure):
        return problem.kind
    return FailureKind.TIMEOUT if isinstance(problem, TimeoutError) else FailureKind.CRASH


def _unanswered(case: Case) -> Transcript:
    return Transcript(messages=case.messages, documents=case.documents)
